"""Kill switches: what is halted, halting and lifting. What cuts exposure passes all the same."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from gateway.http import calls
from gateway.http.caller import ACTOR, Reads, Writes
from gateway.http.routes.fields import Body, Done, Reason

router = APIRouter(prefix="/v1/halts", tags=["halts"])

Scope = Literal["GLOBAL", "STREAM", "ACCOUNT", "SYMBOL"]


class Halt(BaseModel):
    """Nothing of it may raise exposure."""

    scope: Scope
    subject: str | None = Field(description="Number of the stream or account, or the symbol; null: everything.")
    reason: str
    actor: str
    since: datetime
    name: str | None = Field(description="Of the stream or account.")


class Switch(Body):
    scope: Scope
    subject: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")] | None = Field(
        None, description="As in what is halted: nothing where everything is meant."
    )
    reason: Reason


class Lifted(BaseModel):
    lifted: bool = Field(description="False: it was not halted.")


@router.get("", response_model=list[Halt])
async def halts(caller: Reads) -> Any:
    """What is halted now, by whom and why. Operators, auditors."""
    return [dict(row) for row in await caller.rows(calls.HALTS)]


@router.post("", response_model=Done, status_code=201)
async def halt(caller: Writes, switch: Switch) -> Response:
    """From now on, on every gateway, nothing of it raises exposure. Operators."""
    return await caller.write(Done, calls.HALT, switch.scope, switch.subject, switch.reason, ACTOR)


@router.post("/lift", response_model=Lifted)
async def lift(caller: Writes, switch: Switch) -> Response:
    """What was halted may raise exposure again, unless another switch holds. Operators."""
    return await caller.write(Lifted, calls.LIFT_HALT, switch.scope, switch.subject, switch.reason, ACTOR)
