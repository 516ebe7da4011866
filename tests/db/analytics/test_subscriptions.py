"""Where each subscription stands, and how it came there."""

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_the_state_with_its_newest_cause_and_every_change(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    plane.tick(seconds=1)
    plane.transition(copier.subscription, "user_pause", actor="alice")
    plane.tick(seconds=1)
    plane.transition(copier.subscription, "user_resume", actor="bob")
    plane.write_settings(copier.subscription, multiplier=2)
    row = plane.record("select * from analytics.subscriptions")
    assert (row["state"], row["state_cause"], row["state_since"]) == ("SYNCED", "user_resume", plane.now)
    assert (row["stream"], row["portfolio"], row["has_copier"]) == (master.name, "main", True)
    assert (row["deliveries"], row["acknowledged"], row["multiplier"], row["settings_version"]) == (1, 0, 2, 2)
    changes = plane.rows("select to_state, cause, actor from analytics.state_changes order by occurred_at")
    assert changes[-2:] == [("PAUSED_BY_USER", "user_pause", "alice"), ("SYNCED", "user_resume", "bob")]
