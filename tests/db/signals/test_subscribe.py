"""Subscribe: an account follows a stream from its next signal on."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Master, Plane, run_together

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


def test_settings_are_given_by_name(plane: Plane, master: Master) -> None:
    plane.subscribe(plane.account("subscriber"), master.stream, multiplier=0.5, ttl="250 ms", sides=["BUY"])
    row = plane.record("select * from signals.copy_settings")
    assert (row["version"], row["multiplier"], row["ttl"].total_seconds()) == (1, Decimal("0.5"), 0.25)
    assert (row["sides"], row["volume_max"]) == (["BUY"], 100)


def test_it_begins_after_the_newest_accepted_signal(plane: Plane, master: Master) -> None:
    master.resync(4)
    master.does("OPEN")
    master.does("OPEN", volume=0)
    plane.subscribe(plane.account("subscriber", lane=3), master.stream)
    row = plane.record("select * from signals.subscriptions")
    assert (row["started_epoch"], row["started_seq"]) == (4, 1)
    assert [route[2:] for route in plane.routes(3)] == [(4, 1)]
    assert plane.verify() == {}


def test_the_first_of_a_lane_brings_the_master_s_book_along(plane: Plane, master: Master) -> None:
    master.does("OPEN", 1, volume="0.30")
    master.does("OPEN", 2)
    master.does("PARTIAL_CLOSE", 1, volume="0.20")
    master.does("CLOSE", 2)
    plane.subscribe(plane.account("subscriber", lane=3), master.stream)
    book = plane.record("select * from signals.positions")
    assert (book["lane"], book["stream_id"], book["position_id"]) == (3, master.stream, 1)
    assert (book["volume"], book["opened_volume"]) == (Decimal("0.20"), Decimal("0.30"))


def test_a_later_one_of_the_lane_leaves_cursor_and_book_to_dispatch(plane: Plane, master: Master) -> None:
    plane.subscribe(plane.account("subscriber", lane=3), master.stream)
    master.does("OPEN", 1)
    late = plane.subscribe(plane.account("subscriber", lane=3), master.stream)
    assert [route[2:] for route in plane.routes(3)] == [(1, 0)]
    assert plane.value("select count(*) from signals.positions") == 0
    assert plane.value("select started_seq from signals.subscriptions where subscription_id = %s", late) == 1
    assert len(plane.pump(3)) == 1


def test_gateways_are_told_of_the_new_route(plane: Plane, master: Master) -> None:
    with plane.connect("ecp_gateway") as listener:
        listener.execute("listen ecp_routes")
        plane.subscribe(plane.account("subscriber", lane=6), master.stream)
        assert [note.payload for note in listener.notifies(timeout=5, stop_after=1)] == ["6"]


def test_a_stream_is_followed_once_at_a_time_into_a_portfolio(plane: Plane, master: Master) -> None:
    account = plane.account("subscriber")
    first = plane.subscribe(account, master.stream)
    with pytest.raises(psycopg.Error) as refusal:
        plane.subscribe(account, master.stream)
    assert refusal.value.sqlstate == "TRS27"
    assert json.loads(str(refusal.value.diag.message_detail))["stream"] == master.stream
    plane.transition(first, "end")
    assert plane.subscribe(account, master.stream) != first


def test_two_portfolios_of_an_account_may_follow_one_stream(plane: Plane, master: Master) -> None:
    account = plane.account("subscriber")
    portfolios = [plane.portfolio(account, name) for name in ("here", "there")]
    for portfolio in portfolios:
        plane.subscribe(account, master.stream, portfolio=portfolio)
    assert plane.rows("select portfolio_id from signals.subscriptions order by 1") == portfolios


def test_the_first_subscription_makes_the_account_s_portfolio_and_others_share_it(plane: Plane) -> None:
    account = plane.account("subscriber", lane=5)
    for _ in range(2):
        plane.subscribe(account, plane.master().stream)
    row = plane.record("select * from signals.portfolios")
    assert (row["lane"], row["account_id"], row["name"], row["mode"]) == (5, account, "main", "HEDGING")
    assert set(plane.rows("select portfolio_id from signals.subscriptions")) == {row["portfolio_id"]}


def test_the_only_portfolio_of_an_account_need_not_be_named(plane: Plane, master: Master) -> None:
    account = plane.account("subscriber")
    portfolio = plane.portfolio(account, "anything", "NETTING")
    plane.subscribe(account, master.stream)
    assert plane.rows("select portfolio_id from signals.subscriptions") == [portfolio]


def test_of_several_portfolios_one_must_be_named(plane: Plane, master: Master) -> None:
    account = plane.account("subscriber")
    for name in ("here", "there"):
        plane.portfolio(account, name)
    with pytest.raises(psycopg.Error) as refusal:
        plane.subscribe(account, master.stream)
    assert refusal.value.sqlstate == "TRS24"


def test_nobody_copies_into_the_portfolio_of_another(plane: Plane, master: Master) -> None:
    for portfolio in (plane.portfolio(plane.account("subscriber")), 999_999):
        with pytest.raises(psycopg.Error) as refusal:
            plane.subscribe(plane.account("subscriber"), master.stream, portfolio=portfolio)
        assert refusal.value.sqlstate == "TRS24"


def test_two_first_subscriptions_at_once_make_one_portfolio(plane: Plane) -> None:
    account, masters = plane.account("subscriber"), [plane.master(), plane.master()]

    def subscribing(master: Master) -> Callable[[], None]:
        def subscribe() -> None:
            with plane.connect("ecp_operator") as connection:
                connection.execute("select signals.subscribe(%s, %s)", [account, master.stream])

        return subscribe

    run_together(*map(subscribing, masters))
    assert plane.value("select count(*) from signals.portfolios") == 1
    assert plane.value("select count(*) from signals.subscriptions") == 2


def test_what_the_stream_trades_is_looked_up_at_the_broker(plane: Plane, master: Master) -> None:
    copier = plane.copier(master)
    copier.uploads("EURUSD.m", "GOLD.m")
    other = plane.master()
    plane.define(other.stream, "GOLD")
    plane.subscribe(copier.account, other.stream)
    assert plane.rows("select master_symbol, symbol from signals.symbol_resolutions order by 1") == [
        ("EURUSD", "EURUSD.m"),
        ("GOLD", "GOLD.m"),
    ]


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
        ({"ttl": "0"}, "copy_settings_ttl_range"),
        ({"colour": "red"}, "key_known"),
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
