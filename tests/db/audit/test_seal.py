"""Sealing: every row that was committed is in one block and in one only, and the blocks are one chain."""

import hashlib
from itertools import pairwise

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane, microseconds, run_together

pytestmark = pytest.mark.core

SOURCES = {"audit.records", "signals.decisions", "signals.reports", "signals.signals", "signals.subscription_events"}
RECORD = "record_id, occurred_at, kind, lane, subject, actor, login, reason, before, after, xact"


def sealed(plane: Plane, relation: str) -> int:
    """How many rows of the table are in the chain."""
    return int(plane.value("select coalesce(sum(rows), 0) from audit.sections where relation = %s", relation))


def names(plane: Plane) -> list[str]:
    """The accounts whose making is sealed, in the order of the blocks."""
    return plane.rows(
        "select after ->> 'name' from audit.trail where kind = 'access.accounts INSERT' and block is not null"
        " order by block, occurred_at"
    )


def test_each_row_is_counted_once(busy: Plane) -> None:
    for relation in SOURCES:
        assert sealed(busy, relation) == busy.value(f"select count(*) from {relation}") > 0


def test_a_hash_can_be_recomputed_by_anyone(busy: Plane) -> None:
    """By the words of docs/audit.md, in another language."""
    with busy.connect("ecp_owner") as connection:
        connection.execute("set timezone = 'UTC'")
        before = b""
        for number, begin, end, sealed_at, found in connection.execute("select * from audit.seals order by 1"):
            parts = [number, begin, end, microseconds(sealed_at)]
            for relation, rows, digest in connection.execute(
                'select relation, rows, digest from audit.sections where number = %s order by relation collate "C"',
                [number],
            ).fetchall():
                parts.append(f"{relation}:{rows}:{digest.hex()}")
                if relation == "audit.records":
                    texts = connection.execute(
                        f"select row({RECORD})::text from audit.records where xact >= %s and xact < %s".encode(),
                        [begin, end],
                    ).fetchall()
                    (source,) = connection.execute(
                        "select s::text from audit.sources as s where relation = %s", [relation]
                    ).fetchone() or ("",)
                    each = sorted(hashlib.sha256(text.encode()).digest() for (text,) in texts)
                    assert hashlib.sha256(b"".join([source.encode(), *each])).digest() == digest
            before = hashlib.sha256(before + "|".join(map(str, parts)).encode()).digest()
            assert before == found
        assert number == 2


def test_blocks_are_one_chain(busy: Plane) -> None:
    blocks = busy.rows("select number, from_xact, to_xact, hash from audit.seals order by number")
    assert [block[0] for block in blocks] == [1, 2]
    assert blocks[0][1] == 0
    assert all(later[1] == earlier[2] for earlier, later in pairwise(blocks))
    assert {block[3] for block in blocks} == {bytes(block[3]) for block in blocks}


def test_nothing_new_makes_no_block(busy: Plane) -> None:
    head = busy.record("select * from audit.head()")
    assert busy.value("select audit.seal()") is None
    assert busy.record("select * from audit.head()") == head


def test_a_run_says_how_much_it_sealed(plane: Plane) -> None:
    plane.seal()
    plane.account("provider")
    mark = plane.value("select pg_current_xact_id()::text::bigint")
    while plane.value("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint") <= mark:
        pass
    assert plane.value("select audit.seal()") == "1 rows"


def test_what_commits_late_is_sealed_late_and_with_all_that_was_written_meanwhile(plane: Plane) -> None:
    plane.seal()
    create = "select access.create_account(%s, '{provider}')"
    with plane.connect("ecp_operator") as slow:
        with slow.transaction():
            slow.execute(create, ["slow"])
            plane.operator.execute(create, ["fast"])
            plane.value("select audit.seal()")
            assert names(plane) == []
        plane.seal()
    assert sorted(names(plane)) == ["fast", "slow"]
    assert plane.rows("select * from audit.verify()") == []


def test_what_is_rolled_back_leaves_no_hole(plane: Plane) -> None:
    with plane.connect("ecp_operator") as slow:
        with slow.transaction(force_rollback=True):
            slow.execute("select access.create_account('nobody', '{provider}')")
            plane.account("provider", name="somebody")
        plane.seal()
    assert names(plane) == ["somebody"]
    assert plane.rows("select * from audit.verify()") == []


def test_a_run_that_is_killed_leaves_the_chain_as_it_was(busy: Plane) -> None:
    busy.account("provider", name="late")
    before = busy.rows("select * from audit.seals order by number")
    with busy.connect("ecp_owner") as connection, connection.transaction(force_rollback=True):
        connection.execute("select audit.seal()")
    assert busy.rows("select * from audit.seals order by number") == before
    busy.seal()
    assert busy.rows("select * from audit.seals order by number")[: len(before)] == before
    assert names(busy)[-1] == "late"


