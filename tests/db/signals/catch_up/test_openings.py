"""Catch-up: what is opened late, by who comes late, by who missed it, and by who subscribes again."""

from decimal import Decimal
from typing import Any

import pytest

from tests.db.plane import Copier, Delivery, Holding, Master, Plane, e8, held, lots, microseconds, told

pytestmark = pytest.mark.core


def late(plane: Plane, master: Master, **settings: Any) -> Copier:
    """Who subscribes now, and is delivered what late join gives: not by resuming alone, before the terminal has said
    what its broker calls things."""
    copier = plane.copier(master, **settings)
    copier.catches_up()
    return copier


def fresh(plane: Plane, copier: Copier) -> list[Delivery]:
    return plane.deliveries([copier], resend=False)


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

    @pytest.mark.parametrize("scope", ["GLOBAL", "STREAM", "PROVIDER", "SUBSCRIBER", "SYMBOL"])
    def test_through_a_halt(self, plane: Plane, master: Master, joiner: Copier, scope: str) -> None:
        halts: dict[str, tuple[str, object]] = {
            "GLOBAL": ("GLOBAL", None),
            "STREAM": ("STREAM", master.stream),
            "PROVIDER": ("ACCOUNT", master.account),
            "SUBSCRIBER": ("ACCOUNT", joiner.account),
            "SYMBOL": ("SYMBOL", "EURUSD"),
        }
        master.does("OPEN", 1)
        plane.halt(*halts[scope])
        assert joiner.receives() == []
        assert joiner.catches_up() == []
        plane.lift_halt(*halts[scope])
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
