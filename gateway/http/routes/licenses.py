"""Licenses: issued, rotated and revoked."""

from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from gateway.http import calls
from gateway.http.caller import ACTOR, Reads, Writes
from gateway.http.pages import Page, PageOf
from gateway.http.routes.fields import Body, Done, Number, Reason

router = APIRouter(prefix="/v1/licenses", tags=["licenses"])

Networks = Annotated[list[IPv4Network | IPv6Network], Field(min_length=1, max_length=100)]


class License(BaseModel):
    license_id: UUID
    account_id: int
    account: str
    purpose: str
    networks: list[IPv4Network | IPv6Network] | None
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_reason: str | None
    replaced_by: UUID | None
    is_valid: bool


class NewLicense(Body):
    account_id: Number
    purpose: Literal["publish", "subscribe", "executor", "api"]
    networks: Networks | None = Field(default=None, description="From where it may be used; null: from everywhere.")
    days: Annotated[int, Field(ge=1, le=366)] = 30


class Rotation(Body):
    overlap_hours: Annotated[int, Field(ge=0, le=720, description="How long the old one stays valid.")] = 24


class Revocation(Body):
    reason: Reason


class Issued(BaseModel):
    license_id: UUID
    token: str | None = Field(description="Shown once: null when the request is repeated.")
    expires_at: datetime


@router.get("", response_model=Page[License])
async def licenses(caller: Reads, paging: PageOf) -> dict[str, Any]:
    """The licenses that the caller may see, without their secrets."""
    return await caller.page(calls.LICENSES, paging)


@router.post("", status_code=201, response_model=Issued)
async def issue_license(caller: Writes, new: NewLicense) -> Response:
    """Issue a license. Operators."""
    arguments = new.account_id, new.purpose, new.networks, timedelta(days=new.days)
    return await caller.write(Issued, calls.ISSUE_LICENSE, *arguments, secrets=["token"])


@router.post("/{license_id}/rotate", status_code=201, response_model=Issued)
async def rotate_license(caller: Writes, license_id: UUID, rotation: Rotation) -> Response:
    """Issue its successor; both are valid for the overlap. Tenants their own."""
    overlap = timedelta(hours=rotation.overlap_hours)
    return await caller.write(Issued, calls.ROTATE_LICENSE, license_id, overlap, secrets=["token"])


@router.post("/{license_id}/revoke", response_model=Done)
async def revoke_license(caller: Writes, license_id: UUID, revocation: Revocation) -> Response:
    """End it, and its session, at once. Tenants their own."""
    return await caller.write(Done, calls.REVOKE_LICENSE, license_id, revocation.reason, ACTOR)
