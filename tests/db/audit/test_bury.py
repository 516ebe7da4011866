"""What retention takes leaves its hash behind, and the chain goes on holding: for the rows that are there, and for
those that are gone after their time."""

from typing import LiteralString

import psycopg
import pytest

from tests.db.audit.conftest import live
from tests.db.plane import Copier, Master, Plane, run_together

pytestmark = pytest.mark.core

VERIFY: LiteralString = "select relation, number, violation from audit.verify() order by relation, number, violation"
REMOVE = (
    "with gone as (delete from {} as r where {} returning r as gone)"
    " select coalesce(cardinality(array_agg(g.gone)), 0), audit.bury('{}', array_agg(g.gone)) from gone as g"
)


def bury(plane: Plane, relation: str, condition: str = "true") -> int:
    """Remove rows as retention does; how many."""
    return int(plane.admin.execute(REMOVE.format(relation, condition, relation).encode()).fetchall()[0][0])


def remains(plane: Plane) -> int:
    return int(plane.value("select count(*) from audit.remains"))


@pytest.fixture
def aged(busy: Plane) -> Plane:
    """All that it has was sealed longer ago than anything has to be kept."""
    busy.tick(days=32)
    return busy


def test_rows_that_leave_their_hash_are_not_missed(aged: Plane) -> None:
    assert bury(aged, "signals.signals", "seq in (1, 2, 7)") == remains(aged) == 3
    assert bury(aged, "signals.decisions") == bury(aged, "signals.reports") == 8
    assert aged.rows(VERIFY) == []
    aged.seal()
    assert aged.rows(VERIFY) == []
    assert aged.verify().get("chain_holds") is None


def test_blocks_after_it_are_sealed_as_before(aged: Plane, master: Master, copier: Copier) -> None:
    bury(aged, "signals.signals", "seq <= 4")
    live(aged, master, copier)
    assert aged.rows(VERIFY) == []


def test_rows_that_leave_none_are_missed(aged: Plane) -> None:
    aged.admin.execute("delete from signals.signals where seq = 1")
    assert aged.rows(VERIFY) == [("signals.signals", 1, "3 rows, of 4 that were sealed")]


def test_beside_rows_that_are_gone_a_change_is_found(aged: Plane) -> None:
    bury(aged, "signals.signals", "seq = 1")
    aged.admin.execute("update signals.signals set volume = 9 where seq = 2")
    assert aged.rows(VERIFY) == [("signals.signals", 1, "one or more of 4 rows were changed")]


def test_what_is_gone_stays_gone(aged: Plane) -> None:
    kept = aged.rows("select to_jsonb(s)::text from signals.signals as s where seq = 2")
    bury(aged, "signals.signals", "seq = 2")
    aged.admin.execute("insert into signals.signals select (jsonb_populate_record(null::signals.signals, %s)).*", kept)
    assert aged.rows(VERIFY) == [("signals.signals", 1, "5 rows, of 4 that were sealed")]


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ("delete from audit.remains", "3 rows, of 4 that were sealed"),
        ("insert into audit.remains table audit.remains", "5 rows, of 4 that were sealed"),
        ("update audit.remains set digest = sha256(digest)", "one or more of 4 rows were changed"),
    ],
)
def test_what_is_left_of_a_row_is_as_it_was(aged: Plane, change: LiteralString, violation: str) -> None:
    bury(aged, "signals.signals", "seq = 2")
    with aged.admin.transaction():
        aged.admin.execute("set local session_replication_role = replica")
        aged.admin.execute(change)
    assert aged.rows(VERIFY) == [("signals.signals", 1, violation)]


def test_rows_that_are_gone_before_their_time(busy: Plane) -> None:
    busy.tick(days=31)
    bury(busy, "signals.signals", "seq <= 5")
    # The first block was sealed ten seconds after the clock began, the second ten later.
    assert busy.rows(VERIFY) == [
        ("signals.signals", 2, "1 rows are gone before their time"),
    ]


def test_it_is_the_least_that_counts_and_not_what_was_chosen(aged: Plane) -> None:
    bury(aged, "signals.decisions", "seq = 1")
    assert aged.value("select ops.setting('keep_signals') = '180 days'")
    assert aged.rows(VERIFY) == []


def test_rows_that_go_before_they_are_sealed(aged: Plane, master: Master) -> None:
    master.does("OPEN")
    bury(aged, "signals.signals", "seq = 9")
    assert aged.rows(VERIFY) == [("signals.signals", None, "1 rows are gone before their time")]
    aged.seal()
    assert aged.rows(VERIFY) == [("signals.signals", 3, "1 rows are gone before their time")]


