"""What becomes of a hold: posted when it was executed, voided when it was not, kept while nobody knows."""

from decimal import Decimal

import psycopg
import pytest

from tests.db.plane import Copier, Holding, Master, Plane

from .conftest import Bank

pytestmark = pytest.mark.core


@pytest.fixture
def payer(bank: Bank, master: Master, copier: Copier) -> Copier:
    """Pays two dollars a copy, a quarter of it to the platform; has ten, and one delivery."""
    bank.pays(copier, 10, flat=2, platform_share="0.25")
    master.does("OPEN", 1)
    copier.receives()
    return copier


def test_executed_is_charged_to_provider_and_platform(plane: Plane, bank: Bank, master: Master, payer: Copier) -> None:
    payer.reports(1)
    assert bank.holds(payer) == [(1, "POSTED", 2, 2)]
    assert (bank.has(payer.account), bank.held(payer.account)) == (8, 0)
    assert (bank.has(master.account, "PAYABLE"), bank.has(None, "REVENUE")) == (Decimal("1.50"), Decimal("0.50"))
    assert plane.verify() == {}


@pytest.mark.parametrize("status", ["REJECTED", "FAILED"])
def test_what_was_not_executed_is_released(plane: Plane, bank: Bank, payer: Copier, status: str) -> None:
    payer.reports(1, status)
    assert bank.holds(payer) == [(1, "VOIDED", 2, 0)]
    assert (bank.has(payer.account), bank.held(payer.account)) == (10, 0)
    assert plane.verify() == {}


def test_a_report_that_is_repeated_charges_once(plane: Plane, bank: Bank, payer: Copier) -> None:
    plane.report([payer.report(1)] * 3)
    payer.reports(1)
    payer.reports(1, "FAILED")
    assert bank.holds(payer) == [(1, "POSTED", 2, 2)]
    assert bank.has(payer.account) == 8
    assert plane.verify() == {}


def test_a_report_for_a_delivery_of_another_subscription_moves_nothing(
    plane: Plane, bank: Bank, master: Master, payer: Copier
) -> None:
    other = plane.copier(master, lane=payer.lane)
    assert plane.report([other.report(1, subscription=payer.subscription)])[0].code == "TRA06"
    assert plane.report([other.report(1)])[0].code == "TRR01"
    assert bank.holds(payer) == [(1, "HELD", 2, 0)]


def test_in_doubt_it_stays_held_until_it_is_settled(plane: Plane, bank: Bank, payer: Copier) -> None:
    payer.doubts(1)
    assert bank.holds(payer) == [(1, "HELD", 2, 0)]
    plane.tick(hours=48)
    assert bank.run("expire_holds") is None
    payer.reports(1)
    assert bank.holds(payer) == [(1, "POSTED", 2, 2)]
    assert plane.verify() == {}


@pytest.mark.parametrize(("status", "became"), [("EXECUTED", "POSTED"), ("FAILED", "VOIDED")])
def test_an_operator_who_settles_settles_the_money_too(
    plane: Plane, bank: Bank, payer: Copier, status: str, became: str
) -> None:
    payer.doubts(1)
    plane.answer(
        "select signals.settle(%s, 1, %s, 7, 0.1, 'an operator', 'asked the broker')", payer.subscription, status
    )
    assert [each[1] for each in bank.holds(payer)] == [became]
    assert plane.verify() == {}


def test_the_broker_s_book_settles_the_money_too(plane: Plane, bank: Bank, master: Master, payer: Copier) -> None:
    master.does("OPEN", 2)
    payer.receives()
    plane.tick(minutes=1)
    payer.books(Holding(7, 1, volume="0.10"))
    assert [each[1] for each in bank.holds(payer)] == ["POSTED", "VOIDED"]
    assert bank.held(payer.account) == 0
    assert plane.verify() == {}


def test_on_a_netting_account_too(plane: Plane, bank: Bank, master: Master) -> None:
    account = bank.wallet(10)
    portfolio = plane.portfolio(account, "net", "NETTING")
    copier = bank.pays(plane.copier(master, account=account, portfolio=portfolio), flat=2)
    master.does("OPEN", 1, volume="0.10")
    copier.receives()
    copier.books(Holding(7, volume="0.10"))
    assert bank.holds(copier) == [(1, "POSTED", 2, 2)]
    assert plane.verify() == {}


