"""The one map from a code to an HTTP status, and how a refusal reads: application/problem+json (RFC 9457)."""

import json
from typing import Any

import asyncpg
import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from gateway.errors import Text

log = structlog.get_logger(__name__)

# A code that is not here is about what was asked: 422.
STATUS = {
    "TRA01": 404, "TRA03": 409, "TRS10": 404, "TRS17": 404, "TRS18": 404, "TRS23": 409, "TRS24": 404, "TRS27": 409,
    "TRT01": 404, "TRB04": 409, "TRB05": 409, "TRB08": 404, "TRB12": 404, "TRH04": 404,
    "TRW02": 404, "TRW03": 405, "TRW04": 413, "TRW05": 408, "TRW06": 429, "TRW07": 400, "TRW09": 403, "TRW10": 500,
    "TRW11": 401, "TRW12": 401, "TRW13": 401, "TRW14": 403, "TRW15": 403,
    "TRD01": 503, "TRD02": 503, "TRD05": 503, "TRP09": 503,
}  # fmt: skip
# The same where it is the credential that is refused.
CREDENTIAL_STATUS = {"TRA01": 401, "TRA02": 401, "TRA03": 401, "TRA04": 403, "TRA07": 403, "TRA08": 403}

# What Postgres itself says, by SQLSTATE or its class.
SQLSTATES = {
    "42501": "TRW09",  # the role may not: the scope is another one's
    "22": "TRW01",
    "23": "TRW01",
    "54": "TRW01",  # too deep for the database to read
    "08": "TRD01",
    "57": "TRD01",
    "57014": "TRP09",
    "55P03": "TRP09",
    "40": "TRP09",
    "53": "TRP09",
}

KEY_MISSING = {"type": "missing", "loc": ("header", "Idempotency-Key")}
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal, to be answered with `status`."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        context: dict[str, Any] | None = None,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code} {detail}".rstrip())
        self.code = code
        self.detail = detail
        self.context = context or {}
        self.status = status or STATUS.get(code, 422)
        self.headers = dict(headers or {})
        if self.status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"

    def body(self, text: Text) -> bytes:
        return (
            ProblemDetails(
                type=f"urn:ecp:error:{self.code}",
                title=text.message or self.code,
                status=self.status,
                code=self.code,
                detail=self.detail or text.message,
                hint=text.hint,
                context=self.context,
            )
            .model_dump_json()
            .encode()
        )


class ProblemDetails(BaseModel):
    """Why a request was refused."""

    type: str
    title: str = Field(description="What happened, the same for each problem of this code.")
    status: int
    code: str = Field(description="As in docs/errors.md.")
    detail: str = Field(description="What of it happened here.")
    hint: str = Field(description="What to do about it.")
    context: dict[str, Any] = Field(description="The same as `detail`, for programs.")


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": what, "content": {MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()}}}
    for status, what in (("4XX", "The request is refused."), ("5XX", "It cannot be answered now."))
}


def of_database(error: Exception, *, outcome_unknown: bool = False) -> Problem | None:
    """What an error of a call says; None for one that nobody should see. `outcome_unknown`: it may have been done."""
    away = "TRD02" if outcome_unknown else "TRD01"
    match error:
        case asyncpg.PostgresError():
            state = str(error.sqlstate or "XX000")
            if state.startswith("TR"):
                context = _context(error.detail)
                return Problem(state, ", ".join(f"{name}: {value}" for name, value in context.items()), context=context)
            code = SQLSTATES.get(state) or SQLSTATES.get(state[:2])
            if code == "TRD01":
                return Problem(away)
            # What a broken constraint says has values of rows in it.
            return (
                None if code is None else Problem(code, str(error).partition("\n")[0] if state.startswith("22") else "")
            )
        case asyncpg.DataError():
            return Problem("TRW01", "a value is out of range")
        case OSError() | TimeoutError() | asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return Problem(away)
        case _:
            return None


def of_credential(problem: Problem) -> Problem:
    """The same, when it was the token or license that was looked at."""
    status = CREDENTIAL_STATUS.get(problem.code)
    return Problem(problem.code, problem.detail, context=problem.context, status=status)


def of_validation(error: RequestValidationError) -> Problem:
    """Where, and what of it: what was sent is not sent back."""
    found = error.errors()
    if any(KEY_MISSING.items() <= each.items() for each in found):
        return Problem("TRW07")
    context = {".".join(map(str, each["loc"])): each["msg"] for each in found}
    return Problem("TRW01", "; ".join(f"{where}: {what}" for where, what in context.items()), context=context)


def of_framework(error: HTTPException) -> Problem:
    if isinstance(error.__cause__, Problem):  # raised where a body is read, and wrapped there
        return error.__cause__
    code = {404: "TRW02", 405: "TRW03"}.get(error.status_code, "TRW01")
    detail = str(error.detail) if code == "TRW01" else ""
    return Problem(code, detail, status=error.status_code, headers=dict(error.headers or {}))


def of_failure(error: Exception) -> Problem:
    log.error("request failed", exc_info=error)
    return Problem("TRW10")


def _context(detail: str | None) -> dict[str, Any]:
    try:
        found = json.loads(detail or "{}")
    except ValueError:
        return {"detail": detail}
    return found if isinstance(found, dict) else {"detail": found}
