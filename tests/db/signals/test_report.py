"""Reports: what really happened to a delivery. The first one stands."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from tests.db.plane import START, Copier, Master, Plane, microseconds

pytestmark = pytest.mark.core


@pytest.fixture
def opened(master: Master, copier: Copier) -> Copier:
    """A copier that was delivered an opening of position 1, as delivery 1."""
    master.does("OPEN", 1)
    assert len(copier.receives()) == 1
    return copier


class TestVerdicts:
    def test_what_was_executed_is_recorded(self, plane: Plane, opened: Copier) -> None:
        assert opened.reports(1, ticket=42, price="1.10002", volume="0.10") == (1, "RECORDED", None)
        report = plane.record("select * from signals.reports")
        assert (report["status"], report["code"], report["ticket"]) == ("EXECUTED", None, 42)
        assert (report["price"], report["volume"]) == (Decimal("1.10002"), Decimal("0.10"))
        assert report["received_at"] == report["executed_at"] == START
        assert report["reported_at"] == plane.now
        assert plane.events() == []

    @pytest.mark.parametrize("status", ["REJECTED", "FAILED"])
    def test_what_was_not_executed_is_recorded_with_its_code_and_a_protection_event(
        self, plane: Plane, opened: Copier, status: str
    ) -> None:
        assert opened.reports(1, status, code="TRG02").verdict == "RECORDED"
        event = plane.record("select * from signals.protection_events")
        assert (event["origin"], event["code"], event["subscription_id"]) == ("GUARD", "TRG02", opened.subscription)
        assert (event["seq"], event["detail"]["status"]) == (1, status)

    @pytest.mark.parametrize("together", [False, True])
    def test_the_same_again_is_a_duplicate(self, plane: Plane, opened: Copier, together: bool) -> None:
        report = opened.report(1)
        sent = plane.report([report, report]) if together else [*plane.report([report]), *plane.report([report])]
        assert [v.verdict for v in sent] == ["RECORDED", "REPORT_DUPLICATE"]
        assert [v.code for v in sent] == [None, None]
        assert plane.events() == []

    @pytest.mark.parametrize(
        "change",
        [
            {"ticket": 43},
            {"price": "1.2"},
            {"volume": "0.09"},
            {"executed_us": microseconds(START) + 1},
            {"status": "FAILED", "code": "TRG04"},
        ],
    )
    @pytest.mark.parametrize("together", [False, True])
    def test_another_report_is_a_conflict_and_the_first_stands(
        self, plane: Plane, opened: Copier, change: dict[str, Any], together: bool
    ) -> None:
        first = opened.report(1, ticket=42)
        other = first.but(**change)
        sent = plane.report([first, other]) if together else [*plane.report([first]), *plane.report([other])]
        assert [v[1:] for v in sent] == [("RECORDED", None), ("REPORT_CONFLICT", "TRR02")]
        assert plane.record("select * from signals.reports")["status"] == "EXECUTED"
        assert plane.value("select ticket from signals.reports") == 42
        event = plane.record("select * from signals.protection_events")
        assert (event["origin"], event["code"]) == ("PLANE", "TRR02")
        assert event["detail"]["ticket"] == other.ticket

    def test_a_conflict_is_a_conflict_however_often_it_is_repeated(self, plane: Plane, opened: Copier) -> None:
        first = opened.report(1, ticket=42)
        other = first.but(ticket=43)
        verdicts = [v.verdict for v in plane.report([first, other, other, first, other])]
        again = ["REPORT_CONFLICT", "REPORT_CONFLICT", "REPORT_DUPLICATE", "REPORT_CONFLICT"]
        assert verdicts == ["RECORDED", *again]

    def test_when_it_was_received_makes_no_other_report(self, opened: Copier) -> None:
        opened.reports(1)
        assert opened.reports(1, received_us=microseconds(START) + 5).verdict == "REPORT_DUPLICATE"

    @pytest.mark.parametrize("delivery", [0, 2, -1, 2**63 - 1])
    def test_a_delivery_that_was_never_made_is_unknown(self, plane: Plane, opened: Copier, delivery: int) -> None:
        assert opened.reports(delivery)[1:] == ("REPORT_UNKNOWN", "TRR01")
        assert plane.value("select count(*) from signals.reports") == 0
        assert plane.events() == ["TRR01"]

    @pytest.mark.parametrize(
        "change",
        [
            {"ticket": 0},
            {"ticket": -1},
            {"ticket": None},
            {"price": 0},
            {"price": "-1.1"},
            {"price": None},
            {"volume": 0},
            {"volume": "-0.1"},
            {"volume": None},
            {"volume": "1000000000.00000001"},
            {"volume": 2**63 - 1},
            {"code": "TRG01"},
            {"status": "STATUS_UNSPECIFIED"},
            {"status": None},
            {"status": "executed"},
            {"status": "REJECTED"},
            {"status": "FAILED", "code": None},
            {"status": "FAILED", "code": "x" * 65},
        ],
    )
    def test_a_report_that_lacks_what_its_status_needs_is_malformed(
        self, plane: Plane, opened: Copier, change: dict[str, Any]
    ) -> None:
        assert plane.report([opened.report(1).but(**change)])[0][1:] == ("REPORT_MALFORMED", "TRR03")
        assert plane.value("select count(*) from signals.reports") == 0
        assert opened.reports(1).verdict == "RECORDED"

    def test_a_malformed_report_does_not_stand_for_the_one_after_it(self, plane: Plane, opened: Copier) -> None:
        good = opened.report(1)
        verdicts = plane.report([good.but(ticket=0), good, good])
        assert [v.verdict for v in verdicts] == ["REPORT_MALFORMED", "RECORDED", "REPORT_DUPLICATE"]

    @pytest.mark.parametrize("action", ["MODIFY", "AMEND", "CANCEL"])
    def test_what_trades_nothing_needs_no_price_and_no_volume(
        self, master: Master, opened: Copier, action: str
    ) -> None:
        master.does(action, 1)
        opened.receives()
        assert opened.reports(2, price=0, volume=0).verdict == "RECORDED"

    @pytest.mark.parametrize("received_us", [None, -1, 2**63 - 1])
    def test_an_absurd_time_is_kept_as_none(self, plane: Plane, opened: Copier, received_us: int | None) -> None:
        assert opened.reports(1, received_us=received_us).verdict == "RECORDED"
        assert plane.value("select received_at from signals.reports") is None

    def test_an_empty_batch_records_nothing(self, plane: Plane) -> None:
        nothing = ", ".join(["'{}'"] * 10)
        assert plane.gateway.execute(f"select * from signals.report(1::smallint, {nothing})".encode()).fetchall() == []


class TestWhoMayReport:
    @pytest.mark.parametrize("session", [None, uuid4()])
    def test_a_session_that_does_not_hold_the_subscription_may_not(
        self, plane: Plane, opened: Copier, session: Any
    ) -> None:
        assert opened.reports(1, session=session)[1:] == ("REPORT_NOT_ALLOWED", "TRA06")
        assert plane.value("select count(*) from signals.reports") == 0
        assert plane.value("select status from signals.copies") == "DELIVERED"

    def test_the_copier_of_another_subscription_may_not(self, plane: Plane, master: Master, opened: Copier) -> None:
        other = plane.copier(master)
        assert opened.reports(1, session=other.session).code == "TRA06"

    def test_a_subscription_of_another_lane_is_nobodys_here(self, opened: Copier) -> None:
        assert opened.reports(1, lane=(opened.lane + 1) % 8).code == "TRA06"

    def test_an_unknown_subscription_is_nobodys(self, opened: Copier) -> None:
        assert opened.reports(1, subscription=999_999).code == "TRA06"

    def test_the_copier_that_resumed_last_fences_the_one_before(self, opened: Copier) -> None:
        first = opened.session
        opened.connect(last=1)
        assert opened.reports(1, session=first).code == "TRA06"
        assert opened.reports(1).verdict == "RECORDED"


class TestSlippage:
    @pytest.mark.parametrize(
        ("side", "fill", "slippage"),
        [
            ("BUY", "1.10010", "0.00010"),
            ("BUY", "1.09990", "-0.00010"),
            ("SELL", "1.10010", "-0.00010"),
            ("SELL", "1.09990", "0.00010"),
            ("BUY", "1.10000", "0"),
        ],
    )
    def test_of_an_opening_positive_is_worse(
        self, plane: Plane, master: Master, copier: Copier, side: str, fill: str, slippage: str
    ) -> None:
        master.does("OPEN", 1, side=side, price="1.10000")
        copier.receives()
        copier.reports(1, price=fill)
        assert plane.value("select slippage from signals.reports") == Decimal(slippage)

    @pytest.mark.parametrize(
        ("side", "fill", "slippage"),
        [("BUY", "1.20010", "-0.00010"), ("BUY", "1.19990", "0.00010"), ("SELL", "1.20010", "0.00010")],
    )
    @pytest.mark.parametrize("action", ["CLOSE", "PARTIAL_CLOSE"])
    def test_of_a_close_positive_is_worse_too(
        self, plane: Plane, master: Master, copier: Copier, action: str, side: str, fill: str, slippage: str
    ) -> None:
        master.does("OPEN", 1, side=side)
        master.does(action, 1, price="1.20000", volume="0.05")
        copier.receives()
        copier.reports(2, price=fill)
        assert plane.value("select slippage from signals.reports") == Decimal(slippage)

    def test_where_the_master_named_no_price_there_is_none(self, plane: Plane, master: Master, opened: Copier) -> None:
        master.does("CLOSE", 1, price=0)
        opened.receives()
        opened.reports(2)
        assert plane.value("select slippage from signals.reports") is None

    def test_what_was_not_executed_has_none(self, plane: Plane, opened: Copier) -> None:
        opened.reports(1, "FAILED", price="1.5")
        assert plane.value("select slippage from signals.reports") is None


class TestCopies:
    def test_an_executed_opening_is_open_under_the_broker_s_ticket(self, opened: Copier) -> None:
        opened.reports(1, ticket=555)
        copy = opened.copy()
        assert (copy["status"], copy["ticket"], copy["target_volume"]) == ("OPEN", 555, Decimal("0.1"))

    def test_an_opening_that_the_guard_rejected_holds_nothing(self, opened: Copier) -> None:
        opened.reports(1, "REJECTED")
        copy = opened.copy()
        assert (copy["status"], copy["ticket"], copy["target_volume"]) == ("REFUSED", None, 0)

    def test_an_opening_that_failed_at_the_broker_is_still_closed(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        opened.reports(1, "FAILED")
        assert opened.copy()["status"] == "DELIVERED"
        master.does("CLOSE", 1)
        assert [each.action for each in opened.receives()] == ["CLOSE"]
        opened.reports(2, "REJECTED", code="TRG03")
        assert opened.copy()["status"] == "CLOSED"
        assert plane.verify() == {}

    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [("EXECUTED", "", "CLOSED"), ("REJECTED", "TRG03", "CLOSED"), ("FAILED", "TRG04", "CLOSING")],
    )
    def test_a_close_that_the_broker_refused_is_still_owed(
        self, plane: Plane, master: Master, opened: Copier, status: str, code: str, expected: str
    ) -> None:
        opened.reports(1)
        master.does("CLOSE", 1)
        opened.receives()
        opened.reports(2, status, code=code)
        assert opened.copy()["status"] == expected
        assert plane.verify() == {}

    def test_stops_and_partial_closes_leave_it_open(self, master: Master, opened: Copier) -> None:
        opened.reports(1)
        master.does("MODIFY", 1)
        master.does("PARTIAL_CLOSE", 1, volume="0.05")
        opened.receives()
        opened.reports(2)
        opened.reports(3, volume="0.05")
        assert opened.copy()["status"] == "OPEN"

    @pytest.mark.parametrize("together", [False, True])
    @pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
    def test_the_order_of_reports_does_not_matter_in_the_end(
        self, plane: Plane, master: Master, opened: Copier, order: tuple[int, ...], together: bool
    ) -> None:
        master.does("MODIFY", 1)
        master.does("CLOSE", 1)
        opened.receives()
        reports = [opened.report(delivery, ticket=555) for delivery in order]
        for batch in [reports] if together else [[report] for report in reports]:
            plane.report(batch)
            assert plane.verify() == {}
        copy = opened.copy()
        assert (copy["status"], copy["ticket"], copy["target_volume"]) == ("CLOSED", 555, 0)

    @pytest.mark.parametrize("together", [False, True])
    @pytest.mark.parametrize("order", list(permutations([1, 2])))
    def test_a_refused_opening_outranks_the_close_that_found_no_position(
        self, plane: Plane, master: Master, opened: Copier, order: tuple[int, ...], together: bool
    ) -> None:
        master.does("CLOSE", 1)
        opened.receives()
        codes = {1: "TRG02", 2: "TRG03"}
        reports = [opened.report(delivery, "REJECTED", code=codes[delivery]) for delivery in order]
        for batch in [reports] if together else [[report] for report in reports]:
            plane.report(batch)
            assert plane.verify() == {}
        assert opened.copy()["status"] == "REFUSED"

    def test_positions_and_subscriptions_are_settled_for_themselves(self, plane: Plane, master: Master) -> None:
        copiers = [plane.copier(master, lane=4) for _ in range(2)]
        for position in (1, 2):
            master.does("OPEN", position)
        plane.pump(4)
        plane.report([copiers[0].report(1, ticket=1), copiers[1].report(2, "REJECTED"), copiers[0].report(2, ticket=2)])
        statuses = [copier.copy(position)["status"] for copier in copiers for position in (1, 2)]
        assert statuses == ["OPEN", "OPEN", "DELIVERED", "REFUSED"]

    def test_a_report_may_come_much_later(self, plane: Plane, opened: Copier) -> None:
        plane.tick(days=40)
        assert opened.reports(1).verdict == "RECORDED"
        assert plane.value("select reported_at - executed_at from signals.reports") == timedelta(days=40)


class TestUnknown:
    """Sent to the broker, and no answer: the one report that another replaces."""

    def test_it_is_recorded_with_its_code_and_settles_nothing(self, plane: Plane, opened: Copier) -> None:
        assert opened.doubts(1)[1:] == ("RECORDED", None)
        report = plane.record("select * from signals.reports")
        assert (report["status"], report["code"], report["unknown_since"]) == ("UNKNOWN", "TRG06", plane.now)
        copy = opened.copy()
        assert (copy["status"], copy["pending"], copy["held_volume"]) == ("DELIVERED", 1, 0)
        assert plane.events() == ["TRG06"]
        assert plane.verify() == {}

    def test_it_needs_a_code(self, opened: Copier) -> None:
        assert opened.reports(1, "UNKNOWN", code="")[1:] == ("REPORT_MALFORMED", "TRR03")

    @pytest.mark.parametrize("together", [False, True])
    @pytest.mark.parametrize(
        ("status", "expected"), [("EXECUTED", "OPEN"), ("REJECTED", "REFUSED"), ("FAILED", "DELIVERED")]
    )
    def test_the_answer_replaces_it(
        self, plane: Plane, opened: Copier, status: str, expected: str, together: bool
    ) -> None:
        reports = [opened.report(1, "UNKNOWN", code="TRG06"), opened.report(1, status)]
        batches = [reports] if together else [[report] for report in reports]
        assert [v.verdict for batch in batches for v in plane.report(batch)] == ["RECORDED", "RECORDED"]
        assert plane.value("select status from signals.reports") == status
        copy = opened.copy()
        assert (copy["status"], copy["pending"]) == (expected, 0)
        assert plane.verify() == {}

    @pytest.mark.parametrize("together", [False, True])
    def test_once(self, plane: Plane, opened: Copier, together: bool) -> None:
        reports = [
            opened.report(1, "UNKNOWN", code="TRG06"),
            opened.report(1),
            opened.report(1),
            opened.report(1, "FAILED"),
            opened.report(1, "UNKNOWN", code="TRG06"),
        ]
        batches = [reports] if together else [[report] for report in reports]
        assert [v.verdict for batch in batches for v in plane.report(batch)] == [
            "RECORDED", "RECORDED", "REPORT_DUPLICATE", "REPORT_CONFLICT", "REPORT_DUPLICATE",
        ]  # fmt: skip
        assert opened.holds() == {1: Decimal("0.1")}
        assert plane.verify() == {}

    def test_after_the_answer_it_says_nothing_new(self, plane: Plane, opened: Copier) -> None:
        """A terminal repeats its reports in any order."""
        verdicts = plane.report([opened.report(1), opened.report(1, "UNKNOWN", code="TRG06")])
        assert [v.verdict for v in verdicts] == ["RECORDED", "REPORT_DUPLICATE"]
        assert opened.copy()["pending"] == 0
        assert plane.value("select status from signals.reports") == "EXECUTED"
        assert plane.verify() == {}

    def test_the_fill_that_shows_up_after_the_close_found_nothing_is_closed(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        """Timeout after send, then the fill shows up: what cuts exposure is never lost."""
        opened.doubts(1)
        master.does("CLOSE", 1)
        opened.receives()
        opened.reports(2, "REJECTED", code="TRG03")
        opened.reports(1)
        assert opened.holds() == {1: Decimal("0.1")}
        assert [each.action for each in opened.catches_up()] == ["CLOSE"]
        opened.reports(3)
        assert opened.status() == "CLOSED"
        assert opened.catches_up() == []
        assert plane.verify() == {}

    def test_nor_is_a_copy_closed_while_its_opening_is_unknown(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        opened.doubts(1)
        master.does("CLOSE", 1)
        opened.receives()
        opened.reports(2, "REJECTED", code="TRG03")
        opened.reports(1, "FAILED")
        assert opened.catches_up() == []
        assert opened.status() == "CLOSED"
        assert plane.verify() == {}

    @pytest.mark.parametrize("together", [False, True])
    @pytest.mark.parametrize("action", ["OPEN", "CLOSE"])
    def test_too_late_is_no_answer_to_what_was_sent(
        self, plane: Plane, master: Master, opened: Copier, action: str, together: bool
    ) -> None:
        """A terminal that lost its state is resent what it sent to the broker, and says that it is too late."""
        delivery = 1
        if action == "CLOSE":
            opened.reports(1)
            master.does("CLOSE", 1)
            opened.receives()
            delivery = 2
        reports = [
            opened.report(delivery, "UNKNOWN", code="TRG06"),
            opened.report(delivery, "REJECTED", code="TRG01"),
            opened.report(delivery, "REJECTED", code="TRG01"),
        ]
        batches = [reports] if together else [[report] for report in reports]
        assert [v[1:] for batch in batches for v in plane.report(batch)] == [
            ("RECORDED", None),
            ("REPORT_DUPLICATE", None),
            ("REPORT_DUPLICATE", None),
        ]
        assert plane.value("select status from signals.reports where delivery_seq = %s", delivery) == "UNKNOWN"
        assert (opened.status(), opened.copy()["pending"]) == ("DELIVERED" if action == "OPEN" else "CLOSING", 1)
        assert opened.catches_up() == []
        opened.reports(delivery)
        assert opened.status() == ("OPEN" if action == "OPEN" else "CLOSED")
        assert plane.verify() == {}

    @pytest.mark.parametrize("order", list(permutations(["EXECUTED", "REJECTED"])))
    def test_nor_does_it_stand_in_the_way_of_the_answer(
        self, plane: Plane, opened: Copier, order: tuple[str, ...]
    ) -> None:
        opened.doubts(1)
        reports = {"EXECUTED": opened.report(1), "REJECTED": opened.report(1, "REJECTED", code="TRG01")}
        verdicts = plane.report([reports[status] for status in order])
        assert verdicts[order.index("EXECUTED")][1:] == ("RECORDED", None)
        assert (opened.status(), opened.holds()) == ("OPEN", {1: Decimal("0.1")})
        assert plane.verify() == {}


class TestTickets:
    @pytest.mark.parametrize("together", [False, True])
    def test_a_ticket_opens_one_position(self, plane: Plane, master: Master, opened: Copier, together: bool) -> None:
        master.does("OPEN", 2)
        opened.receives()
        reports = [opened.report(1, ticket=5), opened.report(2, ticket=5)]
        batches = [reports] if together else [[report] for report in reports]
        assert [v[1:] for batch in batches for v in plane.report(batch)] == [
            ("RECORDED", None),
            ("REPORT_CONFLICT", "TRR04"),
        ]
        assert opened.copy(2)["pending"] == 1
        assert plane.events() == ["TRR04"]
        assert opened.reports(2, ticket=6).verdict == "RECORDED"
        assert plane.verify() == {}

    def test_the_close_of_a_position_has_its_ticket(self, master: Master, opened: Copier) -> None:
        opened.reports(1, ticket=5)
        master.does("CLOSE", 1)
        opened.receives()
        assert opened.reports(2, ticket=5).verdict == "RECORDED"

    def test_two_subscriptions_may_have_the_same_ticket(self, plane: Plane, master: Master, opened: Copier) -> None:
        other = plane.copier(master)
        master.does("OPEN", 2)
        plane.pump(opened.lane)
        other.receives()
        assert [copier.reports(1, ticket=5).verdict for copier in (opened, other)] == ["RECORDED"] * 2


class TestHeldVolume:
    def test_of_an_opening_filled_in_part_is_what_was_filled(self, plane: Plane, opened: Copier) -> None:
        opened.reports(1, volume="0.06")
        assert opened.holds() == {1: Decimal("0.06")}
        assert opened.catches_up() == []
        assert plane.verify() == {}

    def test_more_than_was_decided_is_recorded_as_it_is(self, plane: Plane, opened: Copier) -> None:
        assert opened.reports(1, volume="0.11")[1:] == ("RECORDED", None)
        event = plane.record("select * from signals.protection_events")
        assert (event["origin"], event["code"], event["seq"]) == ("PLANE", "TRR05", 1)
        assert opened.holds() == {1: Decimal("0.11")}
        assert plane.verify() == {}

    def test_of_a_close_filled_in_part_is_the_rest_and_the_copy_is_not_closed(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        opened.reports(1)
        master.does("CLOSE", 1)
        opened.receives()
        opened.reports(2, volume="0.04")
        assert (opened.status(), opened.holds()) == ("CLOSING", {1: Decimal("0.06")})
        assert plane.verify() == {}

    def test_a_partial_close_that_found_nothing_to_trade_says_what_is_held(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        """The follower had cut it by hand: no more is held than was to remain."""
        opened.reports(1)
        master.does("PARTIAL_CLOSE", 1, volume="0.04")
        opened.receives()
        opened.reports(2, price=0, volume=0)
        assert opened.holds() == {1: Decimal("0.04")}
        assert opened.catches_up() == []
        assert plane.verify() == {}

    def test_but_nothing_that_was_not_held_before(self, plane: Plane, master: Master, opened: Copier) -> None:
        opened.reports(1, volume="0.03")
        master.does("PARTIAL_CLOSE", 1, volume="0.04")
        opened.receives()
        opened.reports(2, price=0, volume=0)
        assert opened.holds() == {1: Decimal("0.03")}
        assert plane.verify() == {}

    def test_a_cancelled_order_holds_nothing(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("PLACE", 1)
        master.does("CANCEL", 1)
        copier.receives()
        copier.reports(1)
        assert copier.holds() == {1: Decimal("0.1")}
        copier.reports(2, price=0, volume=0)
        assert (copier.status(), copier.holds()) == ("CLOSED", {})
        assert plane.verify() == {}

    @pytest.mark.parametrize("together", [False, True])
    @pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
    def test_adds_up_in_any_order(
        self, plane: Plane, master: Master, opened: Copier, order: tuple[int, ...], together: bool
    ) -> None:
        master.does("PARTIAL_CLOSE", 1, volume="0.07")
        master.does("PARTIAL_CLOSE", 1, volume="0.02")
        opened.receives()
        volumes = {1: "0.10", 2: "0.03", 3: "0.05"}
        reports = [opened.report(delivery, volume=volumes[delivery]) for delivery in order]
        for batch in [reports] if together else [[report] for report in reports]:
            plane.report(batch)
            assert plane.verify() == {}
        copy = opened.copy()
        assert (copy["status"], copy["held_volume"], copy["target_volume"], copy["pending"]) == (
            "OPEN", Decimal("0.02"), Decimal("0.02"), 0,
        )  # fmt: skip

    def test_a_close_that_was_asked_for_by_a_protection_says_so(self, plane: Plane, opened: Copier) -> None:
        opened.reports(1)
        opened.beats("10000")
        plane.protect(opened.portfolio, "EQUITY_FLOOR", "9000", action="CLOSE_ALL")
        opened.beats("9000")
        opened.reports(2)
        assert opened.copy()["closed_by"] == "PROTECTION"

    def test_a_refusal_of_stops_forgets_them_and_takes_nothing_else(self, master: Master, opened: Copier) -> None:
        opened.reports(1)
        master.does("MODIFY", 1, stop_loss="1.05")
        opened.receives()
        assert opened.copy()["stop_loss"] == Decimal("1.05")
        opened.reports(2, "FAILED")
        copy = opened.copy()
        assert (copy["status"], copy["held_volume"], copy["stop_loss"]) == ("OPEN", Decimal("0.1"), None)
