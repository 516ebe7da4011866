"""For those who decide whether requests are sent here. Nobody has to say who he is."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gateway import calls
from gateway.http.caller import api_of
from gateway.http.problems import Problem

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/health")
async def health() -> Health:
    """This process answers."""
    return Health()


@router.get("/ready")
async def ready(request: Request) -> Health:
    """It can do its work: the database answers, is deployed at this version, and what else runs here is alive."""
    api = api_of(request)
    async with api.transaction(readonly=True, deadline_ms=1_000) as connection:
        fingerprint = await connection.fetchval(calls.FINGERPRINT)
    if api.fingerprint not in (None, fingerprint):
        raise Problem("TRD05", status=503)
    if not api.is_ready():
        raise Problem("TRP09", "the listener of this gateway has heard nothing from the database", status=503)
    return Health()
