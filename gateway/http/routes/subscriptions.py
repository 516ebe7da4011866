"""Subscriptions: settings, states, decisions, and why each was what it was."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, Field

from gateway.http import calls
from gateway.http.caller import ACTOR, Reads, Writes
from gateway.http.pages import Page, PageOf
from gateway.http.routes.fields import Body, Epoch, Id, Json, Number

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

Settings = Annotated[
    Json, Field(description="Columns of signals.copy_settings, see docs/copying.md; null takes one back.")
]


class Subscription(BaseModel):
    subscription_id: int
    subscriber: str
    stream_id: int
    stream: str
    portfolio: str
    mode: str
    state: str
    state_since: datetime
    state_cause: str | None
    sizing: str
    multiplier: Decimal
    settings_version: int
    has_copier: bool
    deliveries: int
    acknowledged: int
    created_at: datetime
    ended_at: datetime | None
    account_id: int
    portfolio_id: int


class NewSubscription(Body):
    account_id: Number
    stream_id: Number
    settings: Settings = Field(default_factory=dict)
    portfolio_id: Number | None = Field(
        default=None, description="Null: the account's only one, made if there is none."
    )


class SubscriptionMade(BaseModel):
    subscription_id: int


class NewSettings(Body):
    settings: Settings


class SettingsWritten(BaseModel):
    settings_version: int


class Change(Body):
    cause: Literal["user_pause", "user_resume", "end", "gap", "resumed", "no_funds", "funded", "toxic", "recovered"] = (
        Field(description="Tenants: the first three.")
    )


class Changed(BaseModel):
    state: str


class StateChange(BaseModel):
    subscription_id: int
    subscriber: str
    stream: str
    from_state: str | None
    to_state: str
    cause: str
    actor: str
    occurred_at: datetime


class Decision(BaseModel):
    subscription_id: int
    subscriber: str
    stream_id: int
    stream: str
    epoch: int
    seq: int
    part: int
    delivery_seq: int | None
    reason: str
    action: str
    symbol: str | None
    side: str | None
    position_id: int | None
    volume: Decimal | None
    price: Decimal | None
    settings_version: int
    report: str | None
    report_code: str | None
    ticket: int | None
    fill_price: Decimal | None
    fill_volume: Decimal | None
    slippage: Decimal | None
    sent_at: datetime | None
    decided_at: datetime
    reported_at: datetime | None
    execute_ms: Decimal | None
    answer_ms: Decimal | None


class Explanation(BaseModel):
    """The sentence that sums it up, and the rule and numbers behind it."""

    subscription_id: int
    stream: str | None
    epoch: int | None
    seq: int | None
    action: str | None
    symbol: str | None
    side: str | None
    master_volume: Decimal | None
    verdict: str | None
    outcome: str | None
    reason: str | None
    delivery_seq: int | None
    volume: Decimal | None
    formula: str | None
    rule: str | None
    threshold: str | None
    value: str | None
    settings_version: int | None
    report: str | None
    report_code: str | None
    ticket: int | None
    fill_price: Decimal | None
    slippage: Decimal | None
    decided_at: datetime | None
    sentence: str


class Proposal(Body):
    settings: Settings
    begin: AwareDatetime | None = Field(default=None, alias="from", description="By default 24 hours ago.")
    end: AwareDatetime | None = Field(default=None, alias="to", description="By default now.")


class Outcome(BaseModel):
    sent_at: datetime
    epoch: int
    seq: int
    action: str
    symbol: str | None
    side: str | None
    master_volume: Decimal | None
    reason_then: str | None
    volume_then: Decimal | None
    reason: str | None
    copy_symbol: str | None
    copy_side: str | None
    volume: Decimal | None
    formula: str | None
    notional: Decimal | None
    cost: Decimal | None


class WhatIf(BaseModel):
    items: list[Outcome]
    is_cut: bool = Field(description="There was more than is shown: ask for a shorter time.")


MOST_OUTCOMES = 5_000


@router.get("", response_model=Page[Subscription])
async def subscriptions(caller: Reads, paging: PageOf) -> dict[str, Any]:
    """The subscriptions that the caller may see: a tenant its own."""
    return await caller.page(calls.SUBSCRIPTIONS, paging)


@router.post("", status_code=201, response_model=SubscriptionMade)
async def subscribe(caller: Writes, new: NewSubscription) -> Response:
    """An account follows a stream from its next signal on. Operators."""
    return await caller.write(
        SubscriptionMade, calls.SUBSCRIBE, new.account_id, new.stream_id, new.settings, new.portfolio_id
    )


@router.get("/{subscription_id}", response_model=Subscription)
async def subscription(caller: Reads, subscription_id: Id) -> Any:
    return await caller.row(calls.SUBSCRIPTION, subscription_id)


@router.post("/{subscription_id}/settings", status_code=201, response_model=SettingsWritten)
async def write_settings(caller: Writes, subscription_id: Id, new: NewSettings) -> Response:
    """The next version of its settings, over the one before. Tenants their own."""
    return await caller.write(SettingsWritten, calls.WRITE_SETTINGS, subscription_id, new.settings, ACTOR)


@router.post("/{subscription_id}/state", response_model=Changed)
async def transition(caller: Writes, subscription_id: Id, change: Change) -> Response:
    """Pause, resume or end it (docs/state_machines.md). Tenants their own."""
    return await caller.write(Changed, calls.TRANSITION, subscription_id, change.cause, ACTOR)


@router.get("/{subscription_id}/state-changes", response_model=Page[StateChange])
async def state_changes(caller: Reads, subscription_id: Id, paging: PageOf) -> dict[str, Any]:
    """Newest first."""
    return await caller.page(calls.STATE_CHANGES, paging, subscription_id)


@router.get("/{subscription_id}/decisions", response_model=Page[Decision])
async def decisions(caller: Reads, subscription_id: Id, paging: PageOf) -> dict[str, Any]:
    """What was decided for it on each signal, and what the terminal did; newest first."""
    return await caller.page(calls.DECISIONS, paging, subscription_id)


@router.get("/{subscription_id}/signals/{epoch}/{seq}", response_model=Explanation)
async def explain(caller: Reads, subscription_id: Id, epoch: Epoch, seq: Id) -> Any:
    """Why the signal was, or was not, copied."""
    return await caller.row(calls.EXPLAIN, subscription_id, epoch, seq)


@router.get("/{subscription_id}/deliveries/{delivery_seq}", response_model=Explanation)
async def explain_delivery(caller: Reads, subscription_id: Id, delivery_seq: Id) -> Any:
    """Why it was told what this delivery told it."""
    return await caller.row(calls.EXPLAIN_DELIVERY, subscription_id, delivery_seq)


@router.post("/{subscription_id}/what-if", response_model=WhatIf)
async def what_if(caller: Reads, subscription_id: Id, proposal: Proposal) -> Any:
    """What it would have copied under other settings, beside what it did. It changes nothing, and takes no key."""
    period = proposal.begin, proposal.end
    # What is tried there is rolled back, but it is written.
    rows = await caller.rows(
        calls.WHAT_IF, subscription_id, proposal.settings, *period, MOST_OUTCOMES + 1, readonly=False, is_long=True
    )
    return {"items": [dict(row) for row in rows[:MOST_OUTCOMES]], "is_cut": len(rows) > MOST_OUTCOMES}
