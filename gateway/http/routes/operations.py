"""What those on duty look at: jobs, alarms, and the audit trail with its chain."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from gateway.http import calls
from gateway.http.caller import Reads
from gateway.http.pages import Page, PageOf
from gateway.http.routes.fields import Json

router = APIRouter(prefix="/v1", tags=["operations"])

MOST_VIOLATIONS = 1_000


class Job(BaseModel):
    name: str
    every: timedelta
    due_at: datetime
    ran_at: datetime | None
    failing_since: datetime | None
    did: str | None
    did_at: datetime | None
    sqlstate: str | None
    error: str | None


class Alarm(BaseModel):
    alarm: str
    subject: str
    since: datetime | None
    what: str
    runbook: str


class Entry(BaseModel):
    """Who did what, when and why."""

    occurred_at: datetime
    kind: str
    lane: int | None
    subject: Json
    actor: str
    login: str | None
    reason: str | None
    before: Json | None
    after: Json | None
    xact: int
    block: int | None = Field(description="Of the chain; null: not sealed yet.")
    sealed_at: datetime | None


class Head(BaseModel):
    """The newest block of the chain: keep it elsewhere, to verify against it later."""

    number: int
    hash: str
    sealed_at: datetime


class Violation(BaseModel):
    relation: str | None
    number: int | None
    violation: str


@router.get("/jobs", response_model=list[Job])
async def jobs(caller: Reads) -> Any:
    """When each is due, last ran, last did something and last failed. Operators, auditors."""
    return [dict(row) for row in await caller.rows(calls.JOBS)]


@router.get("/alarms", response_model=list[Alarm])
async def alarms(caller: Reads) -> Any:
    """What somebody should look at now. Operators, auditors."""
    return [dict(row) for row in await caller.rows(calls.ALARMS)]


@router.get("/audit/trail", response_model=Page[Entry])
async def trail(caller: Reads, paging: PageOf) -> dict[str, Any]:
    """What operators did, what was configured, and every change of a state; newest first. Operators, auditors."""
    return await caller.page(calls.TRAIL, paging)


@router.get("/audit/head", response_model=Head)
async def head(caller: Reads) -> Any:
    """The newest block of the chain. Operators, auditors."""
    return await caller.row(calls.HEAD)


@router.get("/audit/verify", response_model=list[Violation])
async def verify(
    caller: Reads,
    number: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Of a head that was kept elsewhere.")] = None,
    digest: Annotated[str | None, Query(alias="hash"), StringConstraints(pattern="^[0-9a-f]{64}$")] = None,
) -> Any:
    """What was changed since it was sealed: nothing, when all is well. Operators, auditors."""
    rows = await caller.rows(calls.VERIFY_CHAIN, number, digest, MOST_VIOLATIONS, is_long=True)
    return [dict(row) for row in rows]
