"""Hello: a token becomes a session, or a refusal with its code; one live session for each license."""

import threading
from dataclasses import astuple
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core

ONE, TWO = b"instance-0000001", b"instance-0000002"


def test_a_session_knows_its_account_lane_purpose_and_lease(plane: Plane) -> None:
    account = plane.account(lane=5, name="Alpha")
    session = plane.open_session(plane.license(account, "subscribe").token)
    assert session.code is None
    assert (session.account_id, session.account, session.lane) == (account, "Alpha", 5)
    assert (session.purpose, session.lease_ms, session.plane_time) == ("subscribe", 15_000, plane.now)


class TestRefusals:
    @pytest.mark.parametrize(
        "token", ["", "ecp_", "nonsense", "ecp_" + "0" * 32 + "_" + "0" * 64, "ecp_" + "g" * 32 + "_" + "0" * 64]
    )
    def test_a_token_that_is_none_is_unknown(self, plane: Plane, token: str) -> None:
        assert plane.open_session(token).code == "TRA01"

    def test_no_token_at_all_is_unknown(self, plane: Plane) -> None:
        row = plane.gateway.execute("select code from access.open_session(null, 'x', '::1', 'g', 'c')").fetchone()
        assert row == ("TRA01",)

    def test_one_wrong_digit_of_the_secret_is_unknown(self, plane: Plane) -> None:
        token = plane.license(plane.account(), "publish").token
        for place in (-1, -64):
            wrong = list(token)
            wrong[place] = "0" if wrong[place] != "0" else "1"
            assert plane.open_session("".join(wrong)).code == "TRA01"

    def test_the_secret_of_another_license_is_unknown(self, plane: Plane) -> None:
        account = plane.account()
        one, other = (plane.license(account, "publish").token for _ in range(2))
        assert plane.open_session(one.rpartition("_")[0] + "_" + other.rpartition("_")[2]).code == "TRA01"

    @pytest.mark.parametrize("change", [str.upper, lambda token: token + "\n", lambda token: " " + token])
    def test_the_token_is_taken_to_the_letter(self, plane: Plane, change: object) -> None:
        assert callable(change)
        assert plane.open_session(change(plane.license(plane.account(), "publish").token)).code == "TRA01"

    def test_a_license_is_valid_until_the_moment_it_expires(self, plane: Plane) -> None:
        token = plane.license(plane.account(), "publish", life=timedelta(seconds=10)).token
        plane.tick(seconds=9.999)
        assert plane.open_session(token).code is None
        plane.tick(milliseconds=1)
        assert plane.open_session(token).code == "TRA02"

    def test_a_revoked_license_says_so_even_when_it_has_expired(self, plane: Plane) -> None:
        issued = plane.license(plane.account(), "publish", life=timedelta(seconds=1))
        plane.operator.execute("select access.revoke_license(%s)", [issued.license_id])
        plane.tick(seconds=2)
        assert plane.open_session(issued.token).code == "TRA03"

    @pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED"])
    def test_an_account_that_is_not_active_gets_no_session(self, plane: Plane, status: str) -> None:
        account = plane.account()
        token = plane.license(account, "publish").token
        plane.admin.execute("update access.accounts set status = %s where account_id = %s", [status, account])
        assert plane.open_session(token).code == "TRA08"

    @pytest.mark.parametrize(
        ("networks", "peer", "code"),
        [
            (["10.0.0.0/8"], "10.255.0.1", None),
            (["10.0.0.0/8"], "11.0.0.1", "TRA04"),
            (["10.0.0.0/8", "192.0.2.7/32"], "192.0.2.7", None),
            (["10.0.0.0/8", "192.0.2.7/32"], "192.0.2.8", "TRA04"),
            (["2001:db8::/32"], "2001:db8::1", None),
            (["2001:db8::/32"], "2001:db9::1", "TRA04"),
            (["0.0.0.0/0"], "2001:db8::1", "TRA04"),
        ],
    )
    def test_a_license_with_networks_is_valid_from_them_only(
        self, plane: Plane, networks: list[str], peer: str, code: str | None
    ) -> None:
        token = plane.license(plane.account(), "publish", *networks).token
        assert plane.open_session(token, peer=peer).code == code

    def test_a_refusal_tells_nothing_about_the_account(self, plane: Plane) -> None:
        token = plane.license(plane.account(), "publish", "10.0.0.0/8").token
        refused = plane.open_session(token)
        assert astuple(refused) == ("TRA04", *[None] * 6, plane.now)

    def test_refusals_of_holders_of_a_real_secret_are_recorded(self, plane: Plane) -> None:
        issued = plane.license(plane.account(), "publish", "10.0.0.0/8")
        plane.open_session(issued.token, peer="192.0.2.9")
        row = plane.record("select * from access.refusals")
        assert (row["license_id"], row["code"], str(row["peer"])) == (issued.license_id, "TRA04", "192.0.2.9")
        assert row["occurred_at"] == plane.now

    def test_strangers_leave_no_row_however_often_they_try(self, plane: Plane) -> None:
        issued = plane.license(plane.account(), "publish")
        for token in ("", "nonsense", issued.token[:-1] + "x", f"ecp_{uuid4().hex}_{'0' * 64}"):
            plane.open_session(token)
        plane.open_session(f"ecp_{issued.license_id.hex}_{'0' * 64}")
        assert plane.value("select count(*) from access.refusals") == 0
        assert plane.value("select count(*) from access.sessions") == 0


