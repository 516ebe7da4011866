"""Streams, what they trade, and their signals."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from gateway.http import calls
from gateway.http.caller import Reads, Writes
from gateway.http.pages import Page, PageOf
from gateway.http.routes.fields import Amount, Body, Done, Id, Name, Number

router = APIRouter(prefix="/v1/streams", tags=["streams"])


class Stream(BaseModel):
    stream_id: int
    stream: str
    provider: str
    status: str
    status_reason: str | None
    status_at: datetime | None
    epoch: int
    last_seq: int
    ttl_ms: Decimal
    rate_per_second: Decimal
    created_at: datetime
    account_id: int


class NewStream(Body):
    account_id: Number
    name: Name
    key: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2}){16,128}$")] = Field(
        description="The key that its signals are signed with, in hexadecimal: 16 bytes or more."
    )
    ttl_ms: Annotated[int, Field(ge=1, le=86_400_000)] = 500
    rate: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 100


class StreamMade(BaseModel):
    stream_id: int


class Instrument(Body):
    symbol: Name
    digits: Annotated[int, Field(ge=0, le=8)]
    volume_min: Amount
    volume_max: Amount
    volume_step: Amount
    contract_size: Amount = Decimal(100_000)


class Signal(BaseModel):
    stream_id: int
    stream: str
    epoch: int
    seq: int
    verdict: str
    code: str | None
    action: str
    symbol: str | None
    side: str | None
    position_id: int | None
    volume: Decimal | None
    price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    magic: int | None
    order_type: str | None
    sent_at: datetime
    received_at: datetime
    receive_ms: Decimal


@router.get("", response_model=Page[Stream])
async def streams(caller: Reads, paging: PageOf) -> dict[str, Any]:
    """The streams that the caller may see: a tenant those that it publishes."""
    return await caller.page(calls.STREAMS, paging)


@router.post("", status_code=201, response_model=StreamMade)
async def create_stream(caller: Writes, new: NewStream) -> Response:
    """Make a stream of a provider. Operators."""
    key = bytes.fromhex(new.key)
    return await caller.write(
        StreamMade, calls.CREATE_STREAM, new.account_id, new.name, key, new.ttl_ms, new.rate, new.burst
    )


@router.get("/{stream_id}", response_model=Stream)
async def stream(caller: Reads, stream_id: Id) -> Any:
    return await caller.row(calls.STREAM, stream_id)


@router.post("/{stream_id}/instruments", response_model=Done)
async def define_instrument(caller: Writes, stream_id: Id, instrument: Instrument) -> Response:
    """Add or replace the specification of a symbol; volumes in lots. Operators."""
    return await caller.write(Done, calls.DEFINE_INSTRUMENT, stream_id, *instrument.model_dump().values())


@router.get("/{stream_id}/signals", response_model=Page[Signal])
async def signals(caller: Reads, stream_id: Id, paging: PageOf) -> dict[str, Any]:
    """Its signals, newest first."""
    return await caller.page(calls.SIGNALS, paging, stream_id)