def test_many_at_once_make_one_chain(plane: Plane) -> None:
    def work(name: str) -> None:
        with plane.connect("ecp_owner") as connection:
            for turn in range(20):
                connection.execute("select access.create_account(%s, '{provider}')", [f"{name} {turn}"])
                connection.execute("select audit.seal()")

    run_together(*[lambda name=name: work(name) for name in ("one", "two", "three", "four")])
    plane.seal()
    assert len(names(plane)) == len(set(names(plane))) == 80
    assert plane.rows("select * from audit.verify()") == []


def test_what_was_sealed_is_read_no_more(plane: Plane) -> None:
    """The next run goes by summaries, of 128 pages each, of what was there."""
    with plane.connect("ecp_owner") as connection:
        connection.execute(
            "select audit.note('tests.many', null, to_jsonb(n), 'tester', string_agg(md5(n::text || m), ''))"
            " from generate_series(1, 1000) as n cross join generate_series(1, 50) as m group by n"
        )
    summarize = "select brin_summarize_new_values('audit.records_xact')"
    plane.seal()
    assert plane.value(summarize) == 0


def test_a_run_does_not_wait_for_a_vacuum(busy: Plane) -> None:
    busy.account("provider", name="late")
    with busy.connect("ecp_owner") as vacuum, vacuum.transaction():
        vacuum.execute("lock table signals.decisions in share update exclusive mode")
        busy.seal()
    assert names(busy)[-1] == "late"
    assert busy.rows("select * from audit.verify()") == []


def test_a_run_leaves_it_to_one_that_is_under_way(busy: Plane) -> None:
    busy.account("provider", name="late")
    with busy.connect("ecp_owner") as one, busy.connect("ecp_owner") as two:
        two.execute("set lock_timeout = '1s'")
        with one.transaction():
            one.execute("select audit.seal()")
            assert two.execute("select audit.seal()").fetchone() == (None,)
    busy.seal()
    assert names(busy)[-1] == "late"
    assert busy.rows("select * from audit.verify()") == []


def test_sealing_waits_for_nobody_and_nobody_for_it(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    with plane.connect("ecp_gateway") as gateway, plane.connect("ecp_owner") as sealer:
        for connection in (gateway, sealer):
            connection.execute("set lock_timeout = '1s'")
        with gateway.transaction(), sealer.transaction():
            plane.ingest([master.signal("OPEN")], gateway)
            plane.pump(copier.lane, connection=gateway)
            sealer.execute("select audit.seal()")
            plane.ingest([master.signal("OPEN")], gateway)
            plane.pump(copier.lane, connection=gateway)
            plane.report([copier.report(1, volume="0.10", ticket=1)], gateway)
    plane.seal()
    assert sealed(plane, "signals.signals") == 3
    assert plane.rows("select * from audit.verify()") == []


def test_an_outcome_in_doubt_is_sealed_when_it_is_settled(plane: Plane, master: Master, copier: Copier) -> None:
    for _ in range(3):
        master.does("OPEN")
    copier.receives()
    for delivery in (1, 2, 3):
        copier.doubts(delivery)
    plane.seal()
    assert sealed(plane, "signals.reports") == 0
    copier.reports(1, volume="0.10", ticket=1)
    plane.operator.execute("select signals.settle(%s, 2, 'FAILED', null, null, 'me', 'asked')", [copier.subscription])
    plane.seal()
    assert sealed(plane, "signals.reports") == 2
    assert plane.rows("select * from audit.verify()") == []


def test_a_long_absence_is_sealed_in_blocks_of_bounded_size(own_plane: Plane) -> None:
    own_plane.account("provider", name="first")
    own_plane.seal()
    own_plane.admin.execute("set synchronous_commit = off")
    own_plane.admin.execute("do $$ begin for i in 1..10500 loop perform pg_current_xact_id(); commit; end loop; end $$")
    own_plane.account("provider", name="last")
    own_plane.seal()
    ranges = own_plane.rows("select to_xact - from_xact from audit.seals where number > 1 order by number")
    assert ranges[0] == 10000
    assert names(own_plane) == ["first", "last"]
    assert own_plane.rows("select * from audit.verify()") == []


def test_a_server_whose_transactions_are_behind_the_chain_is_refused(busy: Plane) -> None:
    """As after a restore from a dump: what is written would be in the ranges of old blocks."""
    with busy.admin.transaction(force_rollback=True):
        busy.admin.execute("set local session_replication_role = replica")
        busy.admin.execute("update audit.seals set to_xact = to_xact + 1000000 where number = 2")
        with pytest.raises(psycopg.Error) as refused:
            busy.admin.execute("select audit.seal()")
    assert refused.value.sqlstate == "TRH02"


def test_operators_may_seal_and_auditors_only_look(plane: Plane) -> None:
    plane.operator.execute("select audit.seal()")
    for role in ("ecp_auditor", "ecp_gateway", "ecp_api", "ecp_analyst"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select audit.seal()")


def test_it_is_on_the_schedule(own_plane: Plane) -> None:
    assert own_plane.rows("select call, every::text from ops.jobs where name = 'seal'") == [("audit.seal", "00:00:02")]
