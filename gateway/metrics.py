"""What Prometheus is told: what this process counts (gateway.meters), what can be asked of a gateway when somebody
scrapes it, and the state of the plane as ops.metrics has it. All gateways of a plane tell the same state.
"""

import asyncio
import json
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway import meters
from gateway.calls import READ_METRICS, SET_TIMEOUTS, Row
from gateway.lanes import LOST, Connect, Connection

if TYPE_CHECKING:
    from gateway.server import Gateway

log = structlog.get_logger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DEADLINE = 5.0  # seconds; Prometheus gives up after ten


class State:
    """Reads ops.metrics, one scrape after the other, over a connection of its own that is made when it is needed."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def read(self) -> list[Row] | None:
        """None when the database does not answer."""
        async with self._turn:
            try:
                if self._connection is None:
                    self._connection = await self._connect()
                    await self._connection.execute(SET_TIMEOUTS, str(int(DEADLINE * 1000)), timeout=DEADLINE)
                rows: list[Any] = await self._connection.fetch(READ_METRICS, timeout=DEADLINE)
            except LOST as error:
                log.warning("metrics of the database are missing", error=repr(error))
                self.stop()
                return None
            return rows

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def render(state: State, gateway: "Gateway | None" = None, more: Iterable[Metric] = ()) -> bytes:
    """The answer to a scrape, of CONTENT_TYPE; a process that runs no gateway has less to tell, and one that serves
    HTTP has `more`."""
    rows = await state.read()
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    families = [
        *meters.families(),
        gauge("ecp_database_up", "1: the state of the plane could be read.", [({}, rows is not None)]),
    ]
    families += of_database(rows or [])
    families += of_gateway(gateway) if gateway else []
    families += more
    registry.register(_Families(families))
    return generate_latest(registry)


def of_database(rows: Iterable[Row]) -> list[Metric]:
    """Rows of ops.metrics, those of one name together."""
    found: dict[str, Metric] = {}
    for name, labels, value, text, kind in rows:
        family = found.get(name)
        if family is None:
            found[name] = family = Metric(name.removesuffix("_total"), text, kind)
        family.add_sample(name, json.loads(labels), value)
    return list(found.values())


def of_gateway(gateway: "Gateway") -> Iterator[Metric]:
    """What it holds and waits for at this moment."""
    plane, links = gateway.plane, gateway.links
    kinds = Tally(c.session.purpose if c.session else "none" for c in plane.connections)
    kinds.update(dict.fromkeys(("publish", "subscribe"), 0))
    yield gauge(
        "ecp_connections",
        "Clients connected, by the purpose of their license; none: not known yet.",
        [({"purpose": kind}, count) for kind, count in kinds.items()],
    )
    yield gauge("ecp_inflight_items", "Signals, reports and the like without an answer yet.", [({}, plane.inflight)])
    yield gauge(
        "ecp_subscriptions_behind", "Subscriptions to be read for from the log.", [({}, plane.subscribers.behind)]
    )
    yield gauge(
        "ecp_listener_silence_seconds",
        "Since the database was last heard over the connection that listens.",
        [({}, gateway.listener.silence)],
    )
    labels = [{"link": link.name} for link in links]
    for name, text, values in (
        ("ecp_link_up", "1: this connection to the database serves.", [link.up for link in links]),
        ("ecp_link_busy", "1: the database is at a call of this connection.", [link.is_busy for link in links]),
        ("ecp_link_waiting_calls", "Calls that wait for this connection.", [link.waiting for link in links]),
        ("ecp_link_waiting_seconds", "For how long the next of them has waited.", [link.waited for link in links]),
    ):
        yield gauge(name, text, zip(labels, values, strict=True))


def gauge(name: str, text: str, samples: Iterable[tuple[dict[str, str], float]]) -> Metric:
    family = Metric(name, text, "gauge")
    for labels, value in samples:
        family.add_sample(name, labels, value)
    return family


class _Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families
