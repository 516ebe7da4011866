"""Transitions: what is not in the table cannot happen."""

import psycopg
import pytest

from tests.db.plane import Copier, Plane

pytestmark = pytest.mark.core

# From docs/state_machines.md, not from the table.
LEGAL = {
    ("SYNCED", "user_pause"): "PAUSED_BY_USER",
    ("SYNCED", "gap"): "DEGRADED_GAP",
    ("SYNCED", "no_funds"): "LOCKED_NO_FUNDS",
    ("SYNCED", "toxic"): "PAUSED_TOXIC",
    ("SYNCED", "end"): "ENDED",
    ("DEGRADED_GAP", "resumed"): "SYNCED",
    ("DEGRADED_GAP", "user_pause"): "PAUSED_BY_USER",
    ("DEGRADED_GAP", "no_funds"): "LOCKED_NO_FUNDS",
    ("DEGRADED_GAP", "toxic"): "PAUSED_TOXIC",
    ("DEGRADED_GAP", "end"): "ENDED",
    ("LOCKED_NO_FUNDS", "funded"): "SYNCED",
    ("LOCKED_NO_FUNDS", "user_pause"): "PAUSED_BY_USER",
    ("LOCKED_NO_FUNDS", "toxic"): "PAUSED_TOXIC",
    ("LOCKED_NO_FUNDS", "end"): "ENDED",
    ("PAUSED_TOXIC", "recovered"): "SYNCED",
    ("PAUSED_TOXIC", "end"): "ENDED",
    ("PAUSED_BY_USER", "user_resume"): "SYNCED",
    ("PAUSED_BY_USER", "toxic"): "PAUSED_TOXIC",
    ("PAUSED_BY_USER", "end"): "ENDED",
}
STATES = ["SYNCED", "DEGRADED_GAP", "LOCKED_NO_FUNDS", "PAUSED_TOXIC", "PAUSED_BY_USER", "ENDED"]
CAUSES = ["user_pause", "user_resume", "gap", "resumed", "no_funds", "funded", "toxic", "recovered", "end", "whim"]


def force(plane: Plane, state: str) -> None:
    plane.admin.execute(
        "update signals.subscriptions set state = %s, ended_at = case when %s = 'ENDED' then core.now() end",
        [state, state],
    )


@pytest.mark.parametrize("state", STATES)
def test_from_every_state_every_cause_leads_where_the_document_says_or_nowhere(
    plane: Plane, copier: Copier, state: str
) -> None:
    for cause in CAUSES:
        force(plane, state)
        if to := LEGAL.get((state, cause)):
            assert plane.transition(copier.subscription, cause) == to
            row = plane.record("select state, ended_at is not null as ended from signals.subscriptions")
            assert row == {"state": to, "ended": to == "ENDED"}
        else:
            with pytest.raises(psycopg.Error) as refusal:
                plane.transition(copier.subscription, cause)
            assert refusal.value.sqlstate == "TRS23"
            assert plane.value("select state from signals.subscriptions") == state


def test_a_change_is_recorded_with_cause_actor_and_time(plane: Plane, copier: Copier) -> None:
    plane.tick(seconds=5)
    plane.transition(copier.subscription, "user_pause", "Ada")
    event = plane.record("select * from signals.subscription_events where cause <> 'subscribe'")
    assert (event["from_state"], event["to_state"], event["cause"]) == ("SYNCED", "PAUSED_BY_USER", "user_pause")
    assert (event["actor"], event["occurred_at"], event["subscription_id"]) == ("Ada", plane.now, copier.subscription)


def test_a_refused_change_records_nothing(plane: Plane, copier: Copier) -> None:
    with pytest.raises(psycopg.Error):
        plane.transition(copier.subscription, "user_resume")
    assert plane.rows("select cause from signals.subscription_events") == ["subscribe"]


def test_an_unknown_subscription_has_no_state(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.transition(999_999, "end")
    assert refusal.value.sqlstate == "TRS17"


def test_a_change_needs_an_actor(plane: Plane, copier: Copier) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation):
        plane.operator.execute("select signals.transition(%s, 'end', null)", [copier.subscription])
    assert plane.value("select state from signals.subscriptions") == "SYNCED"


def test_a_tenant_moves_its_own_and_not_past_what_the_plane_decided(plane: Plane, copier: Copier) -> None:
    plane.transition(copier.subscription, "toxic")
    token = plane.license(copier.account, "api").token
    with plane.connect("ecp_tenant") as tenant:
        for cause in ("recovered", "funded", "resumed", "toxic"):
            with tenant.transaction(force_rollback=True):
                tenant.execute("select access.act_for(%s)", [token])
                with pytest.raises(psycopg.Error) as refusal:
                    tenant.execute("select signals.transition(%s, %s, 'x')", [copier.subscription, cause])
            assert refusal.value.sqlstate == "TRS23"
        with tenant.transaction():
            tenant.execute("select access.act_for(%s)", [token])
            tenant.execute("select signals.transition(%s, 'end', 'x')", [copier.subscription])
    assert plane.value("select state from signals.subscriptions") == "ENDED"
