"""The simulated terminal and its broker, seen by an expert advisor and by the human beside it."""

import asyncio
import re

import pytest

from ops.mql5.program import Fault, Stuck
from tests.ops.mql5.conftest import Hire

OPEN = "open EURUSD BUY 0.50 0 0"
MARKET_ORDER = [
    "TRADE_TRANSACTION_ORDER_ADD ORDER_STATE_STARTED",
    "TRADE_TRANSACTION_DEAL_ADD DEAL_ENTRY_IN DEAL_REASON_EXPERT 0.50",
    "TRADE_TRANSACTION_ORDER_DELETE ORDER_STATE_FILLED",
    "TRADE_TRANSACTION_HISTORY_ADD ORDER_STATE_FILLED",
    "TRADE_TRANSACTION_REQUEST 10009 TRADE_ACTION_DEAL",
    "trade",
]


async def test_a_market_order_is_answered_first_and_told_as_events_afterwards(hire: Hire) -> None:
    trader = await hire()
    assert await trader.does(OPEN) == ["open 10009 error 0 deal 1 order 1 0.50 at 1.10010", *MARKET_ORDER]
    said = await trader.does("report", bid=1.102, ask=1.1021)
    (ticket,) = await trader.tickets()
    assert said[0] == (
        f"position {ticket} EURUSD POSITION_TYPE_BUY 0.50 1.10010 sl 0.00000 magic 77 "
        "[from the expert advisor, at som] 95.00"
    )
    assert said[1] == "deal DEAL_TYPE_BALANCE DEAL_ENTRY_IN 0.00 0.00000 100000.00"
    assert said[2] == "deal DEAL_TYPE_BUY DEAL_ENTRY_IN 0.50 1.10010 0.00"
    assert "money 100000.00 100095.00 550.05" in said


async def test_positions_of_a_hedging_account_are_closed_in_parts_and_by_each_other(hire: Hire) -> None:
    trader = await hire()
    await trader.does(OPEN, "open EURUSD SELL 0.20 0 0")
    first, second = await trader.tickets()
    assert (await trader.does(f"close {first} 0.10", bid=1.11, ask=1.1101))[0].startswith("close 10009")
    book = await trader.program.book()
    assert [held.real("volume") for held in book.positions] == [0.4, 0.2]
    assert book.account.real("balance") == pytest.approx(100_000 + 0.1 * 100_000 * 0.0099)
    assert any(line.startswith("close 10014") for line in await trader.does(f"close {first} 0.105"))
    assert "closeby 10009" in (await trader.does(f"closeby {first} {second}"))[0]
    assert await trader.tickets() == [first]
    assert (await trader.program.book()).positions[0].real("volume") == pytest.approx(0.2)
    assert "error 4753" in (await trader.does(f"close {second} 0.10"))[0]


async def test_a_netting_account_has_one_position_which_turns_round(hire: Hire) -> None:
    trader = await hire(mode="NETTING")
    await trader.does(OPEN, "open EURUSD BUY 0.50 0 0", "open EURUSD SELL 1.30 0 0")
    (held,) = (await trader.program.book()).positions
    assert (held["side"], held.real("volume")) == ("SELL", 0.3)
    assert held["id"] != held["ticket"]
    said = await trader.does("report")
    assert "deal DEAL_TYPE_SELL DEAL_ENTRY_INOUT 1.30 1.10000 -10.00" in said


@pytest.mark.parametrize(
    ("kind", "retcode", "held"),
    [
        ("REJECT", 10006, 0),
        ("REQUOTE", 10004, 0),
        ("CLOSED", 10018, 0),
        ("NO_MONEY", 10019, 0),
        ("BUSY", 10024, 0),
        ("LOCKED", 10028, 0),
        ("PARTIAL", 10010, 0.25),
        ("ANSWER_LOST", 10012, 0.5),
        ("ORDER_LOST", 10012, 0),
        ("HELD", 10012, 0),
        ("PLACED", 10008, 0),
    ],
)
async def test_an_order_meets_a_fault_and_the_next_one_does_not(
    hire: Hire, kind: Fault, retcode: int, held: float
) -> None:
    trader = await hire()
    await trader.program.fault(kind)
    said = await trader.does(OPEN)
    answer = next(line for line in said if line.startswith("open"))
    assert answer.startswith(f"open {retcode} error {0 if retcode in (10008, 10010) else 4756}")
    assert sum(one.real("volume") for one in (await trader.program.book()).positions) == held
    late = await trader.prints(trader.program.release)
    if kind in ("HELD", "PLACED"):
        assert "TRADE_TRANSACTION_DEAL_ADD DEAL_ENTRY_IN DEAL_REASON_EXPERT 0.50" in late
    else:
        assert late == []
    assert (await trader.does(OPEN))[0].startswith("open 10009")


