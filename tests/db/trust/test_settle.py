"""Pauses: what a score under 50 stops of a subscriber, in the transaction that brought it there, and how it ends."""

import threading

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


@pytest.fixture
def opened(master: Master, copier: Copier) -> Copier:
    """A copier that holds position 1 and was delivered twenty more openings."""
    master.send(*[master.signal("OPEN", position) for position in range(1, 22)])
    copier.receives()
    copier.reports(1)
    return copier


def falls(copier: Copier, first: int = 2, times: int = 11) -> None:
    """Refuse so many deliveries as too late, 5 points each."""
    for number in range(first, first + times):
        copier.reports(number, "REJECTED", code="TRG01")


def state(copier: Copier) -> str:
    found: str = copier.plane.value(
        "select state from signals.subscriptions where subscription_id = %s", copier.subscription
    )
    return found


def changes(copier: Copier) -> list[tuple[str, str, str, str]]:
    return copier.plane.rows(
        "select from_state, cause, to_state, actor from signals.subscription_events"
        " where subscription_id = %s and cause <> 'subscribe' order by event_id",
        copier.subscription,
    )


def test_at_fifty_nothing_is_paused_and_under_it_all_is(opened: Copier) -> None:
    falls(opened, times=10)
    assert state(opened) == "SYNCED"
    falls(opened, first=12, times=1)
    assert state(opened) == "PAUSED_TOXIC"
    assert changes(opened) == [("SYNCED", "toxic", "PAUSED_TOXIC", "trust")]


def test_the_pause_is_in_the_transaction_of_the_report(plane: Plane, opened: Copier) -> None:
    reports = [opened.report(number, "REJECTED", code="TRG01") for number in range(2, 13)]
    with plane.connect("ecp_gateway") as connection:
        connection.autocommit = False
        plane.report(reports, connection)
        connection.rollback()
        assert state(opened) == "SYNCED"
        plane.report(reports, connection)
        connection.commit()
    assert state(opened) == "PAUSED_TOXIC"
    assert plane.verify() == {}


def test_paused_new_exposure_is_skipped_and_closes_are_delivered(master: Master, opened: Copier) -> None:
    falls(opened)
    master.does("OPEN", 30)
    master.does("CLOSE", 1)
    assert [each.action for each in opened.receives()] == ["CLOSE"]
    assert opened.reasons()[-2:] == ["PAUSED_TOXIC", "COPIED"]


def test_every_subscription_of_the_account_is_paused_and_nobody_elses(plane: Plane, opened: Copier) -> None:
    second = plane.copier(plane.master(), account=opened.account)
    other = plane.copier(plane.master(), lane=opened.lane)
    falls(opened)
    assert [state(each) for each in (opened, second, other)] == ["PAUSED_TOXIC", "PAUSED_TOXIC", "SYNCED"]


def test_a_new_subscription_of_who_is_not_trusted_begins_paused(plane: Plane, opened: Copier) -> None:
    falls(opened)
    plane.transition(opened.subscription, "end")
    again = plane.copier(plane.master(), account=opened.account)
    assert state(again) == "PAUSED_TOXIC"
    assert plane.verify() == {}


def test_the_score_lets_go_what_it_has_paused(plane: Plane, opened: Copier) -> None:
    falls(opened)
    plane.reset_trust(opened.account, "subscriber", 49)
    assert state(opened) == "PAUSED_TOXIC"
    plane.reset_trust(opened.account, "subscriber", 50)
    assert state(opened) == "SYNCED"
    assert changes(opened)[-1] == ("PAUSED_TOXIC", "recovered", "SYNCED", "trust")


def test_executions_bring_it_back(plane: Plane, opened: Copier) -> None:
    falls(opened)
    for number in range(13, 18):
        opened.reports(number, ticket=number)
        assert state(opened) == ("SYNCED" if number == 17 else "PAUSED_TOXIC")
    assert plane.verify() == {}


def test_what_its_user_had_paused_stays_paused_by_its_user(plane: Plane, opened: Copier) -> None:
    plane.transition(opened.subscription, "user_pause", "Ada")
    falls(opened)
    assert state(opened) == "PAUSED_TOXIC"
    plane.reset_trust(opened.account, "subscriber")
    assert state(opened) == "PAUSED_BY_USER"
    assert [change[1] for change in changes(opened)] == ["user_pause", "toxic", "recovered", "user_pause"]
    plane.transition(opened.subscription, "user_resume", "Ada")
    assert state(opened) == "SYNCED"


def test_what_has_ended_stays_ended(plane: Plane, opened: Copier) -> None:
    plane.transition(opened.subscription, "end")
    falls(opened)
    plane.reset_trust(opened.account, "subscriber")
    assert state(opened) == "ENDED"


def test_a_user_cannot_resume_past_a_pause(plane: Plane, opened: Copier) -> None:
    falls(opened)
    with pytest.raises(Exception, match="cannot make this change"):
        plane.transition(opened.subscription, "user_resume")


def test_reports_of_two_subscriptions_of_an_account_at_once_lose_no_point(plane: Plane, opened: Copier) -> None:
    """The second waits for the score of the first, and counts on from there."""
    master = plane.master()
    second = plane.copier(master, account=opened.account)
    master.does("OPEN", 1)
    second.receives()
    with plane.connect("ecp_gateway") as one:
        one.autocommit = False
        plane.report([opened.report(2, "REJECTED", code="TRG01")], one)
        waiting = threading.Thread(target=lambda: second.reports(1, "REJECTED", code="TRG02"))
        waiting.start()
        blocked = "select count(*) from pg_locks where not granted and pid = %s"
        while waiting.is_alive() and not plane.value(blocked, plane.gateway.info.backend_pid):
            pass
        assert waiting.is_alive(), "it did not wait"
        one.commit()
        waiting.join()
    assert plane.rows("select score_before, score_after from trust.events order by event_id") == [(100, 95), (95, 92)]
    assert plane.verify() == {}
