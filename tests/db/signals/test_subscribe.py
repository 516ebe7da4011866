"""Subscribe: an account follows a stream from its next signal on."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Master, Plane

pytestmark = pytest.mark.core


def test_a_subscription_lives_in_its_account_s_lane_and_begins_synced(plane: Plane, master: Master) -> None:
    account = plane.account("subscriber", lane=5)
    subscription = plane.subscribe(account, master.stream)
    row = plane.record("select * from signals.subscriptions where subscription_id = %s", subscription)
    assert (row["lane"], row["stream_lane"], row["state"], row["settings_version"]) == (5, master.lane, "SYNCED", 1)
    assert (row["started_epoch"], row["started_seq"], row["created_at"]) == (1, 0, plane.now)
    event = plane.record("select * from signals.subscription_events")
    assert (event["from_state"], event["to_state"], event["cause"]) == (None, "SYNCED", "subscribe")


def test_the_settings_have_sensible_defaults(plane: Plane, master: Master) -> None:
    plane.subscribe(plane.account("subscriber"), master.stream)
    row = plane.record("select * from signals.copy_settings")
    assert (row["multiplier"], row["volume_min"], row["volume_max"]) == (1, Decimal("0.01"), 100)
    assert (row["volume_step"], row["max_deviation_points"]) == (Decimal("0.01"), None)
    assert row["ttl"].total_seconds() == 0.5


def test_it_begins_after_the_newest_signal_of_the_epoch_even_a_refused_one(plane: Plane, master: Master) -> None:
    master.resync(4)
    master.does("OPEN")
    master.does("OPEN", volume=0)
    plane.subscribe(plane.account("subscriber"), master.stream)
    row = plane.record("select * from signals.subscriptions")
    assert (row["started_epoch"], row["started_seq"]) == (4, 2)
    assert plane.verify() == {}


def test_gateways_are_told_of_the_new_route(plane: Plane, master: Master) -> None:
    with plane.connect("ecp_gateway") as listener:
        listener.execute("listen ecp_routes")
        plane.subscribe(plane.account("subscriber", lane=6), master.stream)
        assert [note.payload for note in listener.notifies(timeout=5, stop_after=1)] == ["6"]


def test_a_stream_is_followed_once_at_a_time(plane: Plane, master: Master) -> None:
    account = plane.account("subscriber")
    first = plane.subscribe(account, master.stream)
    with pytest.raises(psycopg.errors.UniqueViolation) as refusal:
        plane.subscribe(account, master.stream)
    assert refusal.value.diag.constraint_name == "subscriptions_one_live"
    plane.transition(first, "end")
    assert plane.subscribe(account, master.stream) != first


@pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED"])
def test_an_account_that_is_not_active_follows_nothing(plane: Plane, master: Master, status: str) -> None:
    account = plane.account("subscriber")
    plane.admin.execute("update access.accounts set status = %s where account_id = %s", [status, account])
    with pytest.raises(psycopg.Error) as refusal:
        plane.subscribe(account, master.stream)
    assert refusal.value.sqlstate == "TRA08"


def test_only_subscribers_follow(plane: Plane, master: Master) -> None:
    for account in (plane.account("provider"), 999_999):
        with pytest.raises(psycopg.Error) as refusal:
            plane.subscribe(account, master.stream)
        assert refusal.value.sqlstate == "TRA08"


def test_an_unknown_stream_is_followed_by_nobody(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.subscribe(plane.account("subscriber"), 999_999)
    assert refusal.value.sqlstate == "TRS10"


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"multiplier": "0"}, "copy_settings_multiplier_range"),
        ({"ttl_ms": 0}, "copy_settings_ttl_range"),
        ({"volume_min": "5", "volume_max": "4"}, "copy_settings_volume_range"),
    ],
)
def test_settings_that_contradict_themselves_leave_no_subscription(
    plane: Plane, master: Master, settings: dict[str, Any], rule: str
) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.subscribe(plane.account("subscriber"), master.stream, **settings)
    assert refusal.value.sqlstate == "TRS20"
    assert rule in str(refusal.value.diag.message_detail)
    assert plane.value("select count(*) from signals.subscriptions") == 0
    assert plane.routes(0) == []
