"""Holds: no fee-bearing delivery without its hold, in the transaction that decides it."""

from decimal import Decimal

import pytest

from tests.db.plane import Copier, Master, Plane, run_together

from .conftest import Bank

pytestmark = pytest.mark.core


@pytest.fixture
def payer(bank: Bank, copier: Copier) -> Copier:
    """Pays two dollars a copy, and has ten."""
    return bank.pays(copier, 10, flat=2, platform_share="0.25")


def test_an_opening_that_is_delivered_holds_its_fee(plane: Plane, bank: Bank, master: Master, payer: Copier) -> None:
    master.does("OPEN", 1)
    assert len(payer.receives()) == 1
    assert bank.holds(payer) == [(1, "HELD", 2, 0)]
    assert (bank.has(payer.account), bank.held(payer.account)) == (10, 2)
    assert plane.verify() == {}


def test_what_manages_or_cuts_costs_nothing(bank: Bank, master: Master, payer: Copier) -> None:
    master.does("OPEN", 1)
    payer.receives()
    payer.reports(1)
    for action in ("MODIFY", "PARTIAL_CLOSE", "CLOSE"):
        master.does(action, 1, volume="0.05")
    assert len(payer.receives()) == 3
    assert [each[:2] for each in bank.holds(payer)] == [(1, "POSTED")]


def test_what_is_skipped_holds_nothing(plane: Plane, bank: Bank, master: Master, payer: Copier) -> None:
    payer.plane.write_settings(payer.subscription, symbols=["GBPUSD"])
    master.does("OPEN", 1)
    assert payer.receives() == []
    assert payer.reasons() == ["SYMBOL_FILTERED"]
    assert bank.holds(payer) == []
    assert plane.verify() == {}


def test_per_lot_is_by_the_lots_that_were_decided(bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, 10, flat=1, per_lot="5", minimum="1.60")
    master.does("OPEN", 1, volume="0.30")
    master.does("OPEN", 2, volume="0.10")
    copier.receives()
    assert [amount for _, _, amount, _ in bank.holds(copier)] == [Decimal("2.50"), Decimal("1.60")]


def test_a_fee_below_the_smallest_unit_is_none(plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, per_lot="0.01")
    master.does("OPEN", 1, volume="0.10")
    assert len(copier.receives()) == 1
    assert bank.holds(copier) == []
    copier.reports(1)
    assert plane.verify() == {}


def test_an_empty_wallet_misses_the_opening_and_locks_in_the_same_transaction(
    plane: Plane, bank: Bank, master: Master, copier: Copier
) -> None:
    bank.pays(copier, "1.99", flat=2)
    master.does("OPEN", 1)
    assert copier.receives() == []
    assert copier.reasons() == ["LOCKED_NO_FUNDS"]
    assert copier.status() == "MISSED"
    assert bank.state(copier) == "LOCKED_NO_FUNDS"
    assert bank.changes(copier) == [("no_funds", "plane")]
    assert bank.held(copier.account) == 0
    assert plane.verify() == {}
    stamps = plane.rows(
        "select xmin::text from signals.decisions union select xmin::text from signals.subscription_events"
        " where cause = 'no_funds' union select xmin::text from signals.subscriptions"
    )
    assert len(stamps) == 1


def test_a_locked_subscription_still_cuts_what_it_holds(bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, 2, flat=2)
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    master.does("OPEN", 2)
    master.does("CLOSE", 1)
    assert [each.action for each in copier.receives()] == ["CLOSE"]
    assert bank.state(copier) == "LOCKED_NO_FUNDS"


def test_within_one_dispatch_each_opening_needs_its_own(bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, 5, flat=2)
    for position in range(1, 6):
        master.does("OPEN", position)
    assert len(copier.receives()) == 2
    assert copier.reasons() == ["COPIED", "COPIED", *["LOCKED_NO_FUNDS"] * 3]
    assert [each[:2] for each in bank.holds(copier)] == [(1, "HELD"), (2, "HELD")]


@pytest.mark.parametrize("affordable", [0, 1, 3, 5])
def test_subscriptions_of_one_wallet_compete_in_their_order(
    plane: Plane, bank: Bank, master: Master, affordable: int
) -> None:
    account = bank.wallet(affordable * 2, lane=2)
    plan = bank.plan(master.stream, flat=2)
    copiers = []
    for number in range(5):
        copier = plane.copier(master, account=account, portfolio=plane.portfolio(account, f"p{number}"))
        bank.assign(copier, plan)
        copiers.append(copier)
    master.does("OPEN", 1)
    plane.pump(2)
    assert [copier.reasons()[0] for copier in copiers] == [
        *["COPIED"] * affordable, *["LOCKED_NO_FUNDS"] * (5 - affordable),
    ]  # fmt: skip
    assert bank.held(account) == affordable * 2
    assert plane.verify() == {}


