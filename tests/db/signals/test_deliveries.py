"""Deliveries: what a subscription is still owed, as often as it is asked for."""

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_what_came_after_the_last_one_is_delivered_in_order(plane: Plane, master: Master, copier: Copier) -> None:
    for action in ("OPEN", "MODIFY", "CLOSE"):
        master.does(action, 1)
    first = copier.receives()
    assert plane.deliveries([copier], after=0, resend=False) == first
    assert plane.deliveries([copier], after=1, resend=False) == first[1:]
    assert plane.deliveries([copier], after=3) == []
    assert plane.deliveries([copier], after=99) == []


def test_originals_that_are_resent_are_marked_and_otherwise_the_same(
    plane: Plane, master: Master, copier: Copier
) -> None:
    master.does("OPEN", 1)
    (first,) = copier.receives()
    (again,) = plane.deliveries([copier], resend=True)
    assert again.possible_duplicate
    assert again.__dict__ | {"possible_duplicate": False} == first.__dict__


@pytest.mark.parametrize(("after_us", "gap_fill"), [(0, False), (500_000, False), (500_001, True), (10**9, True)])
@pytest.mark.parametrize("resend", [False, True])
def test_an_opening_past_its_ttl_is_a_gap_fill(
    plane: Plane, master: Master, copier: Copier, after_us: int, gap_fill: bool, resend: bool
) -> None:
    master.does("OPEN", 1)
    copier.receives()
    plane.tick(microseconds=after_us)
    assert [each.gap_fill for each in plane.deliveries([copier], resend=resend)] == [gap_fill]


@pytest.mark.parametrize("action", ["CLOSE", "PARTIAL_CLOSE", "MODIFY", "AMEND", "CANCEL"])
def test_what_does_not_raise_exposure_is_never_a_gap_fill(
    plane: Plane, master: Master, copier: Copier, action: str
) -> None:
    master.does("OPEN", 1)
    master.does(action, 1, volume="0.05")
    copier.receives()
    plane.tick(days=300)
    opening, other = plane.deliveries([copier])
    assert opening.gap_fill
    assert (other.action, other.gap_fill) == (action, False)


@pytest.mark.parametrize("action", ["OPEN", "CLOSE", "PARTIAL_CLOSE", "MODIFY", "AMEND", "CANCEL"])
@pytest.mark.parametrize(
    ("status", "code"), [("EXECUTED", ""), ("REJECTED", "TRG03"), ("FAILED", "TRG04"), ("UNKNOWN", "TRG06")]
)
def test_what_was_reported_is_resent_to_be_counted_and_not_done(
    plane: Plane, master: Master, copier: Copier, action: str, status: str, code: str
) -> None:
    """Of an order without an answer only openings: a cut that may not have been done must not be lost."""
    if action != "OPEN":
        master.does("OPEN", 1)
    master.does(action, 1, volume="0.05")
    number = copier.receives()[-1].delivery_seq
    copier.reports(number, status, code=code)
    (again,) = plane.deliveries([copier], number - 1)
    assert (again.delivery_seq, again.possible_duplicate) == (number, True)
    assert again.gap_fill == (status != "UNKNOWN" or action == "OPEN")


def test_the_word_of_a_book_is_a_report_too(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    master.does("CLOSE", 1)
    copier.receives()
    plane.tick(seconds=30)
    copier.books()
    assert [each.gap_fill for each in plane.deliveries([copier])] == [True, True]


def test_what_is_delivered_for_the_first_time_is_no_gap_fill_whatever_was_reported(
    plane: Plane, master: Master, copier: Copier
) -> None:
    master.does("OPEN", 1)
    master.does("CLOSE", 1)
    copier.receives()
    copier.reports(2, "REJECTED", code="TRG03")
    assert [each.gap_fill for each in plane.deliveries([copier], resend=False)] == [False, False]


def test_the_limit_counts_for_each_subscription(plane: Plane, master: Master) -> None:
    copiers = [plane.copier(master, lane=2) for _ in range(2)]
    for _ in range(5):
        master.does("OPEN")
    plane.pump(2)
    got = plane.deliveries(copiers, after=1, limit=2)
    assert [(each.subscription_id, each.delivery_seq) for each in got] == [
        (copier.subscription, seq) for copier in copiers for seq in (2, 3)
    ]


def test_skipped_signals_leave_no_hole(plane: Plane, master: Master) -> None:
    copier = plane.copier(master, multiplier="0.1")
    for volume in ("0.10", "0.05", "0.20"):
        master.does("OPEN", volume=volume)
    copier.receives()
    assert [(each.delivery_seq, each.seq) for each in plane.deliveries([copier])] == [(1, 1), (2, 3)]


def test_another_lane_has_nothing_of_it(plane: Plane, master: Master) -> None:
    copier = plane.copier(master, lane=2)
    master.does("OPEN")
    copier.receives()
    copier.lane = 3
    assert plane.deliveries([copier]) == []


def test_nothing_is_null_on_the_wire(plane: Plane, master: Master, copier: Copier) -> None:
    bare = {"symbol": None, "side": None, "volume": None, "price": None, "stop_loss": None, "take_profit": None}
    master.does("OPEN", 1)
    master.does("CLOSE", 1, magic=None, order_type=None, **bare)
    copier.receives()
    close = plane.deliveries([copier], after=1)[0]
    assert None not in close.__dict__.values()
    assert (close.price_e8, close.magic, close.order_type, close.expires_at_us) == (0, 0, "MARKET", 0)
