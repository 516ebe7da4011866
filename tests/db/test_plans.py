"""No call of the hot path reads more as the tables grow. Plans are made while the tables are empty, as a gateway makes
them that has just connected to a new plane; then the tables are filled, and then they are analyzed: each time, in the
same session, a call reads its own rows and few others, and no hot table from end to end."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import uvloop

from gateway import calls
from gateway.lanes import Connection, Link, connector
from ops.bench import population
from ops.bench.flow import STATEMENTS, Flow
from tests.db.plane.database import TABLES

pytestmark = pytest.mark.core

HOT = {
    f"{schema}.{table}"
    for schema, tables in {
        "access": ["accounts", "licenses", "sessions"],
        "audit": ["remains", "seals", "sections"],
        "billing": ["agreements", "fills", "holds", "ledger_accounts", "transfers"],
        "signals": [
            "copies",
            "copy_settings",
            "decisions",
            "differences",
            "dispatch_cursors",
            "equities",
            "escalations",
            "instruments",
            "portfolios",
            "positions",
            "protections",
            "reports",
            "settlements",
            "signals",
            "specifications",
            "stream_heads",
            "streams",
            "subscription_events",
            "subscription_heads",
            "subscriptions",
            "symbol_maps",
            "symbol_resolutions",
        ],
        "trust": ["events", "scores"],
    }.items()
    for table in tables
}
HISTORY = 100_000
STREAMS, SUBSCRIPTIONS, FOLLOWED = 10, 100, 2
READ, ANYWAY = 40, 1_000
"""Entries of one index that a call may read: for each signal, decision or report, and whatever it does."""
CLOCKWORK = {"audit.seal", "signals.find_drift", "signals.escalate"}
CALLED = CLOCKWORK | {
    f"signals.{name}"
    for name in [
        "ingest",
        "heads",
        "routes",
        "feed",
        "dispatch",
        "deliveries",
        "resume",
        "report",
        "note_equity",
        "reconcile",
    ]
}
CLOCK = 10_000
"""The same for what the clock does, which looks at all that is open."""
# Where every subscription is looked at on purpose.
WHOLE = {("signals.escalate", "signals.subscription_heads")}

# What this session has read so far: rows of tables by scans from end to end, and entries of indexes.
COUNTERS = """
    select coalesce(i.indrelid, c.oid)::regclass::text, c.relname::text, c.relkind in ('i', 'I'),
        pg_stat_get_xact_tuples_returned(c.oid)
    from pg_class as c
    left join pg_index as i on i.indexrelid = c.oid
    where c.relkind in ('r', 'p', 'i') and c.relnamespace::regnamespace::text = any ($1)
