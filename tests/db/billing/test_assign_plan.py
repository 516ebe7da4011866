"""Which plan a subscription pays by, and from when on."""

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

from .conftest import Bank

pytestmark = pytest.mark.core


def refusal(bank: Bank, copier: Copier, plan: int | None, actor: str | None = "an operator") -> str:
    with pytest.raises(psycopg.Error) as raised:
        bank.assign(copier, plan, actor)
    return f"{raised.value.sqlstate} {raised.value.diag.message_detail}"


def test_the_first_plan_is_in_force_at_once(bank: Bank, master: Master, copier: Copier) -> None:
    plan = bank.plan(master.stream, performance_rate="0.2")
    bank.assign(copier, plan)
    bank.assign(copier, plan)
    agreement = bank.agreement(copier)
    assert (agreement["fee_plan_id"], agreement["next_plan_id"]) == (plan, None)


def test_a_later_one_waits_for_the_running_period_but_for_openings(bank: Bank, master: Master, copier: Copier) -> None:
    first, second = bank.plan(master.stream, flat=1), bank.plan(master.stream, flat=3)
    bank.assign(copier, first)
    bank.deposit(copier.account, 10)
    bank.assign(copier, second)
    agreement = bank.agreement(copier)
    assert (agreement["fee_plan_id"], agreement["next_plan_id"]) == (first, second)
    master.does("OPEN", 1)
    copier.receives()
    assert bank.holds(copier) == [(1, "HELD", 3, 0)]
    bank.assign(copier, first)
    assert bank.agreement(copier)["next_plan_id"] is None


def test_a_free_plan_ends_the_fees_and_the_lock(bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, flat=1)
    master.does("OPEN", 1)
    copier.receives()
    assert bank.state(copier) == "LOCKED_NO_FUNDS"
    bank.pays(copier)
    assert bank.state(copier) == "SYNCED"
    master.does("OPEN", 2)
    assert len(copier.receives()) == 1
    assert bank.holds(copier) == []


def test_what_cannot_be_is_refused_by_name(plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
    plan = bank.plan(master.stream, flat=1)
    assert "plan_of_the_stream" in refusal(bank, copier, bank.plan(plane.master().stream))
    assert "plan_of_the_stream" in refusal(bank, copier, 99)
    assert "plan_of_the_stream" in refusal(bank, copier, None)
    assert "actor_said" in refusal(bank, copier, plan, None)
    bank.assign(copier, plan)
    assert "currency_of_the_agreement" in refusal(bank, copier, bank.plan(master.stream, currency="EUR"))
    plane.transition(copier.subscription, "end")
    assert "subscription_lives" in refusal(bank, copier, plan)
    with pytest.raises(psycopg.Error) as raised:
        plane.answer("select billing.assign_plan(99, %s, 'x')", plan)
    assert raised.value.sqlstate == "TRS17"


def test_profit_is_charged_in_the_money_it_is_made_in(plane: Plane, bank: Bank, master: Master) -> None:
    account = plane.account("subscriber")
    copier = plane.copier(master, account=account, portfolio=plane.portfolio(account, "euros", currency="EUR"))
    assert "currency_of_the_portfolio" in refusal(bank, copier, bank.plan(master.stream, performance_rate="0.1"))
    bank.assign(copier, bank.plan(master.stream, flat=1))
    assert bank.has(account) == 0
