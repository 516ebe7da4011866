"""What is counted of the logs: once each, whenever the job runs."""

import psycopg
import pytest

from tests.db.ops.test_read_metrics import deposit, read
from tests.db.plane import Plane

pytestmark = pytest.mark.core


def tally(plane: Plane) -> str | None:
    """Once every transaction before it has ended, of whoever else tests on this server."""
    plane.seal()
    said: str | None = plane.value("select ops.tally()")
    return said


def deposited(plane: Plane) -> float | None:
    return read(plane, "ecp_transfers_amount_total", kind="DEPOSIT", currency="EUR")


def test_transfers_are_added_up_once(own_plane: Plane) -> None:
    deposit(own_plane, "100", "one")
    assert tally(own_plane) == "1 counters"
    assert tally(own_plane) is None
    assert deposited(own_plane) == 100
    deposit(own_plane, "23", "two")
    tally(own_plane)
    assert deposited(own_plane) == 123


def test_a_transfer_that_commits_late_is_not_passed_over(own_plane: Plane) -> None:
    account = deposit(own_plane, "1", "before")
    with own_plane.connect("ecp_operator") as slow:
        with slow.transaction():
            slow.execute("select billing.deposit(%s, 'EUR', 5, 'slow', 'a test')", [account])
            deposit(own_plane, "100", "fast")
            own_plane.value("select ops.tally()")
        tally(own_plane)
    assert deposited(own_plane) == 106


def test_protection_events_are_counted_by_code(own_plane: Plane) -> None:
    master = own_plane.master()
    own_plane.admin.execute("update ops.tallied set to_time = core.now()")
    master.does("OPEN", seq=7)
    tally(own_plane)
    assert read(own_plane, "ecp_protection_events_total", origin="PLANE", code="TRS02") is None, "it may not be all yet"
    own_plane.tick(seconds=11)
    tally(own_plane)
    tally(own_plane)
    assert read(own_plane, "ecp_protection_events_total", origin="PLANE", code="TRS02") == 1


def test_codes_that_a_terminal_made_up_are_one_series(own_plane: Plane) -> None:
    copier = own_plane.copier(own_plane.master())
    own_plane.admin.execute("update ops.tallied set to_time = core.now()")
    for code in ("4756", "MY_BROKER_SAYS", "TRG01"):
        own_plane.operator.execute("select signals.note_event(%s, %s)", [copier.subscription, code])
    own_plane.tick(seconds=11)
    tally(own_plane)
    assert read(own_plane, "ecp_protection_events_total", origin="GUARD", code="OTHER") == 2
    assert read(own_plane, "ecp_protection_events_total", origin="GUARD", code="TRG01") == 1
    assert read(own_plane, "ecp_protection_events_total", origin="GUARD", code="4756") is None


def test_a_balance_that_its_transfers_do_not_explain_is_found(own_plane: Plane) -> None:
    account = deposit(own_plane, "100", "one")
    tally(own_plane)
    assert read(own_plane, "ecp_ledger_mismatches_total") == 0
    own_plane.admin.execute(
        "update billing.ledger_accounts set balance = balance + 1 where kind = 'WALLET' and account_id = %s", [account]
    )
    deposit(own_plane, "1", "two", account)
    own_plane.admin.execute(
        "update billing.ledger_accounts set balance = balance - 1 where kind = 'WALLET' and account_id = %s", [account]
    )
    tally(own_plane)
    assert read(own_plane, "ecp_ledger_mismatches_total") == 1


def test_two_at_once_count_nothing_twice(own_plane: Plane) -> None:
    """The second waits for the first, and finds nothing left."""
    deposit(own_plane, "100", "one")
    own_plane.seal()
    with psycopg.connect(own_plane.url) as first:
        first.execute("select ops.tally()")
        with psycopg.connect(own_plane.url, autocommit=True) as second:
            pending = second.pgconn
            pending.send_query(b"select ops.tally()")
            pending.flush()
            while not own_plane.value("select cardinality(pg_blocking_pids(%s)) > 0", second.info.backend_pid):
                pass
            first.commit()
            while pending.get_result():
                pass
    assert deposited(own_plane) == 100
