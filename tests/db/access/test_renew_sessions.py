"""Renewal: a sign of life extends the lease; what ended meanwhile is told to the gateway."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.db.plane import Master, Plane

pytestmark = pytest.mark.core


def renew(plane: Plane, *sessions: UUID | None, offset_us: int = 0, gateway: str = "gateway-1") -> list[str | None]:
    rows = plane.gateway.execute(
        "select session_id, code, plane_time from access.renew_sessions(%s, %s::uuid[], %s::bigint[])",
        [gateway, list(sessions), [offset_us] * len(sessions)],
    ).fetchall()
    assert {row[2] for row in rows} <= {plane.now}
    codes = {row[0]: row[1] for row in rows}
    return [codes[session] for session in sessions]


def test_a_renewed_lease_lasts_from_the_renewal(plane: Plane, master: Master) -> None:
    plane.tick(seconds=14)
    assert renew(plane, master.session) == [None]
    plane.tick(seconds=14)
    assert plane.open_session(master.license.token, b"another").code == "TRA05"
    plane.tick(seconds=1)
    assert plane.open_session(master.license.token, b"another").code is None


def test_a_lease_that_nobody_took_can_still_be_renewed(plane: Plane, master: Master) -> None:
    plane.tick(minutes=1)
    assert renew(plane, master.session) == [None]
    assert plane.open_session(master.license.token, b"another").code == "TRA05"


def test_the_clock_of_the_client_is_measured(plane: Plane, master: Master) -> None:
    renew(plane, master.session, offset_us=-7_200_000_001)
    assert plane.value("select clock_offset from access.sessions") == timedelta(hours=-2, microseconds=-1)


@pytest.mark.parametrize("offset_us", [2**63 - 1, -(2**63), None])
def test_an_absurd_clock_does_not_cost_the_others_their_lease(
    plane: Plane, master: Master, offset_us: int | None
) -> None:
    other = plane.master()
    plane.tick(seconds=14)
    rows = plane.gateway.execute(
        "select code from access.renew_sessions('gateway-1', %s::uuid[], %s::bigint[])",
        [[master.session, other.session], [offset_us, 5]],
    ).fetchall()
    assert rows == [(None,), (None,)]
    assert plane.value("select count(*) from access.sessions where renewed_at = %s", plane.now) == 2


def test_ended_and_unknown_sessions_are_reported_and_live_ones_are_not(plane: Plane, master: Master) -> None:
    ended = plane.master()
    plane.gateway.execute("select access.close_session(%s)", [ended.session])
    assert renew(plane, ended.session, master.session, uuid4()) == ["TRA06", None, "TRA06"]


def test_a_session_of_another_gateway_is_not_this_one_s_to_renew(plane: Plane, master: Master) -> None:
    assert renew(plane, master.session, gateway="gateway-2") == ["TRA06"]
    assert renew(plane, master.session) == [None]


def test_a_license_that_expires_ends_its_session_at_the_next_renewal(plane: Plane, master: Master) -> None:
    plane.tick(days=30)
    assert renew(plane, master.session) == ["TRA02"]
    assert renew(plane, master.session) == ["TRA06"]
    assert plane.value("select ended_by from access.sessions") == "EXPIRED"


def test_a_suspended_account_loses_its_session_and_with_it_the_stream(plane: Plane, master: Master) -> None:
    plane.admin.execute("update access.accounts set status = 'SUSPENDED'")
    assert renew(plane, master.session) == ["TRA08"]
    assert plane.value("select ended_by from access.sessions") == "SUSPENDED"
    assert master.does("CLOSE", 1).code == "TRA06"


def test_networks_that_were_taken_from_a_license_end_its_session(plane: Plane, master: Master) -> None:
    plane.admin.execute("update access.licenses set networks = '{10.0.0.0/8}'")
    assert renew(plane, master.session) == ["TRA04"]


def test_renewing_nobody_is_fine(plane: Plane) -> None:
    assert renew(plane) == []
