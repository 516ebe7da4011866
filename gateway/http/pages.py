"""Pages of a list. A cursor is where the last row of a page stands, and nothing to a client but a word to give back."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from gateway.http.calls import Listing
from gateway.http.problems import Problem

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """Some of a list."""

    items: list[T]
    next: str | None = Field(description="Give it as `cursor` for what follows; null: this is the end.")


class Paging:
    """Where to go on, and how many to show."""

    def __init__(
        self,
        cursor: Annotated[str | None, Query(max_length=500, description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="Rows of a page, at most.")] = 100,
    ) -> None:
        self.cursor = cursor
        self.limit = limit

    def after(self, listing: Listing) -> list[Any]:
        """The key to go on after. Raises TRW01 for a cursor that is none of this list."""
        if self.cursor is None:
            return list(listing.start)
        try:
            given = json.loads(base64.urlsafe_b64decode(self.cursor))
            return [_as(kind, value) for kind, value in zip(listing.start, given, strict=True)]
        except (ValueError, TypeError) as error:
            raise Problem("TRW01", "the cursor is none of this list", context={"query.cursor": str(error)}) from None

    def page(self, listing: Listing, rows: Sequence[Any]) -> dict[str, Any]:
        """Of one row more than fits."""
        shown = rows[: self.limit]
        return {
            "items": [dict(row) for row in shown],
            "next": _cursor(self._last(listing, shown)) if len(rows) > self.limit else None,
        }

    def _last(self, listing: Listing, shown: Sequence[Any]) -> list[Any]:
        last = [shown[-1][column] for column in listing.key]
        if not listing.by_time:
            return last
        (time,) = last
        before, seen = self.after(listing)
        of_it = sum(row[listing.key[0]] == time for row in shown)
        return [time, of_it + (seen if before == time else 0)]


PageOf = Annotated[Paging, Depends(Paging)]


def _cursor(key: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, default=str).encode()).decode()


def _as(kind: Any, value: Any) -> Any:
    if isinstance(kind, datetime):
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            raise ValueError("a time without a zone")
        return time
    if type(value) is not type(kind):
        raise TypeError(f"not a {type(kind).__name__}")
    if isinstance(kind, int) and not 0 <= value + 1 <= 2**63:
        raise ValueError("out of range")
    return value
