"""Accounts, how far they are trusted, and their statements."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from gateway.http import calls
from gateway.http.caller import ACTOR, Reads, Writes
from gateway.http.pages import Page, PageOf
from gateway.http.routes.fields import Body, Currency, Done, Id, Json, Name, Reason

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])


class Account(BaseModel):
    account_id: int
    public_id: UUID
    account: str
    roles: list[str]
    status: str
    created_at: datetime


class NewAccount(Body):
    name: Name
    roles: list[Literal["provider", "subscriber", "operator", "analyst", "auditor"]] = Field(min_length=1, max_length=5)


class AccountMade(BaseModel):
    account_id: int


class Standing(BaseModel):
    """As provider in each lane where it has streams, and as subscriber."""

    account: str
    role: str
    lane: int
    score: int
    is_trusted: bool
    last_incident_at: datetime | None
    regained_at: datetime | None
    paused: list[str]
    counts: dict[str, int]
    events: list[Json]


class Reset(Body):
    role: Literal["provider", "subscriber"]
    score: Annotated[int, Field(ge=0, le=100)]
    reason: Reason


class NewStatus(Body):
    status: Literal["ACTIVE", "SUSPENDED"]
    reason: Reason


class Line(BaseModel):
    line: int
    occurred_at: datetime
    kind: str
    what: str
    change: Decimal | None
    balance: Decimal
    transfer_id: int | None


@router.get("", response_model=Page[Account])
async def accounts(caller: Reads, paging: PageOf) -> dict[str, Any]:
    """The accounts that the caller may see: a tenant its own."""
    return await caller.page(calls.ACCOUNTS, paging)


@router.post("", status_code=201, response_model=AccountMade)
async def create_account(caller: Writes, new: NewAccount) -> Response:
    """Make an account. Operators."""
    return await caller.write(AccountMade, calls.CREATE_ACCOUNT, new.name, new.roles)


@router.get("/{account_id}", response_model=Account)
async def account(caller: Reads, account_id: Id) -> Any:
    return await caller.row(calls.ACCOUNT, account_id)


@router.post("/{account_id}/status", response_model=Done)
async def set_status(caller: Writes, account_id: Id, new: NewStatus) -> Response:
    """Suspend an account, which ends its sessions and tokens at once, or let it connect again. Operators."""
    return await caller.write(Done, calls.SET_ACCOUNT_STATUS, account_id, new.status, new.reason, ACTOR)


@router.get("/{account_id}/trust", response_model=list[Standing])
async def trust(caller: Reads, account_id: Id) -> Any:
    """How far it is trusted, and what moved the score."""
    return [dict(row) for row in await caller.rows(calls.TRUST, account_id)]


@router.post("/{account_id}/trust", response_model=Done)
async def reset_trust(caller: Writes, account_id: Id, reset: Reset) -> Response:
    """Set a score, and let go or pause what follows from it. Operators."""
    return await caller.write(Done, calls.RESET_TRUST, account_id, reset.role, reset.score, reset.reason, ACTOR)


@router.get("/{account_id}/statement", response_model=Page[Line])
async def statement(
    caller: Reads,
    account_id: Id,
    paging: PageOf,
    currency: Annotated[Currency, Query()] = "USD",
    kind: Literal["WALLET", "EARNINGS"] = "WALLET",
    begin: Annotated[
        AwareDatetime | None, Query(alias="from", description="By default the first of the month.")
    ] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to", description="By default now.")] = None,
) -> dict[str, Any]:
    """What it paid or earned, and what for."""
    return await caller.page(calls.STATEMENT, paging, account_id, currency, begin, end, kind)
