"""OpenStream: the session becomes the one publisher, and learns where the stream stands."""

from uuid import uuid4

import pytest

from tests.db.plane import Master, Plane

pytestmark = pytest.mark.core


def test_the_answer_says_where_the_stream_stands(plane: Plane) -> None:
    master = plane.master(ttl_ms=700)
    master.resync(3)
    master.does("OPEN")
    assert master.open_stream() == {
        "code": None,
        "detail": None,
        "lane": master.lane,
        "stream_id": master.stream,
        "epoch": 3,
        "last_seq": 1,
        "ttl_ms": 700,
    }


@pytest.mark.parametrize("name", ["nowhere", "", "STREAM-1"])
def test_an_unknown_name_is_no_stream(master: Master, name: str) -> None:
    answer = master.open_stream(name=name)
    assert (answer["code"], answer["detail"], answer["stream_id"]) == ("TRS10", name, None)


def test_another_provider_s_stream_is_as_unknown_as_none(plane: Plane, master: Master) -> None:
    assert plane.master().open_stream(name=master.name)["code"] == "TRS10"
    assert master.does("OPEN").verdict == "ACCEPTED"


@pytest.mark.parametrize("purpose", ["subscribe", "executor", "api"])
def test_only_a_publish_license_opens_streams(plane: Plane, master: Master, purpose: str) -> None:
    session = plane.open_session(plane.license(master.account, purpose).token).session_id
    assert master.open_stream(session)["code"] == "TRA07"
    assert master.does("OPEN").verdict == "ACCEPTED"


def test_a_session_that_is_none_opens_nothing(plane: Plane, master: Master) -> None:
    plane.gateway.execute("select access.close_session(%s)", [master.session])
    assert master.open_stream()["code"] == "TRA06"
    assert master.open_stream(uuid4())["code"] == "TRA06"


def test_a_closed_stream_can_be_opened_for_its_closes(plane: Plane, master: Master) -> None:
    plane.admin.execute("update signals.streams set status = 'CLOSED'")
    assert master.open_stream()["code"] is None
    assert master.does("CLOSE", 1).verdict == "ACCEPTED"


def test_one_session_may_publish_to_several_streams_of_its_account(plane: Plane, master: Master) -> None:
    plane.operator.execute("select signals.create_stream(%s, 'second', 'sixteen bytes...')", [master.account])
    assert master.open_stream(name="second")["code"] is None
    assert master.does("OPEN").verdict == "ACCEPTED"
