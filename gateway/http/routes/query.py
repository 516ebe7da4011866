"""SQL of other people's, over the views of analytics: what `ecp query` is, for who has a token."""

import asyncio
from datetime import date, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StringConstraints

from gateway import query
from gateway.errors import Refused
from gateway.http import calls
from gateway.http.caller import Reads, api_of
from gateway.http.problems import Problem
from gateway.http.routes.fields import Body

# A time after the year 9999, a row without a type, and whatever else Postgres has and Python has not.
UNREADABLE = (ValueError, ArithmeticError, RecursionError, asyncpg.UnsupportedClientFeatureError)

router = APIRouter(prefix="/v1/query", tags=["query"])


class Query(Body):
    sql: Annotated[str, StringConstraints(min_length=1, max_length=query.MOST_CHARACTERS)] = Field(
        description="One SELECT over the views of analytics; see docs/access.md."
    )
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000


class Found(BaseModel):
    columns: list[str]
    rows: list[list[Any]]
    is_cut: bool = Field(description="There was more than is shown.")


@router.post("", response_model=Found)
async def ask(request: Request, caller: Reads, asked: Query) -> Any:
    """Ask. It changes nothing, and takes no key; whoever asks sees what he may see."""
    try:
        # Other clients are served while it is read.
        sql = await asyncio.to_thread(query.checked, asked.sql)
    except Refused as refused:
        raise Problem(refused.code, refused.detail) from None
    milliseconds = api_of(request).settings.http_query_ms
    async with caller.transaction(deadline_ms=milliseconds + 1_000, is_long=True) as (connection, _):
        await connection.execute(calls.STOP_AFTER, str(milliseconds))
        try:
            statement = await connection.prepare(sql)
            columns = [column.name for column in statement.get_attributes()]
            rows, is_cut = await _first(await statement.cursor(), asked.limit)
        except asyncpg.QueryCanceledError:
            raise Problem("TRQ02", f"it was stopped after {milliseconds / 1000:g} s") from None
        except asyncpg.PostgresError as error:
            if (error.sqlstate or "")[:2] not in {"42", "22", "0A", "54"}:
                raise
            raise Problem("TRQ01", str(error).partition("\n")[0]) from None
        except UNREADABLE as error:
            raise Problem("TRQ01", f"it finds what cannot be shown; cast it to text ({error})") from None
    return {"columns": columns, "rows": rows, "is_cut": is_cut}


async def _first(cursor: Any, limit: int) -> tuple[list[list[Any]], bool]:
    """So many rows, or as many as are not too long together; and whether there are more."""
    rows: list[list[Any]] = []
    length = 0
    while len(rows) <= limit and length <= query.MOST_BYTES and (more := await cursor.fetch(query.FETCHED)):
        found = [[_plain(value) for value in row.values()] for row in more]
        rows += found
        length += query.length(found)
    return rows[:limit], len(rows) > limit or length > query.MOST_BYTES


def _plain(value: Any) -> Any:
    """What JSON has, or becomes text in it: a row is an object, and what is neither is written as text."""
    match value:
        case float():
            return value if isfinite(value) else str(value)
        case None | str() | int() | Decimal() | date() | time() | timedelta() | UUID():
            return value
        case bytes():
            return rf"\x{value.hex()}"
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict() | asyncpg.Record():
            return {name: _plain(each) for name, each in value.items()}
        case _:
            return str(value)