async def test_a_requoted_order_fills_at_the_other_price_next(hire: Hire) -> None:
    trader = await hire()
    await trader.program.fault("REQUOTE", points=20)
    said = await trader.does(OPEN, OPEN)
    assert [line for line in said if line.startswith("open")][1].endswith("at 1.10030")


async def test_an_order_slips(hire: Hire) -> None:
    trader = await hire()
    await trader.program.fault("SLIP", points=7)
    assert (await trader.does(OPEN))[0].endswith("at 1.10017")


@pytest.mark.parametrize(
    ("order", "retcode"),
    [
        ("open EURUSD BUY 0.005 0 0", 10014),
        ("open EURUSD BUY 0.015 0 0", 10014),
        ("open EURUSD BUY 1000 0 0", 10014),
        ("open EURUSD BUY 95 0 0", 10019),
        ("open GBPUSD BUY 0.5 0 0", 10013),
        ("open EURUSD BUY 0.5 1.2 0", 10016),
        ("open EURUSD BUY 0.5 0 1.0999", 10016),
        ("open EURUSD BUY 0.5 1.050001 0", 10016),
        ("place EURUSD 2 0.5 1.2", 10015),
        ("cancel 12345", 10013),
    ],
)
async def test_what_a_broker_takes_from_nobody(hire: Hire, order: str, retcode: int) -> None:
    trader = await hire()
    said = await trader.does(order)
    assert any(line.startswith(f"{order.split(maxsplit=1)[0]} {retcode} error 4756") for line in said)
    assert await trader.tickets() == []


@pytest.mark.parametrize(
    ("settings", "retcode"),
    [
        ({"trade_mode": "DISABLED"}, 10017),
        ({"trade_mode": "CLOSE_ONLY"}, 10044),
        ({"trade_mode": "SHORT_ONLY"}, 10043),
        ({"open": 0}, 10018),
    ],
)
async def test_a_symbol_may_be_closed_in_part(hire: Hire, settings: dict[str, str | int], retcode: int) -> None:
    trader = await hire()
    await trader.program.command("symbol", name="EURUSD", **settings)
    assert any(line.startswith(f"open {retcode}") for line in await trader.does(OPEN))


@pytest.mark.parametrize(
    ("setting", "retcode"), [("autotrading", 10027), ("connected", 10031), ("trade_allowed", 10017)]
)
async def test_the_terminal_may_not_trade(hire: Hire, setting: str, retcode: int) -> None:
    trader = await hire()
    await trader.program.command("account", **{setting: 0})
    assert any(line.startswith(f"open {retcode}") for line in await trader.does(OPEN))


async def test_stops_and_pending_orders_are_filled_when_the_market_comes(hire: Hire) -> None:
    trader = await hire()
    await trader.does("open EURUSD BUY 0.50 1.0900 1.1100", "place EURUSD 2 0.30 1.0950", "place EURUSD 4 0.10 1.1050")
    assert [order.number("type") for order in (await trader.program.book()).orders] == [2, 4]
    said = await trader.prints(lambda: trader.program.quote("EURUSD", 1.0949, 1.095))
    assert "TRADE_TRANSACTION_DEAL_ADD DEAL_ENTRY_IN DEAL_REASON_EXPERT 0.30" in said
    said = await trader.prints(lambda: trader.program.quote("EURUSD", 1.0899, 1.09))
    assert "TRADE_TRANSACTION_DEAL_ADD DEAL_ENTRY_OUT DEAL_REASON_SL 0.50" in said
    deals = [one for one in await trader.program.history() if one.verb == "deal"]
    assert deals[-1]["comment"] == "[sl 1.09]"
    await trader.program.quote("EURUSD", 1.1051, 1.1052)
    assert (await trader.program.book()).orders == []
    ticket = (await trader.tickets())[0]
    assert "modify 10009" in (await trader.does(f"modify {ticket} 1.05 0", bid=1.1, ask=1.1001))[0]
    assert any("modify 10025" in line for line in await trader.does(f"modify {ticket} 1.05 0"))