def test_what_the_rest_is_enough_for_is_granted_whatever_was_refused_before(
    plane: Plane, bank: Bank, master: Master
) -> None:
    account = bank.wallet(5, lane=2)
    copiers = []
    for number, fee in enumerate([3, 4, 2]):
        copier = plane.copier(master, account=account, portfolio=plane.portfolio(account, f"p{number}"))
        bank.assign(copier, bank.plan(master.stream, flat=fee))
        copiers.append(copier)
    master.does("OPEN", 1)
    plane.pump(2)
    assert [copier.reasons()[0] for copier in copiers] == ["COPIED", "LOCKED_NO_FUNDS", "COPIED"]
    assert plane.verify() == {}


def test_who_pays_nothing_is_not_concerned(plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
    poor = bank.pays(plane.copier(master, lane=copier.lane), flat=2)
    master.does("OPEN", 1)
    plane.pump(copier.lane)
    assert (copier.reasons(), poor.reasons()) == (["COPIED"], ["LOCKED_NO_FUNDS"])
    assert bank.holds(copier) == []


def test_late_join_holds_and_waits_for_funds(plane: Plane, bank: Bank, master: Master) -> None:
    for position in (1, 2, 3):
        master.does("OPEN", position)
        plane.tick(milliseconds=1)
    plane.pump(2)
    copier = plane.copier(master, lane=2)
    copier.uploads("EURUSD")
    bank.pays(copier, 5, flat=2)
    plane.write_settings(copier.subscription, late_join="ALL")
    assert len(copier.catches_up()) == 2
    assert [each[:2] for each in bank.holds(copier)] == [(1, "HELD"), (2, "HELD")]
    assert bank.state(copier) == "LOCKED_NO_FUNDS"
    assert copier.catches_up() == []
    bank.deposit(copier.account, 1)
    assert bank.state(copier) == "SYNCED"
    assert [each.position_id for each in copier.catches_up()] == [3]
    assert plane.verify() == {}


def test_late_openings_are_numbered_behind_the_closes(plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
    copier.uploads("EURUSD")
    bank.pays(copier, 100, flat=2)
    plane.write_settings(copier.subscription, late_join="ALL")
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    plane.transition(copier.subscription, "user_pause")
    master.does("OPEN", 2)
    copier.receives()
    plane.transition(copier.subscription, "user_resume")
    plane.admin.execute("delete from signals.positions where position_id = 1")
    assert [(each.action, each.position_id) for each in copier.catches_up()] == [("CLOSE", 1), ("OPEN", 2)]
    assert [each[:2] for each in bank.holds(copier)] == [(1, "POSTED"), (3, "HELD")]


def test_wallets_are_never_oversold_by_dispatches_at_once(plane: Plane, bank: Bank) -> None:
    """Streams in any order, one wallet, and withdrawals meanwhile."""
    masters = [plane.master(lane=1, rate=100_000, burst=100_000) for _ in range(3)]
    account = bank.wallet(40, lane=2)
    copiers = [plane.copier(master, account=account) for master in masters]
    for copier, master in zip(copiers, masters, strict=True):
        bank.assign(copier, bank.plan(master.stream, flat=2))
        master.send(*[master.signal("OPEN", position) for position in range(1, 16)])

    def dispatch(number: int) -> None:
        with plane.connect("ecp_gateway") as connection:
            for _ in range(15):
                positions = [each for each in plane.routes(2, connection) if each.stream_id == masters[number].stream]
                plane.dispatch(2, positions, plane.feed(positions, 1, connection), connection)

    def withdraw() -> None:
        for _ in range(10):
            bank.withdraw(account, 1)

    run_together(lambda: dispatch(0), lambda: dispatch(1), lambda: dispatch(2), withdraw)
    copied = sum(copier.reasons().count("COPIED") for copier in copiers)
    assert bank.held(account) == 2 * copied
    assert bank.has(account) == 30
    assert copied == 15
    assert plane.verify() == {}


def test_an_opening_that_is_free_keeps_its_number(plane: Plane, bank: Bank, master: Master) -> None:
    master.does("OPEN", 1, volume="0.01")
    plane.tick(milliseconds=1)
    master.does("OPEN", 2, volume="5")
    plane.pump(2)
    copier = plane.copier(master, lane=2)
    copier.uploads("EURUSD")
    bank.pays(copier, 5, per_lot="0.1")
    plane.write_settings(copier.subscription, late_join="ALL")
    assert [each.position_id for each in copier.catches_up()] == [1, 2]
    assert [each[:3] for each in bank.holds(copier)] == [(2, "HELD", Decimal("0.50"))]
    assert plane.verify() == {}
