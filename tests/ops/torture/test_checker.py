"""The checker says nothing of a plane that kept its word, and names every word that was broken."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from psycopg import Connection

from ops.torture import checker, journal, world
from ops.torture.journal import Journal, Line
from ops.torture.server import Server
from ops.torture.world import World

pytestmark = pytest.mark.core

FIRST = "where seq = 1 and stream_id = (select min(stream_id) from signals.signals)"
TWICE = "alter table {0} drop constraint {1}; insert into {0} select * from {0}"
BROKEN = {
    "lost ack": f"delete from signals.signals {FIRST}",
    "signal missing": f"delete from signals.signals {FIRST}",
    "acked as something else": f"update signals.signals set verdict = 'STALE', code = 'TRS04' {FIRST}",
    "nobody sent": f"update signals.signals set tag = sha256('other') {FIRST}",
    "signal twice": TWICE.format("signals.signals", "signals_pk"),
    "lost report": "update signals.reports set ticket = ticket + 1 where delivery_seq = 1",
    "report twice": TWICE.format("signals.reports", "reports_pk"),
    "delivery did not arrive": """
        update signals.decisions as d set delivery_seq = w.newest + 1
        from (select subscription_id, max(delivery_seq) as newest from signals.decisions group by subscription_id) as w
        where d.subscription_id = w.subscription_id and d.delivery_seq = w.newest""",
    "delivery missing": "delete from signals.decisions where delivery_seq = 1",
    "order without its delivery": "update signals.decisions set seq = seq + 1000 where delivery_seq = 1",
    "signal delivered twice": """
        alter table signals.decisions drop constraint decisions_pk;
        update signals.decisions set seq = 1 where delivery_seq in (1, 2)""",
    "ledger does not sum to zero": "update billing.ledger_accounts set balance = balance + 1 where kind = 'WALLET'",
}


@pytest.fixture
async def plane(pytestconfig: pytest.Config, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """One that has worked for a moment, and come to rest."""
    server = Server(pytestconfig.getoption("stack"))
    async with world.peopled(server, database_url, tmp_path, "a test", masters=2, followers=2) as found:
        found.load.go()
        await found.load.moved(30, 30)
        assert await found.settle() == []
        await found.resend()
        yield found


def check(plane: World, connection: Connection[object]) -> checker.Findings:
    return checker.check(
        connection,
        journal.read(plane.journal.path),
        received={f.follower.subscription_id: f.last for f in plane.load.followers},
        orders=plane.load.broker.orders,
    )


async def test_a_plane_that_kept_its_word(plane: World) -> None:
    found = plane.check(invariants=True)
    assert found.breaches == []
    assert found.checked["acked signals"] == plane.load.acked >= 30
    assert found.checked["acked reports"] == found.checked["deliveries"] > 0
    assert found.checked["orders"] == len(plane.load.broker.orders) > 0
    assert found.checked["invariants"] > 30


async def test_every_word_that_was_broken(plane: World) -> None:
    with plane.connect() as connection:
        for rule, breaking in BROKEN.items():
            with connection.transaction(force_rollback=True):
                # What keeps such things from happening is not what is tested here.
                connection.execute("set local session_replication_role = replica")
                connection.execute(breaking.encode())
                assert check(plane, connection).about(rule), rule
        assert check(plane, connection).breaches == []


async def test_what_clients_were_told(plane: World) -> None:
    """An ack of what is not there, another verdict the second time, a report that was refused, an order twice."""
    lines = list(journal.read(plane.journal.path))
    acked = next(line for line in lines if line.kind == "signal ack")
    reported = next(line for line in lines if line.kind == "report ack")
    order, signal = next(iter(plane.load.broker.orders.items()))
    told = [
        ("lost ack", [acked._replace(content="00")], {}),
        ("verdict changed", [acked._replace(verdict="REPLAY")], {}),
        ("report not taken", [reported._replace(verdict="REPORT_CONFLICT")], {}),
        ("effect twice", [], {(order[0], order[1] + 1000): signal}),
    ]
    with plane.connect() as connection:
        for rule, more, orders in told:
            found = checker.check(
                connection,
                [*lines, *more],
                received={f.follower.subscription_id: f.last for f in plane.load.followers},
                orders={**plane.load.broker.orders, **orders},
            )
            assert found.about(rule), rule


def test_a_line_that_was_cut_was_never_acted_upon(tmp_path: Path) -> None:
    log = Journal(tmp_path / "clients.jsonl")
    lines = [Line("signal intent", 1, seq, "aa") for seq in (1, 2)]
    log.write(lines)
    log.close()
    os.truncate(log.path, log.path.stat().st_size - 3)
    assert list(journal.read(log.path)) == lines[:1]
