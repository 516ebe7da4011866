"""The state of the plane as Prometheus is told it: what is there moves the number that is about it, and no other."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core

Read = Callable[..., float]


def deposit(plane: Plane, amount: str, key: str = "a key", account: int | None = None) -> int:
    """Into the wallet of a new account, unless one is given; the account."""
    if account is None:
        account = plane.account("subscriber")
        plane.operator.execute("select billing.open_wallet(%s, 'EUR')", [account])
    plane.operator.execute("select billing.deposit(%s, 'EUR', %s, %s, 'a test')", [account, Decimal(amount), key])
    return account


def read(plane: Plane, series: str, **labels: str) -> float | None:
    """None: there is no such series."""
    rows = plane.gateway.execute("select name, labels, value from ops.read_metrics()").fetchall()
    (found,) = [value for name, has, value in rows if (name, has) == (series, labels)] or [None]
    return None if found is None else float(found)


def test_every_series_is_there_once_and_has_a_number(plane: Plane, copier: Copier) -> None:  # noqa: ARG001
    rows = plane.gateway.execute("select name, labels::text, value, help, type from ops.read_metrics()").fetchall()
    assert len({row[:2] for row in rows}) == len(rows)
    assert all(value is not None and text and kind in {"gauge", "counter"} for _, _, value, text, kind in rows)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows), "those of one name come together"


def test_labels_are_texts(plane: Plane) -> None:
    kinds = plane.gateway.execute(
        "select distinct jsonb_typeof(e.value) from ops.read_metrics() as m, jsonb_each(m.labels) as e"
    ).fetchall()
    assert kinds == [("string",)]


def test_sessions_count_while_their_lease_lasts(plane: Plane, copier: Copier) -> None:  # noqa: ARG001
    assert read(plane, "ecp_sessions", purpose="publish") == 1
    assert read(plane, "ecp_sessions", purpose="subscribe") == 1
    plane.tick(seconds=15)
    assert read(plane, "ecp_sessions", purpose="publish") == 0


def test_streams_and_subscriptions_count_by_state(plane: Plane, master: Master, copier: Copier) -> None:
    assert read(plane, "ecp_subscriptions", state="SYNCED") == 1
    assert read(plane, "ecp_streams", status="HALTED") == 0
    plane.transition(copier.subscription, "toxic")
    plane.halt("STREAM", master.stream)
    assert read(plane, "ecp_subscriptions", state="SYNCED") == 0
    assert read(plane, "ecp_subscriptions", state="PAUSED_TOXIC") == 1
    assert read(plane, "ecp_streams", status="HALTED") == 1
    assert read(plane, "ecp_alarms", alarm="HALTED") == 1
    plane.admin.execute("update signals.streams set status = 'CLOSED'")
    assert read(plane, "ecp_streams", status="HALTED") == 0
    assert read(plane, "ecp_streams", status="CLOSED") == 1


def test_trust_counts_in_bands(plane: Plane, master: Master) -> None:
    plane.reset_trust(master.account, "provider", 49)
    assert read(plane, "ecp_trust_accounts", role="provider", band="25-49") == 1
    plane.reset_trust(master.account, "provider", 50)
    assert read(plane, "ecp_trust_accounts", role="provider", band="25-49") == 0
    assert read(plane, "ecp_trust_accounts", role="provider", band="50-74") == 1


def test_every_active_account_counts_once_for_trust(own_plane: Plane) -> None:
    """A provider has a score in each lane that it publishes from; who was never scored has 100."""
    here = own_plane.master(lane=0)
    own_plane.master(lane=1, account=here.account)
    quiet = own_plane.account("provider")
    own_plane.reset_trust(here.account, "provider", 60)
    own_plane.admin.execute("update trust.scores set score = 20 where lane = 1")
    assert read(own_plane, "ecp_trust_accounts", role="provider", band="0-24") == 1
    assert read(own_plane, "ecp_trust_accounts", role="provider", band="50-74") == 0
    assert read(own_plane, "ecp_trust_accounts", role="provider", band="100") == 1
    own_plane.operator.execute("select access.set_account_status(%s, 'SUSPENDED', 'a drill', 'a test')", [quiet])
    assert read(own_plane, "ecp_trust_accounts", role="provider", band="100") == 0


def test_what_waits_for_dispatch_has_a_length_and_an_age(plane: Plane, master: Master, copier: Copier) -> None:
    for _ in range(3):
        master.does("OPEN")
    plane.tick(seconds=7)
    assert read(plane, "ecp_dispatch_waiting_signals") == 3
    assert read(plane, "ecp_dispatch_waiting_seconds") == 7
    copier.receives()
    assert read(plane, "ecp_dispatch_waiting_signals") == 0
    assert read(plane, "ecp_dispatch_waiting_seconds") == 0


def test_a_close_without_an_answer_has_an_age(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    copier.reports(copier.receives()[0].delivery_seq)
    master.does("CLOSE", 1)
    (close,) = copier.receives()
    plane.tick(seconds=9)
    assert read(plane, "ecp_unanswered_deliveries", action="CLOSE") == 1
    assert read(plane, "ecp_unanswered_seconds", action="CLOSE") == 9
    assert read(plane, "ecp_unanswered_deliveries", action="MODIFY") == 0
    copier.reports(close.delivery_seq)
    assert read(plane, "ecp_unanswered_deliveries", action="CLOSE") == 0


def test_a_job_lags_from_when_it_was_due(own_plane: Plane) -> None:
    own_plane.admin.execute("update ops.jobs set due_at = core.now() + interval '5 seconds' where name = 'escalate'")
    assert read(own_plane, "ecp_job_lag_seconds", name="escalate") == 0
    own_plane.tick(seconds=17)
    assert read(own_plane, "ecp_job_lag_seconds", name="escalate") == 12
    assert read(own_plane, "ecp_job_period_seconds", name="escalate") == 5
    assert read(own_plane, "ecp_job_failing", name="escalate") == 0
    own_plane.admin.execute("update ops.jobs set failing_since = core.now() where name = 'escalate'")
    assert read(own_plane, "ecp_job_failing", name="escalate") == 1


def test_what_is_in_no_block_of_the_chain_has_an_age(plane: Plane, master: Master) -> None:
    plane.seal()
    assert read(plane, "ecp_unsealed_seconds") == 0
    master.does("OPEN")
    plane.tick(seconds=30)
    assert read(plane, "ecp_unsealed_seconds") == 30
    plane.seal()
    assert read(plane, "ecp_unsealed_seconds") == 0


def test_retention_lags_by_what_is_too_old(plane: Plane, master: Master) -> None:
    master.does("OPEN")
    plane.tick(hours=1)
    master.does("OPEN")
    plane.tick(days=180)
    assert read(plane, "ecp_retention_lag_seconds") == 3600


def test_the_newest_signal_stays_however_old(plane: Plane, master: Master) -> None:
    master.does("OPEN")
    plane.tick(days=200)
    assert read(plane, "ecp_retention_lag_seconds") == 0


def test_licenses_count_before_they_end_unless_they_have_a_successor(plane: Plane) -> None:
    account = plane.account()
    license_id = plane.license(account, "publish").license_id
    plane.tick(days=23)
    assert read(plane, "ecp_licenses_ending", notice="first") == 1
    assert read(plane, "ecp_licenses_ending", notice="last") == 0
    plane.tick(days=6)
    assert read(plane, "ecp_licenses_ending", notice="last") == 1
    plane.operator.execute("select access.rotate_license(%s)", [license_id])
    assert read(plane, "ecp_licenses_ending", notice="first") == 0


def test_a_license_that_has_ended_does_not_end_soon(plane: Plane) -> None:
    plane.license(plane.account(), "publish")
    plane.tick(days=30)
    assert read(plane, "ecp_licenses_ending", notice="first") == 0
    assert read(plane, "ecp_licenses_ending", notice="last") == 1
    plane.tick(days=30)
    assert read(plane, "ecp_licenses_ending", notice="last") == 0


def test_money_is_told_by_kind_and_currency(plane: Plane) -> None:
    deposit(plane, "125.50")
    assert read(plane, "ecp_ledger_balance", kind="WALLET", currency="EUR") == 125.5
    assert read(plane, "ecp_ledger_balance", kind="EXTERNAL", currency="EUR") == -125.5
    assert read(plane, "ecp_ledger_held", currency="EUR") == 0
    assert read(plane, "ecp_ledger_open_lanes") == 0


def test_a_lane_that_does_not_sum_to_zero_is_seen(plane: Plane) -> None:
    deposit(plane, "125.50")
    plane.admin.execute("update billing.ledger_accounts set balance = balance + 1 where kind = 'WALLET'")
    assert read(plane, "ecp_ledger_open_lanes") == 1


def test_a_session_that_waits_for_a_lock_is_seen(own_plane: Plane) -> None:
    assert read(own_plane, "ecp_lock_wait_seconds") == 0
    with own_plane.connect("ecp_operator") as waiting:
        pending = waiting.pgconn
        with own_plane.admin.transaction():
            own_plane.admin.execute("lock table signals.halts in exclusive mode")
            pending.send_query(b"select signals.halt('GLOBAL', null, 'a drill', 'a test')")
            pending.flush()
            while not read(own_plane, "ecp_lock_wait_seconds"):
                pass
        while pending.get_result():
            pass


def test_a_session_of_another_database_that_waits_is_none_of_ours(own_plane: Plane) -> None:
    elsewhere = conninfo.make_conninfo(own_plane.url, dbname="postgres")
    with psycopg.connect(elsewhere) as holding, psycopg.connect(elsewhere, autocommit=True) as waiting:
        holding.execute("select pg_advisory_xact_lock(7480)")
        pending = waiting.pgconn
        pending.send_query(b"select pg_advisory_xact_lock(7480)")
        pending.flush()
        while not own_plane.value("select cardinality(pg_blocking_pids(%s)) > 0", waiting.info.backend_pid):
            pass
        assert read(own_plane, "ecp_lock_wait_seconds") == 0
        holding.rollback()
        while pending.get_result():
            pass


def test_a_replication_slot_has_a_lag(plane: Plane) -> None:
    plane.admin.execute("select pg_create_physical_replication_slot('left_by_metrics', true)")
    try:
        assert read(plane, "ecp_replication_slot_active", slot="left_by_metrics") == 0
        assert (read(plane, "ecp_replication_lag_bytes", slot="left_by_metrics") or 0) >= 0
    finally:
        plane.admin.execute("select pg_drop_replication_slot('left_by_metrics')")


def test_the_view_is_for_nobody_but_through_the_function(plane: Plane) -> None:
    denied: list[Any] = plane.rows(
        "select r.rolname::text from pg_roles as r where r.rolname like 'ecp\\_%%' and r.rolname <> 'ecp_owner'"
        " and has_table_privilege(r.oid, 'ops.metrics', 'select')"
    )
    assert denied == []


def test_it_is_an_amount_not_a_float_that_is_added_up(own_plane: Plane) -> None:
    """Cents stay cents: ops.totals is numeric."""
    account = None
    for number in range(3):
        account = deposit(own_plane, "0.10", f"key {number}", account)
        own_plane.seal()
        own_plane.value("select ops.tally()")
    assert own_plane.value("select value from ops.totals where name = 'ecp_transfers_amount_total'") == Decimal("0.30")
