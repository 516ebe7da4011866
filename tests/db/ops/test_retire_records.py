"""Records that nobody needs any more go after 90 days; what is live stays, however old."""

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def retire(plane: Plane) -> str | None:
    said: str | None = plane.value("select ops.retire_records()")
    return said


@pytest.fixture
def played(own_plane: Plane) -> tuple[Plane, Master, Copier]:
    """A session that ended, one that was refused, a run of a job, and a difference about a copy that is open."""
    master = own_plane.master()
    copier = own_plane.copier(master)
    assert own_plane.open_session(master.license.token, b"another-instance").code == "TRA05"
    master.connect()
    own_plane.admin.execute(
        "insert into ops.job_runs (name, started_at, finished_at, result) values ('a', core.now(), core.now(), 'done')"
    )
    master.does("OPEN")
    copier.reports(copier.receives()[0].delivery_seq)
    own_plane.admin.execute(
        "insert into signals.differences (lane, found_at, origin, kind, stream_id, subscription_id, position_id)"
        " select lane, core.now(), 'FOLLOWER', 'VOLUME', stream_id, subscription_id, p"
        " from signals.copies, generate_series(1, 2) as p"
    )
    return own_plane, master, copier


def test_after_ninety_days_and_not_before(played: tuple[Plane, Master, Copier]) -> None:
    plane, _, _ = played
    plane.tick(days=90)
    assert retire(plane) is None
    plane.tick(seconds=1)
    assert retire(plane) == "4 records deleted"
    assert retire(plane) is None
    assert plane.rows("select what, rows from ops.retirements order by what") == [
        ("access.refusals", 1),
        ("access.sessions", 1),
        ("ops.job_runs", 1),
        ("signals.differences", 1),
    ]


def test_live_sessions_and_differences_of_open_copies_stay(played: tuple[Plane, Master, Copier]) -> None:
    plane, _, _ = played
    live = plane.rows("select session_id from access.sessions where ended_at is null order by 1")
    assert len(live) == 2
    plane.tick(days=1000)
    retire(plane)
    assert plane.rows("select session_id from access.sessions order by 1") == live
    assert plane.rows("select position_id from signals.differences") == [1]


def test_tokens_go_ninety_days_after_their_end_and_answers_after_they_were_given(own_plane: Plane) -> None:
    tokens = own_plane.tokens(own_plane.license(own_plane.account(), "api").token)
    with own_plane.connect("ecp_api") as api, api.transaction():
        api.execute("select access.admit(%s)", [tokens.access_token])
        api.execute("select access.begin_request('key', 'asked'), access.end_request('key', 201::smallint, 'told')")
    own_plane.tick(days=90, seconds=1)
    assert retire(own_plane) == "1 records deleted"
    assert own_plane.rows("select count(*) from access.requests") == [0]
    own_plane.tick(days=30)
    assert retire(own_plane) == "1 records deleted"
    assert own_plane.rows("select count(*) from access.refresh_tokens") == [0]
