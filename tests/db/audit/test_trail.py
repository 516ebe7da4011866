"""The trail: operator actions, configuration and changes of state in one list, with the block that has sealed them."""

import psycopg
import pytest

from tests.db.plane import START, Copier, Plane

pytestmark = pytest.mark.core


def test_changes_of_state_stand_beside_what_was_done(plane: Plane, copier: Copier) -> None:
    plane.transition(copier.subscription, "user_pause", "the subscriber")
    row = plane.record("select * from audit.trail where kind = 'signals.transition' and reason = 'user_pause'")
    assert row["subject"] == {"subscription_id": copier.subscription}
    assert (row["before"], row["after"]) == ({"state": "SYNCED"}, {"state": "PAUSED_BY_USER"})
    assert (row["actor"], row["occurred_at"]) == ("the subscriber", START)
    assert plane.value("select count(*) from audit.trail where kind = 'access.accounts INSERT'") == 2


def test_it_says_by_when_a_row_was_there(plane: Plane) -> None:
    plane.account("provider", name="early")
    plane.seal()
    plane.tick(hours=1)
    plane.account("provider", name="late")
    blocks = "select after ->> 'name', block, sealed_at from audit.trail order by occurred_at"
    assert plane.rows(blocks) == [("early", 1, START), ("late", None, None)]


def test_auditors_and_operators_read_it_and_no_one_writes(plane: Plane) -> None:
    plane.account("provider")
    for role in ("ecp_operator", "ecp_auditor"):
        with plane.connect(role) as connection:
            assert len(connection.execute("select * from audit.trail").fetchall()) == 1
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                connection.execute("delete from audit.trail")
    for role in ("ecp_gateway", "ecp_api", "ecp_analyst"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from audit.trail")
