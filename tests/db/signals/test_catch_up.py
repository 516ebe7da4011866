"""Catch-up: what the settings make of the master's book, less what the follower holds and was told: closes, volumes,
openings, stops. Asked again, it finds nothing."""

import json
from decimal import Decimal

import pytest

from tests.db.plane import Copier, Holding, Master, Plane, Specification, e8, held, lots, told

pytestmark = pytest.mark.core


@pytest.fixture
def opened(master: Master, copier: Copier) -> Copier:
    """A copier that holds 0.10 lots of position 1, opened by delivery 1."""
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    return copier


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
        plane.halt()
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
        assert [each.symbol for each in plane.deliveries([copier], resend=False)] == ["EURUSD.m"]

    def test_a_specification_that_came_after_the_opening_does_not_rename_the_copy(
        self, master: Master, opened: Copier
    ) -> None:
        opened.uploads("EURUSD.m", Specification("GBPUSD"))
        master.snapshot()
        assert [each.symbol for each in opened.is_shown()] == ["EURUSD"]
