"""For Prometheus, from the networks that may ask. What it reads is the plane's and nobody's in particular."""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from gateway.http.caller import api_of, peer_of
from gateway.http.problems import Problem
from gateway.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    """What this process counts, and how the plane is."""
    api = api_of(request)
    if not api.may_scrape(peer_of(request)):
        raise Problem("TRW02")
    return PlainTextResponse(await api.metrics(), media_type=CONTENT_TYPE)