"""
SCHEMAS = ["access", "audit", "billing", "signals", "trust"]


@dataclass
class Reading:
    """One call: what it read, and how many elements it was about."""

    name: str
    items: int
    scanned: dict[str, int]
    """Hot tables that were read from end to end, with how many rows that was."""
    read: dict[str, int]
    """Entries of each index."""


class Watched(Link):
    """A link that is told, after each call, what it has read."""

    def __init__(self, url: str, role: str, statements: list[str]) -> None:
        super().__init__("watched", connector(url, role, "watched"), statements, deadline=600)
        self.readings: list[Reading] = []

    async def start(self) -> None:
        self.connection: Connection = await self._connect()
        self.pid = self.connection.get_server_pid()
        for sql in self._sql:
            statement = await self.connection.prepare(sql)
            await statement.fetch(*(None for _ in statement.get_parameters()))

    async def stop(self) -> None:
        await self.connection.close()

    def call(self, _lane: int, sql: str, *arguments: Any) -> "asyncio.Future[list[Any]]":
        return asyncio.ensure_future(self._call(sql, *arguments))

    async def _call(self, sql: str, *arguments: Any) -> list[Any]:
        async with self.connection.transaction():
            before = await self._counters()
            rows = await self.connection.fetch(sql, *arguments)
            after = await self._counters()
        scanned: dict[str, int] = {}
        read: dict[str, int] = {}
        for key, count in after.items():
            table, name, is_index = key
            entries = count - before[key]
            if table in HOT and entries:
                (read if is_index else scanned)[name if is_index else table] = entries
        items = max([len(argument) for argument in arguments if isinstance(argument, list)] + [len(rows), 1])
        name = sql.partition("(")[0].rpartition(" ")[2]
        self.readings.append(Reading(name, items, scanned, read))
        return rows

    async def _counters(self) -> dict[tuple[str, str, bool], int]:
        return {(row[0], row[1], row[2]): row[3] for row in await self.connection.fetch(COUNTERS, SCHEMAS)}


class Room:
    """A database that begins empty, and the sessions that stay while it is filled."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.gateway = Watched(url, "ecp_gateway", [*STATEMENTS, calls.RESUME, calls.DELIVERIES, calls.NOTE_EQUITY])
        self.clock = Watched(url, "postgres", [])
        self.flow = Flow(url, self.gateway)

    async def connect(self) -> None:
        await self.clock.start()
        await self.flow.start()

    async def leave(self) -> None:
        await self.flow.stop()
        await self.clock.stop()

    async def everything(self) -> list[Reading]:
        """Every call of the hot path, and what the clock does beside it."""
        self.clock.readings.clear()
        self.flow.look()
        lane, subscription, portfolio, session = await self.copier()
        self.gateway.readings.clear()  # a session is opened once
        await self.gateway.call(lane, calls.RESUME, lane, session, subscription, 0)
        await self.gateway.call(lane, calls.DELIVERIES, lane, [subscription], [0], True, 50)
        told: list[Any] = [lane, [session], [portfolio], [10**12], [10**12], [0], [subscription], [0], [0]]
        await self.gateway.call(lane, calls.NOTE_EQUITY, *told)
        await self.flow.ingest(self.flow.plain, count=8, size=50)
        await self.flow.ingest(self.flow.followed, count=20, size=2)
        delivered = await self.flow.dispatch(size=4)
        assert len(delivered) == 40 * SUBSCRIPTIONS / FOLLOWED
        await self.flow.report(delivered, size=50)
        book: list[Any] = [lane, session, subscription, 0, *([] for _ in range(10))]
        await self.gateway.call(lane, calls.RECONCILE, *book)
        for job in sorted(CLOCKWORK):
            await self.clock.call(0, f"select {job}()")
        return [*self.gateway.readings, *self.clock.readings]

    async def copier(self) -> tuple[int, int, int, Any]:
        """An EA that comes back."""
        found = await self.clock.connection.fetchrow(
            "select lane, subscription_id, portfolio_id, account_id from signals.subscriptions order by 2 limit 1"
        )
        assert found
        token = await self.clock.connection.fetchval(
            "select token from access.issue_license($1, 'subscribe')", found["account_id"]
        )
        (opened,) = await self.gateway.call(
            0, calls.OPEN_SESSION, token, secrets.token_bytes(16), "192.0.2.1", "test", "test/1"
        )
        assert opened["code"] is None
        return found["lane"], found["subscription_id"], found["portfolio_id"], opened["session_id"]

    def populate(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as admin:
            population.streams(admin, STREAMS)
            population.subscriptions(admin, SUBSCRIPTIONS, followed=FOLLOWED)

    def forget(self) -> None:
        """Delete what the first flow has left: to truncate would have every statement planned anew."""
        with psycopg.connect(self.url, autocommit=True) as admin, admin.transaction():
            admin.execute("set local session_replication_role = replica")
            tables = [table for (table,) in admin.execute(TABLES).fetchall()]
            admin.execute("; ".join(f"delete from {table}" for table in tables).encode())
            admin.execute(
                # Of the plane's tables: an extension's may not begin with 1.
                "select setval(s.oid::regclass, 1, false)"
                " from pg_class as s inner join pg_depend as d on d.objid = s.oid and d.deptype = 'i'"
                " where s.relkind = 'S' and d.refobjid = any (%s::regclass[])",
                [tables],
            )

    def fill(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as admin:
            population.history(admin, HISTORY)

    def analyze(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as admin:
            population.settle(admin)


async def _watch(url: str) -> dict[str, list[Reading]]:
    """What every call reads, by how the tables were when the plans were made."""
    async with AsyncExitStack() as rooms:
        room, late = Room(url), Room(url)
        await room.connect()
        rooms.push_async_callback(room.leave)
        room.populate()
        await room.everything()
        room.forget()
        room.populate()
        room.fill()
        seen = {"empty": await room.everything()}
        room.analyze()
        seen["analyzed since"] = await room.everything()
        await late.connect()
        rooms.push_async_callback(late.leave)
        seen["full"] = await late.everything()
    return seen


@pytest.fixture(scope="module")
def seen(clone: Callable[[], AbstractContextManager[str]]) -> Iterator[dict[str, list[Reading]]]:
    with clone() as url:
        yield uvloop.run(_watch(url))


def offences(readings: list[Reading], *, summarized: bool) -> list[str]:
    found = set()
    for reading in readings:
        what = reading.name
        most = CLOCK if what in CLOCKWORK else READ * reading.items + ANYWAY
        found |= {
            f"{what} scans {rows} of {table}"
            for table, rows in reading.scanned.items()
            # What is summarized for an index is read once; and once more where an autovacuum kept it from being so.
            if (what, table) not in WHOLE and not (what == "audit.seal" and (rows <= CLOCK or not summarized))
        }
        for index, entries in reading.read.items():
            if entries > most and (summarized or not index.endswith("_xact")):
                found.add(f"{what} reads {entries} of {index} for {reading.items}")
    return sorted(found)


@pytest.mark.parametrize("planned", ["empty", "analyzed since", "full"])
def test_no_call_reads_more_than_its_own(seen: dict[str, list[Reading]], planned: str) -> None:
    assert {reading.name for reading in seen[planned]} == CALLED
    assert offences(seen[planned], summarized=planned != "empty") == []


KEYS = """
    select n.relname::text, i.indrelid::regclass::text, array_agg(a.attname::text order by k.ord),
        array_agg(format_type(a.atttypid, null) order by k.ord), coalesce(pg_get_expr(i.indpred, i.indrelid), 'true')
    from pg_index as i
    inner join pg_class as n on n.oid = i.indexrelid
    cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, ord)
    inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indisunique and n.relnamespace::regnamespace::text = any (%s)
    group by n.relname, i.indexrelid, i.indrelid, i.indpred
"""


def test_who_has_a_key_finds_the_row_by_it_before_anything_is_known_of_the_table(database_url: str) -> None:
    """All that the planner knows of a table that nobody has analyzed is that its indexes are small. Half a key in one
    of them would seem as good to it as the whole key, and is the whole lane."""
    astray = []
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("set enable_seqscan = off")
        keys = {index: (table, columns) for index, table, columns, *_ in admin.execute(KEYS, [SCHEMAS])}
        for index, table, columns, types, predicate in admin.execute(KEYS, [SCHEMAS]):
            known = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, 1))
            condition = " and ".join(f"x.{column} = k.{column}" for column in columns)
            query = (
                f"explain (generic_plan, format json) select from unnest({known}) as k ({', '.join(columns)})"
                f" cross join lateral (select from {table} as x where {condition} and ({predicate}) limit 1) as found"
            )
            (plan,) = admin.execute(query.encode()).fetchone() or ()
            used = _index_of(plan[0]["Plan"])
            found_table, found_columns = keys.get(used, ("", []))
            if found_table != table or not set(found_columns) <= set(columns):
                astray.append(f"{index} is not used, but {used}")
    assert len(keys) > len(HOT)
    assert astray == []


def _index_of(node: dict[str, Any]) -> str:
    """The index that a plan with one look-up uses."""
    here: str = node.get("Index Name", "")
    return here or next((name for child in node.get("Plans", []) if (name := _index_of(child))), "")
