"""Protection events: every refusal, by the plane or by a subscriber's terminal."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from gateway.http import calls
from gateway.http.caller import Reads, Writes
from gateway.http.pages import Page, PageOf
from gateway.http.routes.fields import Body, Done, Json, Number

router = APIRouter(prefix="/v1/protection-events", tags=["protection events"])


class ProtectionEvent(BaseModel):
    occurred_at: datetime
    origin: str
    code: str
    name: str | None
    message: str | None
    stream_id: int | None
    subscription_id: int | None
    epoch: int | None
    seq: int | None
    detail: Json | None


class NewEvent(Body):
    subscription_id: Number
    code: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")] = Field(
        description="A TRG code of docs/errors.md, or one of the terminal's own."
    )
    delivery_seq: Number | None = None
    detail: Json | None = Field(default=None, description="At most 4096 bytes, ten levels deep.")


@router.get("", response_model=Page[ProtectionEvent])
async def protection_events(caller: Reads, paging: PageOf) -> dict[str, Any]:
    """Newest first; a tenant those of its streams and subscriptions."""
    return await caller.page(calls.PROTECTION_EVENTS, paging)


@router.post("", status_code=201, response_model=Done)
async def note_event(caller: Writes, new: NewEvent) -> Response:
    """Keep what a terminal refused. Tenants for their own subscriptions."""
    return await caller.write(Done, calls.NOTE_EVENT, new.subscription_id, new.code, new.delivery_seq, new.detail)
