"""Reconcile where the broker has one net position in each symbol: what several copies make of it together."""

from decimal import Decimal
from typing import NamedTuple

import pytest

from tests.db.plane import Copier, Holding, Master, Plane

pytestmark = pytest.mark.core


class Net(NamedTuple):
    """Two masters, and the copiers of each, of one account and one terminal."""

    masters: list[Master]
    copiers: list[Copier]

    def opens(self, which: int, position: int = 1, *, side: str = "BUY", volume: str = "0.10") -> None:
        self.masters[which].does("OPEN", position, side=side, volume=volume)
        assert len(self.copiers[which].receives()) == 1

    def hold(self) -> None:
        """Each copier has 0.10 lots of position 1 of its master."""
        for which, copier in enumerate(self.copiers):
            self.opens(which)
            copier.reports(1, ticket=which + 1)


@pytest.fixture
def netted(plane: Plane) -> Net:
    masters = [plane.master() for _ in range(2)]
    account = plane.account("subscriber")
    portfolio = plane.portfolio(account, "net", "NETTING")
    copiers = [plane.copier(master, account=account, portfolio=portfolio) for master in masters]
    copiers[0].joins(copiers[1])
    return Net(masters, copiers)


def net(volume: str, side: str = "BUY", symbol: str = "EURUSD") -> Holding:
    return Holding(9000, symbol=symbol, side=side, volume=volume)


