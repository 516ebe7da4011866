"""Resume: a copier takes its subscription and says how far it has come."""

from uuid import uuid4

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_the_answer_says_where_the_subscription_stands(master: Master, copier: Copier) -> None:
    for _ in range(3):
        master.does("OPEN")
    copier.receives()
    assert copier.resume(1) == {
        "code": None,
        "detail": str(copier.subscription),
        "stream": master.name,
        "state": "SYNCED",
        "delivery_seq": 3,
        "portfolio_id": copier.portfolio,
        "mode": "HEDGING",
    }


@pytest.mark.parametrize("last", [1, 2**63 - 1, None])
def test_a_copier_that_is_ahead_has_another_history_and_opens_nothing(
    plane: Plane, master: Master, copier: Copier, last: int | None
) -> None:
    fence = copier.session
    answer = copier.resume(last)
    assert (answer["code"], answer["state"]) == ("TRS18", "DEGRADED_GAP")
    event = plane.record("select * from signals.subscription_events where cause = 'gap'")
    assert (event["from_state"], event["to_state"], event["actor"]) == ("SYNCED", "DEGRADED_GAP", "resume")
    assert plane.value("select session_id from signals.subscription_heads") == fence
    master.does("OPEN")
    assert copier.receives() == []
    assert copier.reasons() == ["DEGRADED_GAP"]


def test_it_is_synced_again_when_it_resumes_from_what_was(plane: Plane, master: Master, copier: Copier) -> None:
    copier.resume(5)
    assert copier.resume(0)["state"] == "SYNCED"
    master.does("OPEN")
    assert len(copier.receives()) == 1
    causes = plane.rows("select cause from signals.subscription_events order by event_id")
    assert causes == ["subscribe", "gap", "resumed"]


def test_resuming_ahead_again_records_nothing_more(plane: Plane, copier: Copier) -> None:
    for _ in range(3):
        assert copier.resume(5)["code"] == "TRS18"
    assert plane.value("select count(*) from signals.subscription_events where cause = 'gap'") == 1


@pytest.mark.parametrize(("cause", "state"), [("user_pause", "PAUSED_BY_USER"), ("toxic", "PAUSED_TOXIC")])
def test_a_pause_is_not_lifted_by_resuming(plane: Plane, copier: Copier, cause: str, state: str) -> None:
    plane.transition(copier.subscription, cause)
    assert copier.resume(9)["state"] == state
    answer = copier.resume(0)
    assert (answer["code"], answer["state"]) == (None, state)


def test_an_ended_subscription_can_be_resumed_for_its_closes(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    plane.transition(copier.subscription, "end")
    copier.connect(last=1)
    master.does("CLOSE", 1)
    copier.receives()
    assert copier.reports(2).verdict == "RECORDED"


def test_the_copier_that_resumes_last_is_the_one(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    other = plane.open_session(plane.license(copier.account, "subscribe").token).session_id
    assert copier.resume(session=other)["code"] is None
    assert copier.reports(1).code == "TRA06"
    assert copier.reports(1, session=other).verdict == "RECORDED"


def test_an_ended_or_unknown_session_resumes_nothing(plane: Plane, copier: Copier) -> None:
    plane.gateway.execute("select access.close_session(%s)", [copier.session])
    for session in (copier.session, uuid4(), None):
        answer = copier.resume(session=session)
        assert (answer["code"], answer["stream"], answer["delivery_seq"]) == ("TRA06", None, None)


def test_a_publish_license_resumes_nothing(plane: Plane, copier: Copier) -> None:
    session = plane.open_session(plane.license(copier.account, "publish").token).session_id
    assert copier.resume(session=session)["code"] == "TRA07"


def test_another_account_s_subscription_is_as_unknown_as_none(plane: Plane, master: Master, copier: Copier) -> None:
    other = plane.copier(master, lane=copier.lane)
    fence = copier.session
    foreign = other.resume(subscription=copier.subscription)
    missing = other.resume(subscription=999_999)
    assert (foreign["code"], missing["code"]) == ("TRS17", "TRS17")
    assert {key: foreign[key] for key in ("stream", "state", "delivery_seq")} == {
        key: missing[key] for key in ("stream", "state", "delivery_seq")
    }
    fenced = plane.value(
        "select session_id from signals.subscription_heads where subscription_id = %s", copier.subscription
    )
    assert fenced == fence


def test_a_lane_that_is_not_the_session_s_knows_neither(copier: Copier) -> None:
    assert copier.resume(lane=(copier.lane + 1) % 8)["code"] == "TRA06"
