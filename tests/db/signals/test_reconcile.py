"""Reconcile: the follower's own book is the truth of what was delivered. What was in doubt is settled, what is not as
it should be is recorded, and catch-up mends it."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.db.plane import Copier, Holding, Master, Plane, Specification, e8

pytestmark = pytest.mark.core


@pytest.fixture
def delivered(master: Master, copier: Copier) -> Copier:
    """A copier that was delivered 0.10 lots of position 1, and has not said what came of it."""
    master.does("OPEN", 1)
    copier.receives()
    return copier


@pytest.fixture
def opened(delivered: Copier) -> Copier:
    """A copier that holds position 1 under ticket 7001."""
    delivered.reports(1)
    return delivered


class TestAnswer:
    def test_a_book_that_agrees_changes_nothing(self, plane: Plane, opened: Copier) -> None:
        before = opened.copy()
        assert opened.books(Holding(position=1)) == {
            "code": None,
            "detail": str(opened.subscription),
            "settled": 0,
            "differences": 0,
            "delivery_seq": 1,
        }
        assert opened.copy() | {"changed_at": None} == before | {"changed_at": None}
        assert plane.differences() == []
        assert plane.verify() == {}

    def test_it_acknowledges_what_it_is_a_book_of(self, plane: Plane, opened: Copier) -> None:
        opened.books(Holding(position=1))
        assert plane.value("select acknowledged_seq from signals.subscription_heads") == 1

    def test_what_it_found_to_be_done_is_in_the_newest_number(self, master: Master, opened: Copier) -> None:
        master.snapshot()
        opened.is_shown()
        opened.reports(2, "FAILED")
        assert opened.books(Holding(position=1))["delivery_seq"] == 3

    @pytest.mark.parametrize("session", [None, uuid4()])
    def test_only_the_copier_may_tell(self, opened: Copier, session: Any) -> None:
        assert opened.books(session=session)["code"] == "TRA06"
        assert opened.status() == "OPEN"

    def test_nobody_may_where_nobody_copies(self, plane: Plane, opened: Copier) -> None:
        plane.gateway.execute("select access.close_session(%s)", [opened.session])
        assert opened.books(session=None)["code"] == "TRA06"
        assert opened.status() == "OPEN"

    def test_of_another_lane_or_of_nothing_it_is_nobody_s(self, opened: Copier) -> None:
        assert opened.books(lane=(opened.lane + 1) % 8)["code"] == "TRA06"
        assert opened.books(subscription=999_999, last=0)["code"] == "TRA06"

    @pytest.mark.parametrize("last", [-1, 2, 2**62])
    def test_who_is_ahead_has_another_history(self, opened: Copier, last: int) -> None:
        assert opened.books(last=last)["code"] == "TRS18"
        assert opened.status() == "OPEN"

    @pytest.mark.parametrize(
        "change",
        [
            {"ticket": None},
            {"symbol": ""},
            {"symbol": None},
            {"symbol": "X" * 33},
            {"side": None},
            {"side": "LONG"},
            {"volume": 0},
            {"volume": "-0.1"},
            {"volume": None},
            {"volume": "1000000001"},
            {"order_type": "ICEBERG"},
        ],
    )
    def test_a_book_that_cannot_be_read_is_not_taken_in_part(self, opened: Copier, change: dict[str, Any]) -> None:
        answer = opened.books(Holding(position=1, volume="0.05"), Holding(ticket=2, position=9).but(**change))
        assert answer["code"] == "TRR03"
        assert opened.holds() == {1: Decimal("0.1")}

    def test_nor_is_one_that_holds_more_than_there_is_of_anything(self, plane: Plane, opened: Copier) -> None:
        """Together they would not fit where the copy's lots are kept."""
        half = "500000000"
        assert opened.books(Holding(7001, 1, volume=half), Holding(2, 1, volume=half + ".01"))["code"] == "TRR03"
        assert opened.holds() == {1: Decimal("0.1")}
        assert opened.books(Holding(7001, 1, volume=half), Holding(2, 1, volume=half))["code"] is None
        assert opened.holds() == {1: Decimal(10) ** 9}
        assert plane.verify() == {}

    def test_a_ticket_is_listed_once(self, master: Master, opened: Copier) -> None:
        """Whose it is could not be said."""
        master.does("OPEN", 2)
        opened.receives()
        opened.reports(2, ticket=7002)
        answer = opened.books(Holding(7001, 1), Holding(7001, 2))
        assert answer["code"] == "TRR03"
        assert opened.holds() == {1: Decimal("0.1"), 2: Decimal("0.1")}

    def test_a_ticket_of_one_copy_is_not_booked_on_another(self, master: Master, opened: Copier) -> None:
        master.does("OPEN", 2)
        opened.receives()
        answer = opened.books(Holding(7001, 2))
        assert answer["code"] == "TRR03"
        assert opened.holds() == {1: Decimal("0.1")}