async def test_the_human_trades_beside_it(hire: Hire) -> None:
    trader = await hire()
    program = trader.program
    said = await trader.prints(lambda: program.trade("EURUSD", "SELL", 0.2, comment="by hand"))
    assert "TRADE_TRANSACTION_DEAL_ADD DEAL_ENTRY_IN DEAL_REASON_CLIENT 0.20" in said
    (ticket,) = await trader.tickets()
    assert (await program.modify(ticket, stop_loss=1.2)).number("retcode") == 10009
    assert (await program.close(ticket, 0.05)).number("retcode") == 10009
    placed = await program.place("EURUSD", "BUY_LIMIT", 0.1, 1.05, comment="later")
    assert (await program.amend(placed.number("order"), 1.06)).number("retcode") == 10009
    assert (await program.book()).orders[0].real("price") == 1.06
    assert (await program.cancel(placed.number("order"))).number("retcode") == 10009
    assert (await program.close(ticket)).number("retcode") == 10009
    book = await program.book()
    assert (book.positions, book.orders) == ([], [])


async def test_the_account_outlives_the_terminal(hire: Hire) -> None:
    trader = await hire()
    await trader.does(OPEN, "open EURUSD SELL 0.20 0 0", bid=1.11, ask=1.1101)
    before = await trader.program.book()
    await trader.program.kill()
    journal = trader.home / "broker/journal.txt"
    journal.write_text(journal.read_text() + "send action=1 symbol=EURUSD type=0 vol")
    again = await hire(hold=True)
    assert await again.program.book() == before
    await again.program.quote("EURUSD", 1.0, 1.0001)
    await again.program.start()
    assert again.program.journal == []
    await again.program.kill()
    third = await hire()
    assert (await third.program.book()).account.real("equity") == pytest.approx(
        before.account.real("balance") - 0.5 * 100_000 * 0.1101 + 0.2 * 100_000 * 0.1099
    )
    assert re.search(r"vol$", journal.read_text()) is None


@pytest.mark.parametrize(("kind", "held"), [("KILL_BEFORE", 0), ("KILL_AFTER", 1)])
async def test_the_terminal_may_die_on_either_side_of_an_order(hire: Hire, kind: Fault, held: int) -> None:
    trader = await hire()
    await trader.program.fault(kind)
    with pytest.raises(Stuck):
        await trader.does(OPEN)
    assert await trader.program.wait() == -9
    again = await hire()
    assert len(await again.tickets()) == held
    assert (await again.does(OPEN))[0].startswith("open 10009")
    assert len(await again.tickets()) == held + 1


async def test_instant_execution_requotes_beyond_the_deviation(hire: Hire) -> None:
    trader = await hire(settings={"execution": "INSTANT"})
    answers = [
        (await trader.program.trade("EURUSD", "BUY", 0.1, price=price, deviation=10)).number("retcode")
        for price in (1.1000, 1.0999)
    ]
    assert answers == [10009, 10004]


async def test_an_account_has_one_terminal(hire: Hire) -> None:
    await hire()
    with pytest.raises(Stuck, match="the account is in use"):
        await hire()


async def test_events_begin_and_end_as_in_metatrader(hire: Hire) -> None:
    trader = await hire(inputs={"InpTimerMs": 20}, zone_s=7200)
    await trader.program.wait_journal("^timer$")
    assert "zone 2" in await trader.does("report")
    await trader.program.command("clock", jump_us=-3_600_000_000)
    assert await trader.program.stop() == 0
    assert trader.program.journal[-1] == "deinit 1"


async def test_a_program_that_does_not_initialize_is_removed(hire: Hire) -> None:
    trader = await hire(inputs={"InpRefuse": 32767})
    assert await trader.program.wait() == 1
    assert trader.program.journal == ["deinit 8"]
    assert (await trader.program.wait_report("initialized")).number("code") == 32767


async def test_an_input_that_does_not_exist_is_refused(hire: Hire) -> None:
    with pytest.raises(Stuck, match="InpWrong"):
        await hire(inputs={"InpWrong": 1})


async def test_a_signal_ends_it_in_order(hire: Hire) -> None:
    trader = await hire()
    trader.program.process.terminate()
    async with asyncio.timeout(10):
        assert await trader.program.wait() == 0
    assert trader.program.journal == ["deinit 9"]
