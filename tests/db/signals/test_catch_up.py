"""Catch-up: what the settings make of the master's book, less what the follower holds and was told: closes, volumes,
openings, stops. Asked again, it finds nothing."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.db.plane import Copier, Delivery, Holding, Master, Plane, Specification, e8, held, microseconds

pytestmark = pytest.mark.core


def told(deliveries: list[Delivery]) -> list[tuple[str, int]]:
    return [(each.action, each.position_id) for each in deliveries]


def lots(deliveries: list[Delivery]) -> list[tuple[str, int, int]]:
    return [(each.action, each.position_id, each.volume_e8) for each in deliveries]


@pytest.fixture
def opened(master: Master, copier: Copier) -> Copier:
    """A copier that holds 0.10 lots of position 1, opened by delivery 1."""
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    return copier


def late(plane: Plane, master: Master, **settings: Any) -> Copier:
    """Who subscribes now, and is delivered what late join gives: not by resuming alone, before the terminal has said
    what its broker calls things."""
    copier = plane.copier(master, **settings)
    copier.catches_up()
    return copier


def fresh(plane: Plane, copier: Copier) -> list[Delivery]:
    return plane.deliveries([copier], resend=False)


class TestIdempotence:
    def test_who_has_all_that_there_is_has_nothing_to_do(self, plane: Plane, opened: Copier) -> None:
        assert opened.catches_up() == []
        assert plane.verify() == {}

    def test_what_was_found_is_found_once(self, plane: Plane, master: Master, opened: Copier) -> None:
        master.does("OPEN", 2)
        plane.tick(seconds=2)
        master.does("CLOSE", 1)
        opened.receives()
        opened.reports(2, "FAILED")
        plane.write_settings(opened.subscription, late_join="ALL")
        assert told(opened.catches_up()) == [("CLOSE", 1), ("OPEN", 2)]
        for _ in range(3):
            assert opened.catches_up() == []
        assert plane.verify() == {}

    def test_a_subscription_that_is_not_there_is_nobody_s(self, plane: Plane, copier: Copier) -> None:
        for unknown in ([], [999_999], [None]):
            assert (
                plane.value("select signals.catch_up(%s::smallint, %s::bigint[], 'a test')", copier.lane, unknown) == 0
            )

    def test_another_lane_has_nothing_of_it(self, plane: Plane, opened: Copier) -> None:
        elsewhere = (opened.lane + 1) % 8
        plane.admin.execute("delete from signals.positions")
        assert plane.value("select signals.catch_up(%s::smallint, %s, '')", elsewhere, [opened.subscription]) == 0
        assert told(opened.catches_up()) == [("CLOSE", 1)]

    def test_several_are_caught_up_together_each_for_itself(self, plane: Plane, master: Master) -> None:
        copiers = [plane.copier(master, lane=2) for _ in range(3)]
        master.does("OPEN", 1)
        plane.pump(2)
        for copier in copiers:
            copier.reports(1)
        plane.admin.execute("delete from signals.positions")
        subscriptions = [copier.subscription for copier in copiers[:2]]
        assert plane.value("select signals.catch_up(2::smallint, %s, '')", subscriptions) == 2
        assert [copier.newest for copier in copiers] == [2, 2, 1]

    def test_why_it_looked_is_kept_beside_each_decision(self, plane: Plane, opened: Copier) -> None:
        plane.admin.execute("delete from signals.positions")
        opened.catches_up("a drill")
        decision = plane.record("select * from signals.decisions where part > 0")
        assert (decision["reason"], decision["inputs"]["cause"], decision["part"]) == ("CAUGHT_UP", "a drill", 1)
        assert (decision["epoch"], decision["seq"]) == (1, 1)
        assert plane.verify() == {}

    def test_gateways_are_woken(self, plane: Plane, opened: Copier) -> None:
        plane.admin.execute("delete from signals.positions")
        with plane.connect("ecp_gateway") as listener:
            listener.execute("listen ecp_deliveries")
            opened.catches_up()
            assert [note.payload for note in listener.notifies(timeout=5, stop_after=1)] == [str(opened.lane)]


class TestOrder:
    def test_closes_come_first_then_volumes_then_openings_then_stops(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, late_join="ALL")
        for position in (1, 2, 3):
            master.does("OPEN", position)
        copier.receives()
        for delivery in (1, 2, 3):
            copier.reports(delivery, ticket=delivery)
        # While the terminal is away the log has a hole, and the snapshot shows what it hid.
        plane.gateway.execute("select access.close_session(%s)", [copier.session])
        master.snapshot(held(1, stop_loss="1.05"), held(2, "0.05"), held(4))
        assert told(copier.is_shown()) == [("CLOSE", 3), ("PARTIAL_CLOSE", 2), ("MODIFY", 1)]
        copier.connect(3)
        copier.uploads("EURUSD")
        assert told(copier.catches_up()) == [("OPEN", 4)]
        assert plane.verify() == {}

    def test_in_one_go_too(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, late_join="ALL")
        for position in (1, 2, 3):
            master.does("OPEN", position)
        copier.receives()
        for delivery in (1, 2, 3):
            copier.reports(delivery, ticket=delivery)
        master.snapshot(held(1, stop_loss="1.05"), held(2, "0.05"), held(4))
        assert told(copier.is_shown()) == [("CLOSE", 3), ("PARTIAL_CLOSE", 2), ("OPEN", 4), ("MODIFY", 1)]
        assert plane.verify() == {}

    def test_fifty_closes_come_before_any_opening(self, plane: Plane) -> None:
        master = plane.master(rate=1000, burst=1000)
        copier = plane.copier(master, late_join="ALL")
        master.send(*[master.signal("OPEN", position) for position in range(1, 51)])
        copier.receives()
        plane.report([copier.report(delivery, ticket=delivery) for delivery in range(1, 51)])
        master.snapshot(held(51), held(52))
        found = told(copier.is_shown())
        assert found == [("CLOSE", position) for position in range(1, 51)] + [("OPEN", 51), ("OPEN", 52)]

    def test_a_position_whose_volume_and_stops_both_differ_gets_both(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master)
        master.does("OPEN", 1)
        copier.receives()
        copier.reports(1)
        master.snapshot(held(1, "0.05", stop_loss="1.05"))
        assert told(copier.is_shown()) == [("PARTIAL_CLOSE", 1), ("MODIFY", 1)]
        assert copier.copy()["pending"] == 2
        copier.reports(2, volume="0.05")
        copier.reports(3)
        assert copier.catches_up() == []
        assert plane.verify() == {}


class TestCuts:
    def test_what_the_master_no_longer_holds_is_closed(self, plane: Plane, master: Master, opened: Copier) -> None:
        master.snapshot()
        (close,) = opened.is_shown()
        assert (close.action, close.volume_e8, close.held_volume_e8, close.ticket) == ("CLOSE", 0, e8("0.10"), 7001)
        assert (close.expires_at_us, close.gap_fill, close.max_deviation_e8) == (0, False, 0)
        assert opened.status() == "CLOSING"
        opened.reports(2)
        assert (opened.status(), opened.copy()["closed_by"], opened.holds()) == ("CLOSED", "MASTER", {})
        assert plane.verify() == {}

    def test_what_is_too_much_is_cut_to_the_copy_s_share(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, multiplier="0.5")
        master.does("OPEN", 1, volume="0.60")
        copier.receives()
        copier.reports(1, volume="0.30")
        master.snapshot(held(1, "0.20"))
        assert lots(copier.is_shown()) == [("PARTIAL_CLOSE", 1, e8("0.10"))]

    def test_a_share_below_the_minimum_is_closed(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, multiplier="0.1")
        master.does("OPEN", 1, volume="0.20")
        copier.receives()
        copier.reports(1, volume="0.02")
        master.snapshot(held(1, "0.05"))
        assert told(copier.is_shown()) == [("CLOSE", 1)]

    def test_a_close_that_failed_is_told_again_until_it_is_done(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        master.does("CLOSE", 1)
        opened.receives()
        for delivery in (2, 3, 4):
            opened.reports(delivery, "FAILED")
            assert told(opened.catches_up()) == [("CLOSE", 1)]
        opened.reports(5)
        assert opened.catches_up() == []
        assert opened.status() == "CLOSED"
        assert plane.verify() == {}

    def test_a_partial_close_that_failed_is_told_again(self, plane: Plane, master: Master, opened: Copier) -> None:
        master.does("PARTIAL_CLOSE", 1, volume="0.05")
        opened.receives()
        opened.reports(2, "FAILED")
        assert lots(opened.catches_up()) == [("PARTIAL_CLOSE", 1, e8("0.05"))]
        opened.reports(3, volume="0.05")
        assert opened.catches_up() == []
        assert opened.holds() == {1: Decimal("0.05")}
        assert plane.verify() == {}

    def test_a_close_that_the_broker_filled_in_part_is_told_again(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        master.does("CLOSE", 1)
        opened.receives()
        opened.reports(2, volume="0.04")
        assert (opened.status(), opened.holds()) == ("CLOSING", {1: Decimal("0.06")})
        (again,) = opened.catches_up()
        assert (again.action, again.held_volume_e8) == ("CLOSE", e8("0.06"))
        opened.reports(3, volume="0.06")
        assert opened.status() == "CLOSED"
        assert plane.verify() == {}

    def test_what_was_overfilled_is_cut(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        copier.receives()
        copier.reports(1, volume="0.13")
        assert lots(copier.catches_up()) == [("PARTIAL_CLOSE", 1, e8("0.10"))]
        copier.reports(2, volume="0.03")
        assert copier.catches_up() == []
        assert plane.verify() == {}

    def test_a_cut_is_told_the_first_time_whatever_is_unanswered(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        copier.receives()
        copier.doubts(1)
        master.snapshot()
        assert told(copier.is_shown()) == [("CLOSE", 1)]

    def test_but_not_again_before_everything_is_answered(self, master: Master, opened: Copier) -> None:
        master.does("MODIFY", 1, stop_loss="1.0")
        master.does("CLOSE", 1)
        opened.receives()
        opened.reports(3, "FAILED")
        assert opened.catches_up() == []
        opened.doubts(2)
        assert opened.catches_up() == []
        opened.reports(2)
        assert told(opened.catches_up()) == [("CLOSE", 1)]

    def test_nothing_of_a_state_holds_a_close_back(self, plane: Plane, opened: Copier) -> None:
        plane.transition(opened.subscription, "toxic")
        plane.halt(None)
        plane.gateway.execute("select access.close_session(%s)", [opened.session])
        plane.admin.execute("delete from signals.positions")
        assert told(opened.catches_up()) == [("CLOSE", 1)]

    def test_a_copy_that_the_follower_closed_itself_is_not_opened_again(self, plane: Plane, opened: Copier) -> None:
        plane.write_settings(opened.subscription, late_join="ALL")
        opened.books()
        assert opened.copy()["closed_by"] == "FOLLOWER"
        assert opened.catches_up() == []

    @pytest.fixture
    def doubtful(self, plane: Plane, master: Master) -> Copier:
        """A copier whose opening failed, and so did its close: nothing is held, as far as the reports go."""
        copier = plane.copier(master, late_join="ALL")
        master.does("OPEN", 1)
        copier.receives()
        copier.reports(1, "FAILED")
        assert copier.catches_up() == [], "it is neither tried again nor closed before its master"
        master.does("CLOSE", 1)
        copier.receives()
        copier.reports(2, "FAILED")
        return copier

    @pytest.mark.parametrize(("status", "code"), [("EXECUTED", ""), ("REJECTED", "TRG03"), ("FAILED", "TRG03")])
    def test_a_close_that_failed_is_told_again_though_nothing_is_held(
        self, plane: Plane, doubtful: Copier, status: str, code: str
    ) -> None:
        """The opening may have been filled after it failed: only who found nothing, or closed it, ends this."""
        for delivery in (3, 4, 5):
            assert [(each.action, each.delivery_seq) for each in doubtful.catches_up()] == [("CLOSE", delivery)]
            assert doubtful.catches_up() == [], "not before it is answered"
            assert doubtful.status() == "CLOSING"
            if delivery < 5:
                doubtful.reports(delivery, "FAILED")
        doubtful.reports(5, status, code=code)
        assert doubtful.catches_up() == []
        assert (doubtful.status(), doubtful.copy()["closed_by"]) == ("CLOSED", "MASTER")
        assert plane.verify() == {}

    @pytest.mark.parametrize("cause", ["resume", "reconcile", "operator"])
    def test_at_once_by_who_asks_for_it(self, doubtful: Copier, cause: str) -> None:
        assert told(doubtful.catches_up(cause)) == [("CLOSE", 1)]
        doubtful.reports(3, "FAILED")
        assert told(doubtful.catches_up(cause)) == [("CLOSE", 1)]

    def test_by_the_clock_less_and_less_often(self, plane: Plane, doubtful: Copier) -> None:
        assert told(doubtful.catches_up("schedule")) == [("CLOSE", 1)]
        for delivery, seconds in ((3, 10), (4, 20), (5, 40)):
            doubtful.reports(delivery, "FAILED")
            plane.tick(seconds=seconds, microseconds=-1)
            assert doubtful.catches_up("schedule") == []
            plane.tick(microseconds=1)
            assert told(doubtful.catches_up("schedule")) == [("CLOSE", 1)]
        assert plane.verify() == {}

    def test_a_book_without_it_ends_it(self, plane: Plane, doubtful: Copier) -> None:
        doubtful.books()
        assert doubtful.status() == "CLOSED"
        assert doubtful.catches_up() == []
        assert plane.verify() == {}

    def test_a_book_with_it_has_it_closed(self, plane: Plane, doubtful: Copier) -> None:
        """What was called failed had been filled."""
        doubtful.books(Holding(555, 1))
        (close,) = plane.deliveries([doubtful], 2)
        assert (close.action, close.held_volume_e8, close.ticket) == ("CLOSE", e8("0.10"), 555)
        doubtful.reports(3)
        assert (doubtful.status(), doubtful.holds()) == ("CLOSED", {})
        assert plane.verify() == {}

    def test_a_changed_setting_does_not_close_what_is_open(self, plane: Plane, master: Master, copier: Copier) -> None:
        """Settings speak of what is decided from now on."""
        master.does("OPEN", 1, volume="0.20")
        master.does("PARTIAL_CLOSE", 1, volume="0.10")
        copier.receives()
        copier.reports(1, volume="0.20")
        copier.reports(2, volume="0.10")
        for change in (
            {"volume_min": "0.15"},
            {"volume_min": "0.50", "volume_step": "0.50"},
            {"reverse": True},
            {"multiplier": "0.1"},
            {"symbols": ["GBPUSD"]},
        ):
            plane.write_settings(copier.subscription, **change)
            assert copier.catches_up() == []

    def test_a_position_that_turned_out_to_be_the_other_way_round_is_closed(
        self, master: Master, opened: Copier
    ) -> None:
        master.snapshot(held(1, side="SELL"))
        assert told(opened.is_shown()) == [("CLOSE", 1)]

    def test_three_partial_closes_leave_what_the_master_left_whatever_was_rounded(
        self, plane: Plane, master: Master
    ) -> None:
        copier = plane.copier(master, multiplier="0.1")
        master.does("OPEN", 1, volume="1.00")
        copier.receives()
        copier.reports(1, volume="0.10")
        for delivery, remains in enumerate(("0.77", "0.55", "0.33"), start=2):
            master.does("PARTIAL_CLOSE", 1, volume=remains)
            (cut,) = copier.receives()
            before = copier.holds()[1]
            copier.reports(delivery, volume=str(before - Decimal(cut.volume_e8) / 100_000_000))
        assert copier.holds() == {1: Decimal("0.03")}
        assert copier.catches_up() == []
        assert plane.verify() == {}

    def test_a_partial_close_that_leaves_no_less_than_is_held_is_executed_by_trading_nothing(
        self, plane: Plane, master: Master
    ) -> None:
        """docs/protocol.md: where no more than that is left, there is nothing to trade."""
        copier = plane.copier(master, multiplier="0.1")
        master.does("OPEN", 1, volume="0.30")
        master.does("PARTIAL_CLOSE", 1, volume="0.25")
        master.does("PARTIAL_CLOSE", 1, volume="0.21")
        assert lots(copier.receives())[1:] == [("PARTIAL_CLOSE", 1, e8("0.02"))] * 2
        copier.reports(1, volume="0.03")
        copier.reports(2, volume="0.01")
        assert copier.reports(3, volume=0, price=0).verdict == "RECORDED"
        assert (copier.holds(), copier.copy()["pending"]) == ({1: Decimal("0.02")}, 0)
        assert copier.catches_up() == []
        assert plane.verify() == {}


class TestEnded:
    def test_closes_come_and_nothing_else(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, late_join="ALL")
        for position in (1, 2):
            master.does("OPEN", position)
        copier.receives()
        for delivery in (1, 2):
            copier.reports(delivery, ticket=delivery)
        plane.transition(copier.subscription, "end")
        plane.tick(milliseconds=1)
        master.snapshot(held(2, "0.05"), held(3))
        assert told(copier.is_shown()) == [("CLOSE", 1), ("PARTIAL_CLOSE", 2)]
        assert copier.catches_up() == []
        assert plane.verify() == {}


class TestLateJoin:
    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"late_join": "ALL"}, [1, 2]),
            ({"late_join": "NOT_IN_PROFIT"}, [1, 2]),
            ({"late_join": "MAX_AGE", "late_join_max_age": "1 hour"}, [1, 2]),
            ({"late_join": "MAX_AGE", "late_join_max_age": "59 minutes"}, [2]),
            ({"late_join": "MAX_AGE", "late_join_max_age": "29 minutes"}, []),
        ],
    )
    def test_who_comes_late_gets_what_the_policy_gives(
        self, plane: Plane, master: Master, settings: dict[str, Any], expected: list[int]
    ) -> None:
        master.does("OPEN", 1)
        plane.tick(minutes=30)
        master.does("OPEN", 2, price="1.20000")
        plane.tick(minutes=30)
        copier = late(plane, master, **settings)
        assert [each.position_id for each in fresh(plane, copier)] == expected
        assert sorted(copier.reasons()) == sorted(["CAUGHT_UP"] * len(expected) + ["LATE_JOIN"] * (2 - len(expected)))
        assert copier.catches_up() == []
        assert plane.verify() == {}

    @pytest.mark.parametrize("settings", [{}, {"late_join": "NONE"}])
    def test_who_wants_none_is_asked_nothing(self, plane: Plane, master: Master, settings: dict[str, Any]) -> None:
        """Nothing is written, so the policy may still change."""
        master.does("OPEN", 1)
        copier = late(plane, master, **settings)
        assert copier.catches_up() == []
        assert copier.reasons() == []
        assert plane.value("select count(*) from signals.copies") == 0
        plane.write_settings(copier.subscription, late_join="ALL")
        assert told(copier.catches_up()) == [("OPEN", 1)]
        assert plane.verify() == {}

    def test_a_late_opening_is_an_opening_like_any_other(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", 7, volume="0.40", stop_loss="1.05", take_profit="1.20", magic=5)
        plane.tick(minutes=5)
        copier = late(plane, master, late_join="ALL", multiplier="0.5", ttl="300 ms")
        (opening,) = fresh(plane, copier)
        assert (opening.action, opening.symbol, opening.side, opening.position_id) == ("OPEN", "EURUSD", "BUY", 7)
        assert (opening.volume_e8, opening.price_e8, opening.magic) == (e8("0.20"), e8("1.1"), 5)
        assert (opening.stop_loss_e8, opening.take_profit_e8) == (e8("1.05"), e8("1.20"))
        assert opening.expires_at_us == microseconds(plane.now) + 300_000
        assert (opening.worst_price_e8, opening.order_type) == (0, "MARKET")
        copier.reports(1, volume="0.20")
        assert copier.catches_up() == []
        assert plane.verify() == {}

    def test_not_in_profit_opens_at_the_master_s_price_or_better(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", 1, price="1.12345")
        copier = late(plane, master, late_join="NOT_IN_PROFIT")
        assert [each.worst_price_e8 for each in fresh(plane, copier)] == [e8("1.12345")]

    def test_the_lot_follows_what_the_master_still_holds_and_so_do_the_cuts_after_it(
        self, plane: Plane, master: Master
    ) -> None:
        master.does("OPEN", 1, volume="1.00")
        master.does("PARTIAL_CLOSE", 1, volume="0.40")
        copier = late(plane, master, late_join="ALL", multiplier="0.5")
        assert lots(fresh(plane, copier)) == [("OPEN", 1, e8("0.20"))]
        master.does("PARTIAL_CLOSE", 1, volume="0.20")
        assert lots(copier.receives()) == [("PARTIAL_CLOSE", 1, e8("0.10"))]
        assert plane.verify() == {}

    def test_pending_orders_are_placed(self, plane: Plane, master: Master) -> None:
        master.does("PLACE", 1, order_type="STOP", price="1.15")
        copier = late(plane, master, late_join="NOT_IN_PROFIT")
        (order,) = fresh(plane, copier)
        assert (order.action, order.order_type, order.price_e8, order.worst_price_e8) == (
            "PLACE",
            "STOP",
            e8("1.15"),
            0,
        )

    def test_what_the_settings_filter_is_not_joined(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", 1, side="SELL")
        master.does("OPEN", 2)
        copier = late(plane, master, late_join="ALL", sides=["BUY"])
        assert told(fresh(plane, copier)) == [("OPEN", 2)]
        assert sorted(copier.reasons()) == ["CAUGHT_UP", "LATE_JOIN"]

    def test_out_of_hours_it_waits(self, plane: Plane, master: Master) -> None:
        """The clock of the tests begins on a Monday at noon."""
        master.does("OPEN", 1)
        copier = late(plane, master, late_join="ALL", hours=["Mon-Fri 13:00-17:00"])
        assert fresh(plane, copier) == []
        plane.tick(hours=1)
        assert told(copier.catches_up()) == [("OPEN", 1)]

    def test_and_through_the_news(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", 1)
        plane.news(plane.now)
        copier = late(plane, master, late_join="ALL", news_before="10 minutes", news_after="10 minutes")
        assert fresh(plane, copier) == []
        plane.tick(minutes=10, seconds=1)
        assert told(copier.catches_up()) == [("OPEN", 1)]

    def test_trades_of_the_day_count_oldest_first(self, plane: Plane, master: Master) -> None:
        for position in (3, 2, 1):
            master.does("OPEN", position)
            plane.tick(seconds=1)
        copier = late(plane, master, late_join="ALL", trades_per_day=2)
        assert told(fresh(plane, copier)) == [("OPEN", 3), ("OPEN", 2)]
        assert copier.catches_up() == []
        plane.tick(hours=12)
        assert told(copier.catches_up()) == [("OPEN", 1)]
        assert plane.verify() == {}

    def test_what_is_not_wanted_takes_no_trade_of_the_day(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", 1)
        plane.tick(hours=1)
        master.does("OPEN", 2)
        copier = late(plane, master, late_join="MAX_AGE", late_join_max_age="30 minutes", trades_per_day=1)
        assert told(fresh(plane, copier)) == [("OPEN", 2)]
        assert copier.catches_up() == []

    def test_a_late_opening_counts_for_the_day(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", 1)
        copier = late(plane, master, late_join="ALL", trades_per_day=1)
        master.does("OPEN", 2)
        assert copier.receives() == []
        assert copier.reasons() == ["CAUGHT_UP", "TRADES_PER_DAY"]

    def test_reversed_it_sells_what_the_master_bought_with_the_stops_changed_round(
        self, plane: Plane, master: Master
    ) -> None:
        master.does("OPEN", 1, stop_loss="1.05", take_profit="1.20")
        copier = late(plane, master, late_join="ALL", reverse=True)
        (opening,) = fresh(plane, copier)
        assert (opening.side, opening.stop_loss_e8, opening.take_profit_e8) == ("SELL", e8("1.20"), e8("1.05"))
        copier.reports(1)
        assert copier.catches_up() == []
        master.snapshot(held(1, stop_loss="1.06", take_profit="1.21"))
        (change,) = copier.is_shown()
        assert (change.action, change.side) == ("MODIFY", "SELL")
        assert (change.stop_loss_e8, change.take_profit_e8) == (e8("1.21"), e8("1.06"))
        assert plane.verify() == {}


class TestMissed:
    """What could not be tried when it was signalled is a late join."""

    @pytest.fixture
    def joiner(self, plane: Plane, master: Master) -> Copier:
        return plane.copier(master, late_join="ALL")

    def test_an_opening_that_came_too_late(self, plane: Plane, master: Master, joiner: Copier) -> None:
        master.does("OPEN", 1)
        plane.tick(seconds=2)
        assert joiner.receives() == []
        assert joiner.status() == "MISSED"
        assert told(joiner.catches_up()) == [("OPEN", 1)]
        assert plane.verify() == {}

    def test_one_that_nobody_wanted_stays_missed_until_the_policy_changes(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        master.does("OPEN", 1)
        plane.tick(seconds=2)
        assert copier.receives() == []
        assert copier.catches_up() == []
        assert (copier.status(), copier.reasons()) == ("MISSED", ["TTL_EXPIRED"])
        plane.write_settings(copier.subscription, late_join="ALL")
        assert told(copier.catches_up()) == [("OPEN", 1)]
        assert plane.verify() == {}

    def test_an_opening_that_the_guard_found_too_late(self, plane: Plane, master: Master, joiner: Copier) -> None:
        master.does("OPEN", 1)
        joiner.receives()
        joiner.books(last=0)
        plane.tick(seconds=1)
        joiner.reports(1, "REJECTED", code="TRG01")
        assert joiner.status() == "MISSED"
        for cause in ("operator", "resume", "schedule"):
            assert joiner.catches_up(cause) == [], "it may have been done before the terminal forgot it"
        answer = joiner.books()
        assert (answer["delivery_seq"], told(plane.deliveries([joiner], 1))) == (2, [("OPEN", 1)])
        joiner.reports(2)
        assert (joiner.status(), joiner.holds()) == ("OPEN", {1: Decimal("0.1")})
        assert plane.verify() == {}

    def test_one_that_was_done_all_the_same_is_not_done_again(
        self, plane: Plane, master: Master, joiner: Copier
    ) -> None:
        """A terminal that lost its state is resent what it has done, and says that it is too late."""
        master.does("OPEN", 1)
        joiner.receives()
        joiner.reports(1, "REJECTED", code="TRG01")
        assert joiner.books(Holding(555, delivery=1))["delivery_seq"] == 1
        assert (joiner.status(), joiner.holds()) == ("OPEN", {1: Decimal("0.1")})
        assert joiner.catches_up() == []
        assert plane.verify() == {}

    def test_one_that_came_too_late_again_needs_another_book(
        self, plane: Plane, master: Master, joiner: Copier
    ) -> None:
        master.does("OPEN", 1)
        joiner.receives()
        for delivery in (1, 2, 3):
            assert joiner.newest == delivery
            plane.tick(seconds=1)
            joiner.reports(delivery, "REJECTED", code="TRG01")
            assert joiner.catches_up() == []
            joiner.books()
        assert told(plane.deliveries([joiner], resend=False)) == [("OPEN", 1)] * 4
        assert plane.verify() == {}

    @pytest.mark.parametrize("code", ["TRG02", "TRG04"])
    def test_but_not_one_that_the_guard_refused(self, master: Master, joiner: Copier, code: str) -> None:
        master.does("OPEN", 1)
        joiner.receives()
        joiner.reports(1, "REJECTED", code=code)
        assert joiner.status() == "REFUSED"
        assert joiner.catches_up() == []

    @pytest.mark.parametrize(("pause", "resume"), [("user_pause", "user_resume"), ("no_funds", "funded")])
    def test_through_a_pause(self, plane: Plane, master: Master, joiner: Copier, pause: str, resume: str) -> None:
        plane.transition(joiner.subscription, pause)
        master.does("OPEN", 1)
        assert joiner.receives() == []
        assert joiner.catches_up() == []
        plane.transition(joiner.subscription, resume)
        assert told(joiner.catches_up()) == [("OPEN", 1)]

    @pytest.mark.parametrize("everything", [False, True])
    def test_through_a_halt(self, plane: Plane, master: Master, joiner: Copier, everything: bool) -> None:
        master.does("OPEN", 1)
        plane.halt(None if everything else master.stream)
        assert joiner.receives() == []
        assert joiner.catches_up() == []
        plane.halt(None if everything else master.stream, lift=True)
        assert told(joiner.catches_up()) == [("OPEN", 1)]

    def test_while_nobody_copies(self, plane: Plane, master: Master, joiner: Copier) -> None:
        plane.gateway.execute("select access.close_session(%s)", [joiner.session])
        master.does("OPEN", 1)
        plane.tick(seconds=2)
        plane.pump(joiner.lane)
        assert joiner.catches_up() == []
        joiner.uploads("EURUSD", session=plane.copier(plane.master(), account=joiner.account).session)
        joiner.connect()
        assert told(plane.deliveries([joiner])) == [("OPEN", 1)]

    def test_behind_a_protection(self, plane: Plane, master: Master, joiner: Copier) -> None:
        joiner.beats("10000")
        protection = plane.protect(joiner.portfolio, "DRAWDOWN", "10", "PERCENT")
        joiner.beats("8999")
        master.does("OPEN", 1)
        assert joiner.receives() == []
        assert joiner.reasons() == ["EQUITY_PROTECTION"]
        assert joiner.catches_up() == []
        plane.lift_protection(protection)
        assert told(joiner.catches_up()) == [("OPEN", 1)]

    def test_while_the_equity_is_not_known(self, plane: Plane, master: Master, joiner: Copier) -> None:
        plane.protect(joiner.portfolio, "DRAWDOWN", "10", "PERCENT")
        master.does("OPEN", 1)
        assert joiner.receives() == []
        assert joiner.reasons() == ["EQUITY_UNKNOWN"]
        assert joiner.catches_up() == []
        joiner.beats("10000")
        assert told(joiner.catches_up()) == [("OPEN", 1)]

    def test_what_the_master_has_closed_meanwhile_is_not_opened(
        self, plane: Plane, master: Master, joiner: Copier
    ) -> None:
        master.does("OPEN", 1)
        plane.tick(seconds=2)
        master.does("CLOSE", 1)
        joiner.receives()
        assert joiner.catches_up() == []
        assert plane.verify() == {}

    def test_what_was_skipped_by_a_rule_stays_skipped(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, late_join="ALL", sides=["SELL"])
        master.does("OPEN", 1)
        assert copier.receives() == []
        plane.write_settings(copier.subscription, sides=None)
        assert copier.catches_up() == []
        assert copier.status() == "SKIPPED"


class TestSubscribedAgain:
    """Who ends and subscribes again in the same portfolio still holds what the ended subscription holds."""

    @pytest.fixture
    def again(self, plane: Plane, master: Master) -> tuple[Copier, Copier]:
        """The ended subscription that holds position 1, and its successor, that wants what it missed."""
        first = plane.copier(master, late_join="ALL")
        master.does("OPEN", 1)
        first.receives()
        first.reports(1, ticket=1)
        plane.transition(first.subscription, "end")
        plane.tick(seconds=1)
        master.does("OPEN", 2)
        second = plane.copier(master, account=first.account, late_join="ALL")
        second.uploads("EURUSD")
        return first, second

    def test_it_is_not_opened_a_second_time(self, plane: Plane, master: Master, again: tuple[Copier, Copier]) -> None:
        first, second = again
        plane.pump(second.lane)
        assert first.portfolio == second.portfolio
        assert told(second.catches_up()) == [("OPEN", 2)]
        second.reports(1, ticket=2)
        second.books(Holding(2, 2), Holding(1))
        assert second.newest == 1
        # Each closes what it opened.
        for position in (1, 2):
            master.does("CLOSE", position)
        found = {(each.subscription_id, each.position_id) for each in plane.pump(second.lane)}
        assert found == {(first.subscription, 1), (second.subscription, 2)}
        assert plane.verify() == {}

    @pytest.mark.parametrize("status", [None, "UNKNOWN", "FAILED"])
    def test_nor_while_nobody_knows(self, plane: Plane, master: Master, status: str | None) -> None:
        first = plane.copier(master)
        master.does("OPEN", 1)
        first.receives()
        if status:
            first.reports(1, status)
        plane.transition(first.subscription, "end")
        second = plane.copier(master, account=first.account, late_join="ALL")
        assert second.catches_up() == []
        assert plane.verify() == {}

    def test_once_it_is_closed_it_may_be(self, plane: Plane, again: tuple[Copier, Copier]) -> None:
        """Whoever closed it: a new subscription is a new decision."""
        first, second = again
        first.joins(second)
        first.books()
        assert first.copy()["closed_by"] == "FOLLOWER"
        plane.pump(second.lane)
        assert told(second.catches_up()) == [("OPEN", 1), ("OPEN", 2)]
        assert plane.verify() == {}

    def test_in_another_portfolio_it_is_another_s(self, plane: Plane, master: Master) -> None:
        first = plane.copier(master)
        master.does("OPEN", 1)
        first.receives()
        first.reports(1)
        plane.transition(first.subscription, "end")
        elsewhere = plane.portfolio(first.account)
        second = plane.copier(master, account=first.account, portfolio=elsewhere, late_join="ALL")
        assert told(second.catches_up()) == [("OPEN", 1)]


class TestStops:
    def test_stops_that_failed_are_told_again(self, plane: Plane, master: Master, opened: Copier) -> None:
        master.does("MODIFY", 1, stop_loss="1.05")
        opened.receives()
        opened.reports(2, "FAILED")
        (again,) = opened.catches_up()
        assert (again.action, again.stop_loss_e8, again.take_profit_e8) == ("MODIFY", e8("1.05"), 0)
        opened.reports(3)
        assert opened.catches_up() == []
        assert plane.verify() == {}

    def test_not_before_the_opening_is_answered(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        copier.receives()
        master.snapshot(held(1, stop_loss="1.05"))
        assert copier.is_shown() == []
        copier.reports(1)
        assert told(copier.catches_up()) == [("MODIFY", 1)]

    def test_who_copies_no_stops_gets_none(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, copy_stops=False)
        master.does("OPEN", 1, stop_loss="1.05")
        copier.receives()
        copier.reports(1)
        master.snapshot(held(1, stop_loss="1.06"))
        assert copier.is_shown() == []

    def test_who_begins_to_copy_stops_gets_them(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, copy_stops=False)
        master.does("OPEN", 1, stop_loss="1.05")
        copier.receives()
        copier.reports(1)
        plane.write_settings(copier.subscription, copy_stops=True)
        assert [(each.action, each.stop_loss_e8) for each in copier.catches_up()] == [("MODIFY", e8("1.05"))]

    def test_of_a_pending_order_they_are_amended_with_its_price(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master)
        master.does("PLACE", 1, price="1.05")
        master.does("AMEND", 1, price="1.06", stop_loss="1.0")
        copier.receives()
        copier.reports(1)
        copier.reports(2, "FAILED")
        (again,) = copier.catches_up()
        assert (again.action, again.price_e8, again.stop_loss_e8) == ("AMEND", e8("1.06"), e8("1.0"))


class TestSnapshot:
    def test_its_dispatch_marks_all_followers_of_the_stream_and_the_next_run_of_the_clock_catches_them_up(
        self, plane: Plane, master: Master
    ) -> None:
        copiers = [plane.copier(master, lane=2), plane.copier(master, lane=2, multiplier="2")]
        other = plane.copier(plane.master(), lane=2)
        master.does("OPEN", 1)
        plane.pump(2)
        for copier in copiers:
            copier.reports(1)
        plane.find_drift()
        marked = (
            "select subscription_id from signals.subscription_heads"
            " where checked_at < core.now() - interval '1 minute' order by 1"
        )
        assert plane.rows(marked) == []
        master.snapshot()
        assert plane.pump(2) == []
        assert plane.rows(marked) == [copier.subscription for copier in copiers]
        assert plane.find_drift() == "2 deliveries"
        found = plane.deliveries([*copiers, other], 1, resend=False)
        assert [(each.subscription_id, each.action) for each in found] == [
            (copier.subscription, "CLOSE") for copier in copiers
        ]
        causes = plane.rows("select inputs ->> 'cause' from signals.decisions where part > 0")
        assert causes == ["schedule", "schedule"]
        assert plane.find_drift() is None
        assert plane.verify() == {}

    def test_a_snapshot_that_agrees_changes_nothing(self, plane: Plane, master: Master, opened: Copier) -> None:
        plane.write_settings(opened.subscription, late_join="ALL")
        plane.find_drift()
        master.snapshot(held(1))
        assert opened.is_shown() == []
        assert plane.differences() == []
        assert plane.value("select checked_at from signals.subscription_heads") == plane.now

    def test_the_signals_after_it_go_on_from_the_book_that_it_showed(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        master.send(
            master.signal("SNAPSHOT", 0, book=json.dumps([held(1, "0.05")]), symbol=None, side=None, volume=0, price=0),
            master.signal("OPEN", 2),
            master.signal("CLOSE", 1),
        )
        assert told(opened.receives()) == [("OPEN", 2), ("CLOSE", 1)]
        assert plane.book(opened.lane, master.stream).keys() == {2}
        assert plane.verify() == {}


class TestSymbols:
    def test_what_is_opened_late_is_called_as_the_broker_calls_it(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", 1)
        account = plane.account("subscriber")
        first = plane.copier(plane.master(), account=account)
        first.uploads("EURUSD.m")
        copier = plane.copier(master, account=account, late_join="ALL")
        assert [each.symbol for each in fresh(plane, copier)] == ["EURUSD.m"]

    def test_a_specification_that_came_after_the_opening_does_not_rename_the_copy(
        self, master: Master, opened: Copier
    ) -> None:
        opened.uploads("EURUSD.m", Specification("GBPUSD"))
        master.snapshot()
        assert [each.symbol for each in opened.is_shown()] == ["EURUSD"]