class TestHedging:
    @pytest.mark.parametrize("status", [None, "UNKNOWN"])
    def test_an_opening_that_is_in_the_book_was_executed(
        self, plane: Plane, delivered: Copier, status: str | None
    ) -> None:
        if status:
            delivered.reports(1, status, code="TRG06")
        answer = delivered.books(Holding(555, 1, price="1.10007"))
        assert (answer["settled"], answer["differences"]) == (1, 0)
        report = plane.record("select * from signals.reports")
        assert (report["status"], report["settled_by"], report["ticket"], report["volume"], report["code"]) == (
            "EXECUTED", "SNAPSHOT", 555, Decimal("0.1"), None,
        )  # fmt: skip
        copy = delivered.copy()
        assert (copy["status"], copy["ticket"], copy["held_volume"], copy["pending"]) == (
            "OPEN",
            555,
            Decimal("0.1"),
            0,
        )
        assert plane.verify() == {}

    @pytest.mark.parametrize("status", [None, "UNKNOWN"])
    def test_one_that_is_not_was_not_and_is_a_late_join(self, plane: Plane, master: Master, status: str | None) -> None:
        copier = plane.copier(master, late_join="ALL")
        master.does("OPEN", 1)
        copier.receives()
        if status:
            copier.reports(1, status, code="TRG06")
        plane.tick(seconds=30)
        answer = copier.books()
        assert (answer["settled"], answer["differences"], answer["delivery_seq"]) == (1, 0, 2)
        assert copier.answered() == [(1, "FAILED", "SNAPSHOT")]
        assert copier.gets(1) == [("OPEN", 1)]
        assert "TRR06" in plane.events()
        assert plane.verify() == {}

    def test_but_for_half_a_minute_it_may_be_on_its_way(self, plane: Plane, delivered: Copier) -> None:
        """Sent, not answered, and not filled yet: what is tried again too soon is filled twice."""
        plane.write_settings(delivered.subscription, late_join="ALL")
        plane.tick(seconds=29, microseconds=999_999)
        assert delivered.books()["settled"] == 0
        # From when the terminal was in doubt: it may have sent the order as late as that.
        delivered.doubts(1)
        plane.tick(seconds=29, microseconds=999_999)
        answer = delivered.books()
        assert (answer["settled"], answer["differences"], answer["delivery_seq"]) == (0, 0, 1)
        assert (delivered.status(), delivered.copy()["pending"]) == ("DELIVERED", 1)
        assert delivered.catches_up() == []
        assert plane.verify() == {}
        plane.tick(microseconds=1)
        answer = delivered.books()
        assert (answer["settled"], answer["delivery_seq"]) == (1, 2)
        assert plane.verify() == {}

    def test_what_is_filled_within_it_is_one_opening(self, plane: Plane, delivered: Copier) -> None:
        plane.write_settings(delivered.subscription, late_join="ALL")
        delivered.doubts(1)
        assert delivered.books()["settled"] == 0
        assert delivered.books(Holding(555, 1))["settled"] == 1
        assert (delivered.status(), delivered.holds(), delivered.newest) == ("OPEN", {1: Decimal("0.1")}, 1)
        assert plane.verify() == {}

    def test_a_close_that_comes_meanwhile_is_done_when_nothing_is_there_and_not_forgotten(
        self, plane: Plane, master: Master, delivered: Copier
    ) -> None:
        delivered.doubts(1)
        master.does("CLOSE", 1)
        delivered.receives()
        delivered.books()
        assert delivered.copy()["pending"] == 1
        # The fill shows up after all.
        delivered.books(Holding(555, 1))
        assert delivered.gets(2) == [("CLOSE", 1)]
        delivered.reports(3)
        assert (delivered.status(), delivered.holds()) == ("CLOSED", {})
        assert plane.verify() == {}

    def test_without_late_join_it_stays_away(self, plane: Plane, delivered: Copier) -> None:
        plane.tick(seconds=30)
        delivered.books()
        assert (delivered.status(), delivered.newest) == ("MISSED", 1)
        assert plane.verify() == {}

    def test_what_came_after_the_book_is_left_in_doubt(self, plane: Plane, master: Master, opened: Copier) -> None:
        master.does("OPEN", 2)
        master.does("CLOSE", 1)
        opened.receives()
        answer = opened.books(Holding(position=1), last=1)
        assert (answer["settled"], answer["differences"]) == (0, 0)
        assert [opened.status(position) for position in (1, 2)] == ["CLOSING", "DELIVERED"]
        assert opened.answered() == [(1, "EXECUTED", None)]
        assert plane.verify() == {}

    def test_a_close_that_is_not_done_is_told_again(self, plane: Plane, master: Master, opened: Copier) -> None:
        master.does("CLOSE", 1)
        opened.receives()
        opened.doubts(2)
        assert opened.books(Holding(position=1))["settled"] == 1
        assert opened.answered()[1:] == [(2, "FAILED", "SNAPSHOT")]
        assert opened.gets(2) == [("CLOSE", 1)]
        assert plane.verify() == {}

    def test_a_close_that_is_done_is_done(self, plane: Plane, master: Master, opened: Copier) -> None:
        master.does("CLOSE", 1)
        opened.receives()
        opened.doubts(2)
        assert opened.books()["differences"] == 0
        copy = opened.copy()
        assert (copy["status"], copy["closed_by"], copy["held_volume"], copy["pending"]) == ("CLOSED", "MASTER", 0, 0)
        assert opened.newest == 2
        assert plane.verify() == {}

    def test_a_close_that_is_done_in_part_is_told_for_the_rest(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        master.does("CLOSE", 1)
        opened.receives()
        opened.books(Holding(position=1, volume="0.04"))
        (again,) = plane.deliveries([opened], 2)
        assert (again.action, again.held_volume_e8) == ("CLOSE", e8("0.04"))
        assert plane.verify() == {}

    @pytest.mark.parametrize(("remains", "status"), [("0.06", "EXECUTED"), ("0.05", "EXECUTED"), ("0.10", "FAILED")])
    def test_a_partial_close_is_done_when_no_more_is_left(
        self, plane: Plane, master: Master, opened: Copier, remains: str, status: str
    ) -> None:
        master.does("PARTIAL_CLOSE", 1, volume="0.06")
        opened.receives()
        opened.books(Holding(position=1, volume=remains))
        assert opened.answered()[1:] == [(2, status, "SNAPSHOT")]
        assert opened.gets(2) == ([] if status == "EXECUTED" else [("PARTIAL_CLOSE", 1)])
        assert plane.verify() == {}

    @pytest.mark.parametrize(("stop", "status"), [("1.05", "EXECUTED"), ("1.04", "FAILED")])
    def test_stops_are_done_when_they_are_there(self, master: Master, opened: Copier, stop: str, status: str) -> None:
        master.does("MODIFY", 1, stop_loss="1.05")
        opened.receives()
        opened.books(Holding(position=1, stop_loss=stop))
        assert opened.answered()[1:] == [(2, status, "SNAPSHOT")]
        assert opened.gets(2) == ([] if status == "EXECUTED" else [("MODIFY", 1)])

    @pytest.mark.parametrize(
        ("digits", "told", "found", "is_there"),
        [
            (5, "1.05", "1.050005", True),
            (5, "1.05", "1.05001", False),
            (5, "1.05", "0", False),
            (3, "150.1234", "150.123", True),
            (3, "150.1234", "150.124", False),
            (3, "0.0004", "0", False),
            (2, "2000.004", "2000", True),
            (2, "2000", "2000.01", False),
        ],
    )
    def test_stops_are_there_to_half_a_point_of_the_symbol(
        self, plane: Plane, master: Master, copier: Copier, digits: int, told: str, found: str, is_there: bool
    ) -> None:
        """A broker rounds to its own digits."""
        copier.uploads(Specification("EURUSD", digits=digits))
        master.does("OPEN", 1, stop_loss=told)
        copier.receives()
        copier.reports(1)
        copier.books(Holding(position=1, stop_loss=found))
        assert copier.gets(1) == ([] if is_there else [("MODIFY", 1)])
        assert plane.verify() == {}

    def test_everything_about_a_copy_is_settled_at_once(self, plane: Plane, master: Master, delivered: Copier) -> None:
        master.does("MODIFY", 1, stop_loss="1.05")
        master.does("PARTIAL_CLOSE", 1, volume="0.05")
        master.does("CLOSE", 1)
        delivered.receives()
        plane.tick(seconds=30)
        assert delivered.books()["settled"] == 4
        assert (delivered.status(), delivered.copy()["pending"]) == ("CLOSED", 0)
        assert plane.verify() == {}

    def test_a_copy_that_was_refused_has_what_is_unanswered_settled_too(
        self, plane: Plane, master: Master, delivered: Copier
    ) -> None:
        master.does("MODIFY", 1, stop_loss="1.05")
        delivered.receives()
        delivered.reports(1, "REJECTED", code="TRG02")
        assert delivered.books()["settled"] == 1
        assert (delivered.status(), delivered.copy()["pending"]) == ("REFUSED", 0)
        assert plane.verify() == {}

    def test_a_copy_that_was_closed_while_its_opening_was_unknown_is_settled_too(
        self, plane: Plane, master: Master, delivered: Copier
    ) -> None:
        delivered.doubts(1)
        master.does("CLOSE", 1)
        delivered.receives()
        delivered.reports(2, "REJECTED", code="TRG03")
        plane.tick(seconds=30)
        assert delivered.books()["settled"] == 1
        assert (delivered.status(), delivered.copy()["pending"], delivered.newest) == ("CLOSED", 0, 2)
        assert plane.verify() == {}


class TestLateFill:
    """Timeout after send, then the fill shows up."""

    def test_it_is_kept_while_the_master_holds_it(self, plane: Plane, delivered: Copier) -> None:
        delivered.doubts(1)
        plane.tick(seconds=30)
        delivered.books()
        assert delivered.status() == "MISSED"
        assert delivered.books(Holding(555, 1))["differences"] == 1
        copy = delivered.copy()
        assert (copy["status"], copy["held_volume"], copy["target_volume"], copy["ticket"]) == (
            "OPEN", Decimal("0.1"), Decimal("0.1"), 555,
        )  # fmt: skip
        assert delivered.newest == 1
        assert plane.verify() == {}

    def test_and_cut_with_its_master(self, plane: Plane, master: Master, delivered: Copier) -> None:
        plane.tick(seconds=30)
        delivered.books()
        delivered.books(Holding(555, 1))
        master.does("PARTIAL_CLOSE", 1, volume="0.05")
        master.does("CLOSE", 1)
        got = delivered.receives()
        assert [(each.action, each.volume_e8) for each in got] == [("PARTIAL_CLOSE", e8("0.05")), ("CLOSE", 0)]

    def test_it_is_closed_when_the_master_has_closed(self, plane: Plane, master: Master, delivered: Copier) -> None:
        plane.tick(seconds=30)
        delivered.books()
        master.does("CLOSE", 1)
        delivered.receives()
        answer = delivered.books(Holding(555, 1))
        assert delivered.gets(answer["delivery_seq"] - 1) == [("CLOSE", 1)]
        delivered.reports(2, ticket=555)
        assert delivered.status() == "CLOSED"
        assert plane.verify() == {}

    def test_what_the_guard_had_refused_is_treated_alike(self, plane: Plane, delivered: Copier) -> None:
        delivered.reports(1, "REJECTED", code="TRG02")
        assert delivered.books(Holding(555, 1))["differences"] == 1
        assert (delivered.status(), delivered.newest) == ("OPEN", 1)
        assert plane.verify() == {}

    def test_a_copy_that_was_closed_and_is_there_again_is_closed_again(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        master.does("CLOSE", 1)
        opened.receives()
        opened.reports(2)
        assert opened.books(Holding(position=1))["differences"] == 1
        assert opened.gets(2) == [("CLOSE", 1)]
        assert plane.verify() == {}


class TestWhose:
    """Which copy a holding is of, as far as the terminal could tell."""

    @pytest.mark.parametrize(
        "holding",
        [
            Holding(999, position=1),
            Holding(999, delivery=1),
            Holding(7001),
            Holding(7001, position=1, delivery=1),
        ],
    )
    def test_by_position_decision_or_ticket(self, plane: Plane, opened: Copier, holding: Holding) -> None:
        assert opened.books(holding)["differences"] == 0
        assert (opened.status(), opened.holds(), opened.copy()["ticket"]) == (
            "OPEN",
            {1: Decimal("0.1")},
            holding.ticket,
        )
        assert plane.verify() == {}

    def test_the_parts_of_a_copy_add_up(self, opened: Copier) -> None:
        """A broker may give what remains of a partial close a ticket of its own."""
        assert opened.books(Holding(1, 1, volume="0.07"), Holding(2, 1, volume="0.03"))["differences"] == 0
        assert opened.holds() == {1: Decimal("0.1")}

    @pytest.mark.parametrize(
        "holding",
        [
            Holding(42),
            Holding(42, position=99),
            Holding(42, delivery=99),
            Holding(42, position=1, side="SELL"),
            Holding(42, position=1, symbol="EURUSD.m"),
            Holding(42, delivery=1, side="SELL"),
            Holding(42, delivery=1, symbol="GBPUSD"),
        ],
    )
    def test_what_is_nobody_s_copy_is_recorded_and_left_alone(
        self, plane: Plane, opened: Copier, holding: Holding
    ) -> None:
        answer = opened.books(Holding(position=1), holding)
        assert (answer["differences"], answer["delivery_seq"]) == (1, 1)
        assert plane.differences(origin="FOLLOWER") == [("UNEXPECTED", None)]
        (found,) = plane.value("select found from signals.differences")
        assert found == {"ticket": 42, "symbol": holding.symbol, "side": holding.side, "volume": 0.1}
        assert opened.holds() == {1: Decimal("0.1")}
        assert plane.verify() == {}

    def test_of_strangers_there_is_a_row_a_book_and_only_when_they_change(self, plane: Plane, opened: Copier) -> None:
        own, strangers = Holding(position=1), [Holding(40 + number) for number in range(5)]
        rows = []
        for book in (strangers, strangers, strangers[::-1], strangers[:4], [], strangers[:4], [strangers[0]]):
            opened.books(own, *book)
            rows.append(len(plane.differences()))
        assert rows[:4] == [1, 1, 1, 2]
        assert rows[-1] == rows[-2] + 1
        tickets = "select jsonb_path_query_array(found, '$[*].ticket') from signals.differences order by difference_id"
        assert plane.rows(tickets)[:2] == [[40, 41, 42, 43, 44], [40, 41, 42, 43]]

    @pytest.fixture
    def pair(self, plane: Plane, master: Master) -> tuple[list[Master], list[Copier]]:
        """Two masters, and one terminal that copies both into one account."""
        account = plane.account("subscriber")
        masters = [master, plane.master()]
        copiers = [plane.copier(each, account=account) for each in masters]
        copiers[0].joins(copiers[1])
        return masters, copiers

    def test_what_another_subscription_of_the_account_opened_is_not_taken_for_one_s_own(
        self, plane: Plane, pair: tuple[list[Master], list[Copier]]
    ) -> None:
        """A terminal that knows the number of the delivery, and not of which subscription: both count from 1."""
        masters, (first, second) = pair
        for each, copier, ticket in zip(masters, (first, second), (11, 12), strict=True):
            each.does("OPEN", 1)
            copier.receives()
            copier.reports(1, ticket=ticket)
        everything = [Holding(11, delivery=1), Holding(12, delivery=1)]
        for copier in (first, second):
            assert copier.books(*everything)["code"] is None
            assert (copier.holds(), copier.newest) == ({1: Decimal("0.1")}, 1)
        assert plane.verify() == {}

    def test_nor_by_the_position_of_the_other_master(
        self, plane: Plane, pair: tuple[list[Master], list[Copier]]
    ) -> None:
        masters, (first, second) = pair
        masters[1].does("OPEN", 1)
        second.receives()
        second.reports(1, ticket=12)
        masters[0].does("OPEN", 1)
        first.receives()
        plane.tick(seconds=30)
        answer = first.books(Holding(12, position=1))
        assert (answer["settled"], first.holds(), first.status()) == (1, {}, "MISSED")
        assert plane.verify() == {}


class TestDifferences:
    def test_what_the_follower_closed_itself_is_closed_and_not_opened_again(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        plane.write_settings(opened.subscription, late_join="ALL")
        answer = opened.books()
        assert (answer["differences"], answer["delivery_seq"]) == (1, 1)
        assert plane.differences() == [("MISSING", 1)]
        assert (opened.status(), opened.copy()["closed_by"], opened.holds()) == ("CLOSED", "FOLLOWER", {})
        assert opened.books()["differences"] == 0
        master.does("CLOSE", 1)
        assert opened.receives() == []
        assert plane.verify() == {}

    def test_what_it_cut_itself_is_left_so(self, plane: Plane, master: Master, opened: Copier) -> None:
        assert opened.books(Holding(position=1, volume="0.06"))["differences"] == 1
        assert plane.differences() == [("VOLUME", 1)]
        assert (opened.holds(), opened.newest) == ({1: Decimal("0.06")}, 1)
        master.does("CLOSE", 1)
        assert [each.held_volume_e8 for each in opened.receives()] == [e8("0.06")]
        assert plane.verify() == {}

    def test_what_it_added_is_cut(self, plane: Plane, opened: Copier) -> None:
        opened.books(Holding(position=1, volume="0.20"))
        assert plane.differences() == [("VOLUME", 1)]
        (cut,) = plane.deliveries([opened], 1)
        assert (cut.action, cut.volume_e8, cut.held_volume_e8) == ("PARTIAL_CLOSE", e8("0.10"), e8("0.20"))
        assert plane.verify() == {}

    def test_and_does_not_change_what_the_copy_s_share_is(self, master: Master, opened: Copier) -> None:
        opened.books(Holding(position=1, volume="0.20"))
        opened.reports(2, volume="0.10")
        master.does("PARTIAL_CLOSE", 1, volume="0.05")
        assert [each.volume_e8 for each in opened.receives()] == [e8("0.05")]

    def test_stops_that_were_moved_are_moved_back(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1, stop_loss="1.05")
        copier.receives()
        copier.reports(1)
        copier.books(Holding(position=1, stop_loss="1.01"))
        assert [(each.action, each.stop_loss_e8) for each in plane.deliveries([copier], 1)] == [("MODIFY", e8("1.05"))]

    def test_of_what_is_newer_than_the_book_the_stops_are_not_forgotten(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        master.does("OPEN", 2, stop_loss="1.05")
        opened.receives()
        opened.books(Holding(position=1), last=1)
        opened.reports(2, ticket=7002)
        assert opened.status(2) == "OPEN"
        opened.resume(2)
        assert plane.deliveries([opened], 2) == []

    def test_an_opening_that_failed_at_the_broker_and_is_not_there_is_over(
        self, plane: Plane, delivered: Copier
    ) -> None:
        delivered.reports(1, "FAILED")
        delivered.books()
        assert (delivered.status(), delivered.copy()["target_volume"], delivered.newest) == ("REFUSED", 0, 1)
        assert plane.verify() == {}

    def test_after_a_restart_a_burst_is_neither_repeated_nor_lost(self, plane: Plane, master: Master) -> None:
        """The terminal executed two of four, told of one, and has forgotten all of it."""
        copier = plane.copier(master, late_join="ALL")
        for position in (1, 2, 3, 4):
            master.does("OPEN", position)
        copier.receives()
        copier.reports(1, ticket=11)
        copier.connect()
        plane.tick(seconds=30)
        answer = copier.books(Holding(11, delivery=1), Holding(12, delivery=2))
        assert answer["settled"] == 3
        assert copier.gets(4) == [("OPEN", 3), ("OPEN", 4)]
        assert copier.holds() == {1: Decimal("0.1"), 2: Decimal("0.1")}
        assert plane.verify() == {}
