"""What has waited for its block for too long, whatever the reason."""

from datetime import timedelta

import psycopg
import pytest

from tests.db.plane import START, Master, Plane

pytestmark = pytest.mark.core

SINCE = "select audit.unsealed_since()"


def test_when_nothing_was_written_nothing_waits(plane: Plane) -> None:
    plane.tick(hours=1)
    assert plane.value(SINCE) is None


def test_what_was_done_and_never_sealed(plane: Plane) -> None:
    plane.account("provider")
    plane.tick(minutes=1)
    assert plane.value(SINCE) is None
    plane.tick(seconds=1)
    assert plane.value(SINCE) == START
    plane.seal()
    assert plane.value(SINCE) is None


def test_signals_while_a_transaction_holds_the_chain_up(plane: Plane, master: Master) -> None:
    plane.seal()
    plane.tick(minutes=5)
    with plane.connect("ecp_operator") as slow, slow.transaction():
        slow.execute("select access.create_account('slow', '{provider}')")
        master.does("OPEN")
        plane.tick(seconds=61)
        master.does("OPEN")
        plane.admin.execute("select audit.seal()")
        assert plane.value(SINCE) == START + timedelta(minutes=5)
    plane.seal()
    assert plane.value(SINCE) is None


def test_operators_and_auditors_and_nobody_else(plane: Plane) -> None:
    for role in ("ecp_operator", "ecp_auditor"):
        with plane.connect(role) as connection:
            assert connection.execute("select audit.unsealed_since()").fetchall() == [(None,)]
    for role in ("ecp_gateway", "ecp_api", "ecp_analyst"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select audit.unsealed_since()")
