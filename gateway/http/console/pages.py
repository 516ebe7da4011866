"""How pages and live events are written: Jinja templates over rows."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from gateway.http.console.session import Visitor

EVENTS = ("numbers", "history", "latency", "verdicts", "states", "alarms", "halts")
"""Macros of live.html: of each there is a server-sent event of this name."""

environment = Environment(
    loader=PackageLoader("gateway.http.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    request: Request, template: str, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> HTMLResponse:
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    who, rights = (visitor.who, visitor.rights) if visitor else (None, frozenset[str]())
    text = environment.get_template(template).render(path=request.url.path, who=who, rights=rights, **values)
    return HTMLResponse(text, status, headers)


def events(reading: Any, points: Collection[Any]) -> bytes:
    """A reading of ops.live, as server-sent events."""
    live = environment.get_template("live.html").module
    written = ((name, str(getattr(live, name)(reading, points))) for name in EVENTS)
    return "".join(f"event: {name}\ndata: {' '.join(text.split())}\n\n" for name, text in written).encode()


# A value as people read it, by its type; of numbers no more digits than tell something.
WRITTEN: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "yes" if value else "no",
    float: lambda value: f"{value:,.0f}" if value >= 100 else f"{value:.1f}",
    Decimal: lambda value: f"{value.normalize():,f}",
    datetime: lambda value: f"{value:%Y-%m-%d %H:%M:%S}",
    timedelta: lambda value: f"{value.total_seconds():g} s",
    dict: lambda value: ", ".join(f"{name}: {_cell(each)}" for name, each in value.items()),
    list: lambda value: ", ".join(map(_cell, value)),
}


def _cell(value: Any) -> str:
    return WRITTEN.get(type(value), str)(value)


environment.filters["cell"] = _cell
