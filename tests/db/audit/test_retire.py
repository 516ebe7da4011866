"""Retention removes rows by whole blocks, and the chain goes on holding."""

from datetime import datetime, timedelta

import psycopg
import pytest

from tests.db.audit.conftest import live
from tests.db.plane import START, Copier, Master, Plane, run_together

pytestmark = pytest.mark.core

REMOVE = (
    "with upto as materialized (select audit.retire(%s, %s, %s) as xact)"
    " delete from {} as r using upto as u where r.xact < u.xact"
)
LATER = START + timedelta(days=200)


def retire(plane: Plane, before: datetime = LATER, relation: str = "signals.signals", blocks: int = 100) -> int:
    """Remove what may be removed, as a retention job does; how many rows."""
    return plane.admin.execute(REMOVE.format(relation).encode(), [relation, before, blocks]).rowcount


def test_rows_of_whole_blocks_go_and_the_chain_holds(busy: Plane) -> None:
    assert retire(busy, START + timedelta(seconds=15)) == 4
    assert busy.value("select count(*) from signals.signals") == 4, "the second block was sealed later"
    busy.seal()
    assert busy.rows("select * from audit.verify()") == []


def test_again_is_what_is_left_and_then_nothing(busy: Plane) -> None:
    assert [retire(busy, blocks=1) for _ in range(3)] == [4, 4, 0]
    assert busy.rows("select * from audit.verify()") == []


def test_blocks_after_it_are_sealed_as_before(busy: Plane, master: Master, copier: Copier) -> None:
    retire(busy)
    live(busy, master, copier)
    assert busy.value("select count(*) from signals.signals") == 4
    assert busy.rows("select * from audit.verify()") == []


def test_that_rows_went_is_recorded_and_sealed(busy: Plane) -> None:
    retire(busy, relation="signals.decisions")
    busy.seal()
    row = busy.record("select * from audit.trail where kind = 'audit.retire'")
    assert row["subject"] == {"relation": "signals.decisions"}
    assert (row["after"]["first"], row["after"]["number"], row["block"]) == (1, 2, 3)


def test_rows_that_go_without_it_are_missed(busy: Plane) -> None:
    busy.admin.execute("delete from signals.signals where seq = 1")
    assert busy.rows("select relation, number, violation from audit.verify()") == [
        ("signals.signals", 1, "3 rows, of 4 that were sealed")
    ]


def test_what_was_retired_stays_gone(busy: Plane) -> None:
    kept = busy.rows("select to_jsonb(s)::text from signals.signals as s where seq = 2")
    retire(busy)
    busy.admin.execute("insert into signals.signals select (jsonb_populate_record(null::signals.signals, %s)).*", kept)
    assert busy.rows("select * from audit.verify()") == [("signals.signals", 1, "1 rows of what was retired")]


def test_nothing_is_lost_while_signals_come_and_go(plane: Plane, master: Master) -> None:
    master.does("OPEN", 1)
    removed: list[int] = []

    def publish() -> None:
        with plane.connect("ecp_gateway") as gateway:
            for _ in range(100):
                plane.ingest([master.signal("MODIFY", 1) for _ in range(3)], gateway)

    def seal() -> None:
        with plane.connect("ecp_owner") as owner:
            for _ in range(50):
                owner.execute("select audit.seal()")

    def remove() -> None:
        with plane.connect("ecp_owner") as owner:
            for _ in range(50):
                done = owner.execute(REMOVE.format("signals.signals").encode(), ["signals.signals", LATER, 3])
                removed.append(done.rowcount)

    run_together(publish, seal, remove)
    plane.seal()
    assert plane.value("select count(*) from signals.signals") + sum(removed) == 301
    assert plane.value("select sum(rows) from audit.sections where relation = 'signals.signals'") == 301
    assert plane.rows("select * from audit.verify()") == []


@pytest.mark.parametrize("relation", ["audit.records", "signals.streams", "no.table"])
def test_what_is_kept_for_ever_or_was_never_sealed_cannot_be_retired(plane: Plane, relation: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        plane.admin.execute("select audit.retire(%s, %s)", [relation, LATER])
    assert refused.value.sqlstate == "TRH03"


def test_it_is_for_jobs_and_nobody_else(plane: Plane) -> None:
    for role in ("ecp_operator", "ecp_auditor", "ecp_gateway"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select audit.retire('signals.signals', now())")