class TestTakeover:
    def test_another_instance_is_refused_while_the_lease_lives(self, plane: Plane) -> None:
        token = plane.license(plane.account(), "publish").token
        plane.open_session(token, ONE)
        plane.tick(seconds=14.999)
        assert plane.open_session(token, TWO).code == "TRA05"
        plane.tick(milliseconds=1)
        assert plane.open_session(token, TWO).code is None

    def test_the_same_instance_takes_over_at_once(self, plane: Plane) -> None:
        token = plane.license(plane.account(), "publish").token
        old = plane.open_session(token, ONE)
        new = plane.open_session(token, ONE)
        assert new.code is None
        assert new.session_id != old.session_id
        assert plane.value("select ended_by from access.sessions where session_id = %s", old.session_id) == "TAKEN_OVER"

    def test_a_lease_that_is_over_says_so(self, plane: Plane) -> None:
        token = plane.license(plane.account(), "publish").token
        old = plane.open_session(token, ONE)
        plane.tick(seconds=15)
        plane.open_session(token, TWO)
        ended = plane.value("select ended_by from access.sessions where session_id = %s", old.session_id)
        assert ended == "LEASE_EXPIRED"

    def test_a_refused_takeover_leaves_the_holder_in_peace(self, plane: Plane, master: Master) -> None:
        assert plane.open_session(master.license.token, TWO).code == "TRA05"
        assert master.does("OPEN").verdict == "ACCEPTED"

    def test_a_license_that_was_logged_out_is_free(self, plane: Plane) -> None:
        token = plane.license(plane.account(), "publish").token
        old = plane.open_session(token, ONE)
        plane.gateway.execute("select access.close_session(%s)", [old.session_id])
        assert plane.open_session(token, TWO).code is None

    def test_two_clients_without_an_instance_are_not_the_same_client(self, plane: Plane) -> None:
        token = plane.license(plane.account(), "publish").token
        assert plane.open_session(token, b"").code is None
        assert plane.open_session(token, b"").code == "TRA05"

    def test_the_old_session_may_not_publish_any_more(self, plane: Plane, master: Master) -> None:
        plane.open_session(master.license.token, b"master-instance0")
        assert master.does("OPEN").code == "TRA06"
        assert master.open_stream()["code"] == "TRA06"

    def test_the_old_session_may_not_report_any_more(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN")
        (delivery,) = copier.receives()
        plane.open_session(copier.license.token, b"copier-instance0")
        assert copier.reports(delivery.delivery_seq).code == "TRA06"
        assert copier.resume()["code"] == "TRA06"

    def test_two_licenses_of_one_account_have_a_session_each(self, plane: Plane) -> None:
        account = plane.account()
        assert plane.open_session(plane.license(account, "publish").token, ONE).code is None
        assert plane.open_session(plane.license(account, "subscribe").token, TWO).code is None


@pytest.mark.parametrize("number", range(5))
def test_of_clients_that_ask_at_the_same_moment_exactly_one_gets_the_license(plane: Plane, number: int) -> None:
    token = plane.license(plane.account(), "publish").token
    connections = [plane.connect("ecp_gateway") for _ in range(4)]
    barrier = threading.Barrier(len(connections))
    codes: list[str | None] = []

    def ask(place: int) -> None:
        barrier.wait()
        codes.append(
            plane.open_session(token, f"instance-{number}-{place}".encode(), connection=connections[place]).code
        )

    threads = [threading.Thread(target=ask, args=[place]) for place in range(len(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in connections:
        connection.close()
    assert sorted(codes, key=str) == [None, "TRA05", "TRA05", "TRA05"]
    assert plane.value("select count(*) from access.sessions where ended_at is null") == 1