def test_per_lot_is_charged_by_what_was_filled(plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, 10, per_lot=10)
    for position in (1, 2):
        master.does("OPEN", position, volume="0.40")
    copier.receives()
    copier.reports(1, volume="0.10", ticket=1)
    copier.reports(2, volume="0.90", ticket=2)
    assert bank.holds(copier) == [(1, "POSTED", 4, 1), (2, "POSTED", 4, 4)]
    assert (bank.has(copier.account), bank.held(copier.account)) == (5, 0)
    assert plane.verify() == {}


def test_the_platform_s_share_loses_nothing_to_rounding(
    plane: Plane, bank: Bank, master: Master, copier: Copier
) -> None:
    bank.pays(copier, 10, flat="0.01", platform_share="0.3")
    for position in range(1, 11):
        master.does("OPEN", position)
    copier.receives()
    for delivery in range(1, 4):
        copier.reports(delivery, ticket=delivery)
    plane.report([copier.report(delivery, ticket=delivery) for delivery in range(4, 11)])
    assert bank.has(None, "REVENUE") == Decimal("0.03")
    assert bank.has(master.account, "PAYABLE") == Decimal("0.07")
    assert plane.verify() == {}


def test_what_is_released_unlocks_who_waits_for_it(bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, 2, flat=2)
    master.does("OPEN", 1)
    master.does("OPEN", 2)
    copier.receives()
    assert bank.state(copier) == "LOCKED_NO_FUNDS"
    copier.reports(1, "REJECTED", code="TRG02")
    assert bank.state(copier) == "SYNCED"
    assert bank.changes(copier) == [("no_funds", "plane"), ("funded", "plane")]


def test_a_deposit_that_is_enough_unlocks_and_a_smaller_one_does_not(
    plane: Plane, bank: Bank, master: Master, copier: Copier
) -> None:
    bank.pays(copier, flat=2)
    master.does("OPEN", 1)
    copier.receives()
    bank.deposit(copier.account, "1.99")
    assert bank.state(copier) == "LOCKED_NO_FUNDS"
    bank.deposit(copier.account, "0.01")
    assert bank.state(copier) == "SYNCED"
    assert bank.changes(copier) == [("no_funds", "plane"), ("funded", "plane")]
    assert plane.verify() == {}


def test_a_settled_hold_stays_as_it_is(plane: Plane, payer: Copier) -> None:
    payer.reports(1)
    for status in ("HELD", "POSTED", "VOIDED"):
        with pytest.raises(psycopg.Error) as raised:
            plane.admin.execute("update billing.holds set status = %s, posted = 0", [status])
        assert raised.value.sqlstate == "TRB06"


def test_a_delivery_is_charged_once_by_constraint(plane: Plane, payer: Copier) -> None:
    payer.reports(1)
    with pytest.raises(psycopg.errors.UniqueViolation, match="transfers_delivery_once"):
        plane.admin.execute(
            "select billing.charge(%s::smallint, array[(%s, 'COPY_FEE', 2, 1, fee_plan_id, null)::billing.due])"
            " from billing.agreements",
            [payer.lane, payer.subscription],
        )


def test_under_a_new_plan_an_old_hold_is_charged_by_the_old_one(
    plane: Plane, bank: Bank, master: Master, payer: Copier
) -> None:
    bank.assign(payer, bank.plan(master.stream, flat=3))
    master.does("OPEN", 2)
    payer.receives()
    plane.report([payer.report(1), payer.report(2, ticket=2)])
    assert bank.holds(payer) == [(1, "POSTED", 2, 2), (2, "POSTED", 3, 3)]
    assert plane.verify() == {}


def test_what_is_released_pays_what_is_owed(plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, 10, flat=10, management_rate="0.365", period="DAILY")
    copier.beats("20000", balance="10000")
    master.does("OPEN", 1)
    copier.receives()
    plane.tick(hours=12)
    bank.run("settle")
    assert (bank.has(copier.account), bank.held(copier.account), bank.agreement(copier)["arrears"]) == (10, 10, 5)
    copier.reports(1, "REJECTED", code="TRG02")
    assert (bank.has(copier.account), bank.held(copier.account), bank.agreement(copier)["arrears"]) == (5, 0, 0)
    assert bank.state(copier) == "SYNCED"
    assert plane.verify() == {}