class TestNetting:
    def test_opposite_copies_make_one_net_position(self, plane: Plane, netted: Net) -> None:
        copiers = netted.copiers
        netted.opens(0, volume="0.30")
        netted.opens(1, side="SELL", volume="0.10")
        copiers[0].reports(1, volume="0.30", ticket=1)
        copiers[1].reports(1, volume="0.10", ticket=2)
        for copier in copiers:
            answer = copier.books(net("0.20"))
            assert (answer["code"], answer["settled"], answer["differences"]) == (None, 0, 0)
        assert [copier.holds() for copier in copiers] == [{1: Decimal("0.3")}, {1: Decimal("0.1")}]
        assert plane.verify() == {}

    def test_copies_that_cancel_each_other_out_leave_nothing(self, netted: Net) -> None:
        copiers = netted.copiers
        for which, side in enumerate(("BUY", "SELL")):
            netted.opens(which, side=side)
            copiers[which].reports(1)
        assert copiers[0].books()["differences"] == 0

    @pytest.mark.parametrize(("found", "status"), [([net("0.10")], "EXECUTED"), ([], "FAILED")])
    def test_one_in_doubt_is_all_there_or_not_at_all(
        self, plane: Plane, netted: Net, found: list[Holding], status: str
    ) -> None:
        copiers = netted.copiers
        netted.opens(0)
        copiers[0].doubts(1)
        plane.tick(seconds=30)
        assert copiers[0].books(*found)["settled"] == 1
        assert copiers[0].answered() == [(1, status, "SNAPSHOT")]
        assert copiers[0].holds() == ({1: Decimal("0.1")} if found else {})
        assert copiers[0].copy()["pending"] == 0
        assert plane.differences() == []
        assert plane.verify() == {}

    def test_an_opening_that_was_not_done_is_missed_whatever_else_is_on_its_way(
        self, plane: Plane, netted: Net
    ) -> None:
        """And so it is opened after all, with what is left of the master's."""
        master, copier = netted.masters[0], netted.copiers[0]
        plane.write_settings(copier.subscription, late_join="ALL")
        netted.opens(0)
        copier.doubts(1)
        plane.tick(seconds=30)
        master.does("PARTIAL_CLOSE", 1, volume="0.05")
        copier.receives()
        answer = copier.books(last=1)
        assert answer["settled"] == 1
        copier.reports(2, "REJECTED", code="TRG03")
        assert copier.gets(2) == [("OPEN", 1)]
        copier.reports(3, volume="0.05")
        assert copier.holds() == {1: Decimal("0.05")}
        assert plane.verify() == {}

    def test_a_close_in_doubt_beside_another_s_copy(self, plane: Plane, netted: Net) -> None:
        masters, copiers = netted
        netted.hold()
        masters[0].does("CLOSE", 1)
        copiers[0].receives()
        copiers[0].doubts(2)
        assert copiers[0].books(net("0.10"))["settled"] == 1
        assert (copiers[0].status(), copiers[1].status()) == ("CLOSED", "OPEN")
        assert plane.verify() == {}

    def test_a_close_that_is_not_done_is_told_again(self, plane: Plane, netted: Net) -> None:
        masters, (copier, _) = netted
        netted.opens(0)
        copier.reports(1)
        masters[0].does("CLOSE", 1)
        copier.receives()
        copier.doubts(2)
        plane.tick(seconds=30)
        copier.books(net("0.10"))
        assert copier.gets(2) == [("CLOSE", 1)]
        assert plane.verify() == {}

    @pytest.mark.parametrize("action", ["OPEN", "CLOSE"])
    def test_for_half_a_minute_of_doubt_what_is_not_done_may_be_on_its_way(
        self, plane: Plane, netted: Net, action: str
    ) -> None:
        """A second close would turn the net position round. What counts is when the terminal came to be in doubt: an
        order that was delivered long ago may have been sent just now."""
        masters, (copier, _) = netted
        netted.opens(0)
        found = []
        if action == "CLOSE":
            copier.reports(1)
            masters[0].does("CLOSE", 1)
            copier.receives()
            found = [net("0.10")]
        plane.tick(minutes=10)
        copier.doubts(copier.newest)
        plane.tick(seconds=29, microseconds=999_999)
        newest = copier.newest
        assert copier.books(*found)["settled"] == 0
        assert (copier.copy()["pending"], copier.newest) == (1, newest)
        plane.tick(microseconds=1)
        assert copier.books(*found)["settled"] == 1
        assert plane.verify() == {}

    @pytest.mark.parametrize("found", ["0.04", "0.10", "0.30"])
    def test_what_cannot_be_told_stays_in_doubt_and_is_recorded(self, plane: Plane, netted: Net, found: str) -> None:
        """Two openings of 0.10 and 0.15 lots: nothing, or both, can be told; anything else would be a guess."""
        copier = netted.copiers[0]
        for position, volume in ((1, "0.10"), (2, "0.15")):
            netted.opens(0, position, volume=volume)
            copier.doubts(position)
        answer = copier.books(net(found))
        assert (answer["settled"], answer["differences"]) == (0, 1)
        assert [copier.copy(position)["pending"] for position in (1, 2)] == [1, 1]
        assert plane.differences() == [("NET_VOLUME", None)]
        assert copier.catches_up() == []
        assert plane.verify() == {}

    @pytest.mark.parametrize("found", [[], [net("0.10")], [net("0.20")], [net("0.10", "SELL")]])
    def test_changes_in_doubt_that_go_both_ways_stay_in_doubt(
        self, plane: Plane, netted: Net, found: list[Holding]
    ) -> None:
        """A close and an opening: nothing done, and both, and a part of each, look alike."""
        masters, (copier, _) = netted
        netted.opens(0, 1)
        copier.reports(1)
        masters[0].does("CLOSE", 1)
        masters[0].does("OPEN", 2)
        assert [each.action for each in copier.receives()] == ["CLOSE", "OPEN"]
        for delivery in (2, 3):
            copier.doubts(delivery)
        assert copier.books(*found)["settled"] == 0
        assert [copier.copy(position)["pending"] for position in (1, 2)] == [1, 1]
        assert copier.holds() == {1: Decimal("0.1")}
        assert copier.catches_up() == []
        assert plane.verify() == {}

    def test_a_flat_symbol_was_closed_by_the_follower(self, plane: Plane, netted: Net) -> None:
        masters, copiers = netted
        for copier in copiers:
            plane.write_settings(copier.subscription, late_join="ALL")
        netted.hold()
        answer = copiers[0].books()
        assert (answer["settled"], answer["differences"], answer["delivery_seq"]) == (0, 1, 1)
        assert plane.differences() == [("NET_VOLUME", None)]
        for master, copier in zip(masters, copiers, strict=True):
            copy = copier.copy()
            assert (copy["status"], copy["closed_by"], copy["held_volume"]) == ("CLOSED", "FOLLOWER", 0)
            assert copier.catches_up() == [], "what the follower closed is not opened again"
            master.does("CLOSE", 1)
            assert copier.receives() == []
        assert copiers[0].books()["differences"] == 0
        assert plane.verify() == {}

    def test_one_in_which_the_copies_go_both_ways_may_be_anything(self, plane: Plane, netted: Net) -> None:
        copiers = netted.copiers
        netted.opens(0, volume="0.30")
        netted.opens(1, side="SELL")
        copiers[0].reports(1, volume="0.30", ticket=1)
        copiers[1].reports(1, ticket=2)
        assert copiers[0].books()["differences"] == 1
        assert [copier.holds() for copier in copiers] == [{1: Decimal("0.3")}, {1: Decimal("0.1")}]
        assert [copier.newest for copier in copiers] == [1, 1]
        assert plane.verify() == {}

    @pytest.mark.parametrize("whose", [0, 1])
    def test_nor_while_anything_in_it_is_in_doubt(self, plane: Plane, netted: Net, whose: int) -> None:
        copiers = netted.copiers
        netted.hold()
        netted.opens(whose, 2)
        copiers[0].books()
        assert copiers[1].holds() == {1: Decimal("0.1")}
        assert copiers[1].status() == "OPEN"
        assert plane.verify() == {}

    def test_another_s_pending_order_is_in_its_own_book(self, plane: Plane, netted: Net) -> None:
        """That it is not in this one says nothing: it stands, and must be cancelled with its master's."""
        masters, copiers = netted
        masters[1].does("PLACE", 1)
        copiers[1].receives()
        copiers[1].reports(1, ticket=77)
        copiers[0].books()
        assert (copiers[1].status(), copiers[1].holds()) == ("OPEN", {1: Decimal("0.1")})
        masters[1].does("CANCEL", 1)
        assert [each.action for each in copiers[1].receives()] == ["CANCEL"]
        assert plane.verify() == {}

    def test_what_was_said_to_be_too_late_is_not_opened_over_lots_that_nobody_accounts_for(
        self, plane: Plane, netted: Net
    ) -> None:
        """They may be its own, of before the terminal forgot."""
        copier = netted.copiers[0]
        plane.write_settings(copier.subscription, late_join="ALL")
        netted.opens(0)
        copier.reports(1, "REJECTED", code="TRG01")
        assert copier.books(net("0.10"))["differences"] == 1
        assert copier.gets(1) == []
        copier.books()
        assert copier.gets(1) == [("OPEN", 1)]
        assert plane.verify() == {}

    def test_what_does_not_change_is_recorded_once(self, plane: Plane, netted: Net) -> None:
        copier = netted.copiers[0]
        netted.opens(0)
        copier.reports(1)
        found = [copier.books(net(volume))["differences"] for volume in ("0.50", "0.50", "0.40", "0.50")]
        assert found == [1, 0, 1, 1]
        assert plane.differences() == [("NET_VOLUME", None)] * 3

    def test_while_another_s_are_in_doubt_nothing_can_be_told(self, plane: Plane, netted: Net) -> None:
        copiers = netted.copiers
        for which, copier in enumerate(copiers):
            netted.opens(which)
            copier.doubts(1)
        plane.tick(seconds=30)
        assert copiers[0].books(net("0.10"))["settled"] == 0
        copiers[1].reports(1, ticket=5)
        assert copiers[0].books(net("0.10"))["settled"] == 1
        assert copiers[0].answered() == [(1, "FAILED", "SNAPSHOT")]

    def test_what_the_subscriber_trades_besides_is_recorded_and_left_alone(self, netted: Net) -> None:
        copier = netted.copiers[0]
        netted.opens(0)
        copier.reports(1)
        answer = copier.books(net("0.50"), net("1", symbol="XAUUSD").but(ticket=9001))
        assert (answer["settled"], answer["differences"], answer["delivery_seq"]) == (0, 2, 1)
        assert copier.holds() == {1: Decimal("0.1")}

    def test_stops_say_nothing(self, plane: Plane, netted: Net) -> None:
        masters, (copier, _) = netted
        netted.opens(0)
        copier.reports(1)
        masters[0].does("MODIFY", 1, stop_loss="1.05")
        copier.receives()
        assert copier.books(net("0.10"))["settled"] == 1
        assert (copier.copy()["pending"], copier.newest) == (0, 2)
        assert plane.verify() == {}

    def test_a_pending_order_is_in_the_book_and_not_in_the_net_position(self, plane: Plane, netted: Net) -> None:
        masters, copiers = netted
        masters[0].does("PLACE", 1)
        copiers[0].receives()
        copiers[0].doubts(1)
        netted.opens(1)
        copiers[1].reports(1, ticket=3)
        order = Holding(77, 1, 1, volume="0.10", order_type="LIMIT")
        answer = copiers[0].books(net("0.10"), order)
        assert (answer["settled"], answer["differences"]) == (1, 0)
        assert copiers[0].answered() == [(1, "EXECUTED", "SNAPSHOT")]
        assert copiers[0].status() == "OPEN"
        assert plane.verify() == {}

    def test_while_another_stream_may_have_one_nothing_can_be_told(self, plane: Plane, netted: Net) -> None:
        """The book of a subscription lists its own orders: of another's it is not known whether it was filled."""
        masters, copiers = netted
        masters[0].does("PLACE", 1)
        copiers[0].receives()
        copiers[0].reports(1, ticket=77)
        netted.opens(1)
        copiers[1].doubts(1)
        answer = copiers[1].books(net("0.10"))
        assert (answer["settled"], answer["differences"]) == (0, 0)
        masters[0].does("OPEN", 1)
        copiers[0].receives()
        assert copiers[1].books(net("0.20"))["settled"] == 1
        assert copiers[1].answered() == [(1, "EXECUTED", "SNAPSHOT")]
        assert plane.verify() == {}

    def test_what_an_ended_subscription_still_holds_counts(self, plane: Plane, netted: Net) -> None:
        copiers = netted.copiers
        netted.hold()
        plane.transition(copiers[1].subscription, "end")
        answer = copiers[0].books(net("0.20"))
        assert (answer["settled"], answer["differences"]) == (0, 0)
