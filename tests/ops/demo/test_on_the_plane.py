"""Terminal and broker against a real gateway: whatever goes wrong with orders, in the end plane and broker agree."""

import asyncio
import random
from typing import Any, Self

import pytest

from gateway import ecp_pb2 as pb
from gateway.client import Client
from gateway.server import Gateway
from ops.demo.bars import E8
from ops.demo.broker import Mode, PaperBroker
from ops.demo.faults import Fault, by_chance
from ops.demo.instrument import Instrument
from ops.demo.market import Market as Prices
from ops.demo.terminal import Terminal
from tests.gateway.conftest import Market, Master, Start

pytestmark = pytest.mark.core

FAULTS = {
    Fault.REJECT: 0.08, Fault.REQUOTE: 0.08, Fault.PARTIAL: 0.08, Fault.ANSWER_LOST: 0.08, Fault.ORDER_LOST: 0.08,
}  # fmt: skip
SIGNALS = 60  # of each master
ORDERS = 100  # after so many nothing goes wrong any more
RESTARTS = 0.1
STEP = E8 // 100

HELD = """
select position_id, side, held_volume
from signals.copies
where subscription_id = %s and held_volume <> 0
"""


class Trader:
    """A master that does at random what masters do."""

    def __init__(self, master: Master, client: Client, prices: Prices, chance: random.Random) -> None:
        self.client = client
        self._master, self._prices, self._chance = master, prices, chance
        self._volumes: dict[int, tuple[int, pb.Side]] = {}
        self._next = 1000

    @classmethod
    async def start(cls, master: Master, gateway: Gateway, prices: Prices, chance: random.Random) -> Self:
        client = await Client.connect(*gateway.address, master.token)
        await client.open_stream(master.stream)
        return cls(master, client, prices, chance)

    async def act(self) -> None:
        chance = self._chance
        now = self.client.plane_time_us()
        price = E8 + chance.randrange(-200, 200) * 1000
        self._prices.tick(now, price)
        if not self._volumes or chance.random() < 0.4:
            self._next += 1
            side, volume = chance.choice((pb.BUY, pb.SELL)), chance.randrange(5, 60) * STEP
            self._volumes[self._next] = (volume, side)
            fields: dict[str, Any] = {"action": pb.OPEN, "position_id": self._next, "side": side, "volume_e8": volume}
            if chance.random() < 0.2:
                fields |= {"action": pb.PLACE, "order_type": pb.LIMIT}
        else:
            position = chance.choice(list(self._volumes))
            volume, side = self._volumes[position]
            fields = {"position_id": position, "side": side}
            kind = chance.random()
            if kind < 0.35 and volume > STEP:
                remains = chance.randrange(1, volume // STEP) * STEP
                self._volumes[position] = (remains, side)
                fields |= {"action": pb.PARTIAL_CLOSE, "volume_e8": remains}
            elif kind < 0.6:
                away = chance.randrange(100, 400) * 1000
                fields |= {"action": pb.MODIFY, "stop_loss_e8": E8 - away if side == pb.BUY else E8 + away}
            else:
                del self._volumes[position]
                fields |= {"action": pb.CLOSE}
        ack = await self.client.publish(
            self._master.stream_id, self._master.signed(self.client, 1, price_e8=price, **fields)
        )
        assert list(ack.verdicts) == [pb.ACCEPTED], fields


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", ["HEDGING", "NETTING"])
async def test_books_agree_whatever_went_wrong_with_orders_and_terminal(
    start: Start,
    market: Market,
    mode: Mode,
    seed: int,
) -> None:
    gateway = await start(license_openings=1000)
    account = market.account("subscriber")
    portfolio = market.value("select signals.create_portfolio(%s, 'main', %s)", account, mode)
    masters = [market.master() for _ in range(2)]
    subscribe = 'select signals.subscribe(%s, %s, \'{"ttl": "60 s"}\', %s)'
    subscriptions = [market.value(subscribe, account, master.stream_id, portfolio) for master in masters]
    prices = Prices()
    prices.tick(0, E8)
    chance, faults = random.Random(seed), by_chance(seed, FAULTS)
    instrument = Instrument("EURUSD", prices, 2000)
    broker = PaperBroker([instrument], mode=mode, faults=lambda order: faults(order) if order < ORDERS else None)
    terminal = Terminal(market.license(account, "subscribe"), gateway.address[1], broker, subscriptions)
    await terminal.connect()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(terminal.run())
        traders = [await Trader.start(master, gateway, prices, chance) for master in masters]
        for _ in range(SIGNALS):
            for trader in traders:
                await trader.act()
            if chance.random() < RESTARTS:
                await terminal.restart(lose_state=chance.random() < 0.5)
        async with asyncio.timeout(60):
            # A heartbeat tells what is in doubt; what catch-up makes of that comes before the next.
            for _ in range(4):
                await terminal.pulse()
                for subscription in subscriptions:
                    await terminal.quiet()
                    await terminal.newest(subscription)
                await terminal.quiet()
        running.cancel()
    for client in (terminal.client, *(trader.client for trader in traders)):
        await client.close()

    books = terminal.execution.books
    held = {key: (copy.side, copy.volume) for key, copy in books.copies.items()}
    held |= {decision.key: (order.side, order.volume) for order, decision in books.all_pending()}
    known = {
        (subscription, position): (side, int(volume * E8))
        for subscription in subscriptions
        for position, side, volume in market.db.execute(HELD, [subscription])
    }
    assert held == known
    assert len(held) > 5
    assert market.db.execute("select name, detail from ops.verify() where not ok").fetchall() == []
    assert market.db.execute("select * from signals.protection_events where code='TRR03'").fetchall() == []