@pytest.mark.parametrize("relation", ["billing.transfers", "signals.subscription_events", "audit.records"])
def test_rows_that_never_go(aged: Plane, relation: str) -> None:
    with aged.admin.transaction():
        aged.admin.execute("set local session_replication_role = replica")
        aged.admin.execute("update audit.sources set may_go = true where relation = %s", [relation])
        gone = bury(aged, relation, "xact < (select to_xact from audit.seals where number = 1)")
        aged.admin.execute("update audit.sources set may_go = false where relation = %s", [relation])
    assert gone > 0
    assert aged.rows(VERIFY) == [(relation, 1, f"{gone} rows are gone, and are never retired")]


@pytest.mark.parametrize("relation", ["billing.transfers", "audit.records", "signals.streams"])
def test_what_never_goes_or_was_never_sealed_leaves_no_hash(plane: Plane, relation: LiteralString) -> None:
    with pytest.raises(psycopg.Error) as refused:
        plane.admin.execute(f"select audit.bury(%s, array(select r from {relation} as r))".encode(), [relation])
    assert refused.value.sqlstate == "TRH03"


def test_what_was_sealed_without_a_column_is_left_without_it(own_plane: Plane) -> None:
    master = own_plane.master()
    copier = own_plane.copier(master)
    live(own_plane, master, copier)
    own_plane.admin.execute("alter table signals.signals add column comment text not null default 'none'")
    own_plane.admin.execute("select audit.attach('signals.signals', p_may_go => true)")
    live(own_plane, master, copier)
    own_plane.tick(days=32)
    assert bury(own_plane, "signals.signals", "seq in (1, 3, 5, 8)") == remains(own_plane) == 4
    assert own_plane.rows(VERIFY) == []


def test_a_table_that_may_go_from_a_later_block_on(own_plane: Plane) -> None:
    own_plane.account("provider")
    own_plane.seal()
    own_plane.admin.execute("select audit.attach('audit.records', p_may_go => true)")
    own_plane.account("provider")
    own_plane.seal()
    own_plane.tick(days=32)
    with own_plane.admin.transaction():
        own_plane.admin.execute("set local session_replication_role = replica")
        assert bury(own_plane, "audit.records") == 2
    assert remains(own_plane) == 2
    assert own_plane.rows(VERIFY) == []


def test_the_settings_of_a_session_make_no_difference(aged: Plane) -> None:
    with psycopg.connect(aged.url, autocommit=True) as connection:
        for setting in (
            "timezone = 'Asia/Tokyo'",
            "datestyle = 'German'",
            "bytea_output = 'escape'",
            "search_path = ''",
        ):
            connection.execute(f"set {setting}".encode())
        connection.execute(REMOVE.format("signals.reports", "true", "signals.reports").encode())
    assert remains(aged) == 8
    assert aged.rows(VERIFY) == []


def test_what_is_not_sealed_leaves_nothing(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    copier.receives()
    copier.doubts(1)
    assert bury(plane, "signals.reports") == 1
    assert remains(plane) == 0


def test_nothing_at_all_is_nothing(aged: Plane) -> None:
    assert bury(aged, "signals.signals", "false") == 0
    assert remains(aged) == 0


def test_nothing_is_lost_while_signals_come_and_go(plane: Plane, master: Master) -> None:
    master.does("OPEN", 1)
    removed: list[int] = []

    def publish() -> None:
        with plane.connect("ecp_gateway") as gateway:
            for _ in range(60):
                plane.ingest([master.signal("MODIFY", 1) for _ in range(3)], gateway)

    def seal() -> None:
        with plane.connect("ecp_owner") as owner:
            for _ in range(40):
                owner.execute("select audit.seal()")

    def remove() -> None:
        with psycopg.connect(plane.url, autocommit=True) as owner:
            for turn in range(40):
                row = owner.execute(
                    REMOVE.format("signals.signals", f"seq % 40 = {turn}", "signals.signals").encode()
                ).fetchone()
                removed.append(row[0] if row else 0)

    run_together(publish, seal, remove)
    plane.seal()
    plane.tick(days=32)
    assert sum(removed) == remains(plane)
    assert plane.value("select count(*) from signals.signals") + remains(plane) == 181
    assert plane.value("select sum(rows) from audit.sections where relation = 'signals.signals'") == 181
    assert plane.rows(VERIFY) == []


def test_it_is_for_jobs_and_nobody_else(plane: Plane) -> None:
    for role in ("ecp_operator", "ecp_auditor", "ecp_gateway", "ecp_api", "ecp_analyst"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select audit.bury('signals.signals', null::signals.signals[])")
