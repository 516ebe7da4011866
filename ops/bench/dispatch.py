"""`ecp bench dispatch`: ack → last delivery, one stream copied by many subscriptions of mixed settings."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, LiteralString

import psycopg
import uvloop

from gateway import ecp_pb2 as pb
from gateway.client import Client, OnDeliveries
from ops import scratch
from ops.bench import cost, load, market, population
from ops.bench.figures import Figures, percentile
from ops.postgres import Stack
from ops.serve import gateway

# A master whose account is told, so that ratios have what to divide by, and whose stops tell the risk.
TEMPLATE = pb.Signal(
    magic=market.MAGIC,
    stop_loss_e8=107_019_000,
    take_profit_e8=107_619_000,
    balance_e8=20_000 * load.E8,
    equity_e8=21_000 * load.E8,
)
PAST = 250
"""Signals, with which pages of an index fill up once."""
WARM_UP = 6
PATIENCE_S = 30.0
DELIVERED: LiteralString = "select subscription_id, delivery_seq from signals.subscription_heads"


@dataclass(frozen=True)
class Result(Figures):
    """Latencies in ms from a signal's ack at the master to the arrival of the last delivery that it caused."""

    subscriptions: int
    rate: float
    signals: int
    decisions: int
    decisions_expected: int
    deliveries: int
    deliveries_expected: int
    p50_ms: float
    p99_ms: float
    generator_ms: float
    """Of the median latency, what the generator's own process computed meanwhile."""
    us_per_decision: dict[str, float]
    catch_up_ms: float
    """For 500 positions, all of which must be opened."""
    catch_up_in_step_ms: float
    """For 500 positions, all of which are open already."""

    @property
    def complete(self) -> bool:
        """Whether every subscription got its decision on every signal, and every delivery arrived."""
        return (self.decisions, self.deliveries) == (self.decisions_expected, self.deliveries_expected)

    def lines(self) -> Iterator[str]:
        yield (
            f"{self.signals} signals to {self.subscriptions} subscriptions, {self.rate:g}/s: "
            f"{self.decisions} of {self.decisions_expected} decisions, "
            f"{self.deliveries} of {self.deliveries_expected} deliveries arrived"
        )
        yield (
            f"ack → last delivery: p50 {self.p50_ms} ms, p99 {self.p99_ms} ms "
            f"(the generator computed for {self.generator_ms} ms of it)"
        )
        yield "a decision inside Postgres: " + ", ".join(f"{mode} {us} µs" for mode, us in self.us_per_decision.items())
        yield (
            f"catch-up of {cost.POSITIONS} positions: {self.catch_up_ms} ms to open them all, "
            f"{self.catch_up_in_step_ms} ms when they are open"
        )


def run(stack: Stack, *, subscriptions: int, rate: float, seconds: float, lanes: int) -> Result:
    """One master at `rate` signals a second, each decided for every subscription. A database that is given
    keeps its lanes."""
    url = scratch.database(stack, "ecp_bench", lanes=lanes)
    with psycopg.connect(url, autocommit=True) as connection:
        (master,) = market.masters(connection, 1, ttl_ms=5_000)
        accounts = market.accounts(connection, subscriptions, master.stream_id)
        population.past(connection, master.stream_id, PAST)
        population.settle(connection)
        delivered: dict[int, int] = dict(connection.execute(DELIVERED).fetchall())
    with gateway(url) as port:
        record = uvloop.run(_measure(port, master, accounts, delivered, rate, seconds))
    copying = sum(copy.copies for account in accounts for copy in account.copies)
    latencies = [max(0.0, record.last[seq] - acked) * 1000 for seq, acked in record.acked.items() if seq in record.last]
    with psycopg.connect(url, autocommit=True) as connection:
        return Result(
            subscriptions=subscriptions,
            rate=rate,
            signals=len(record.due),
            decisions=_decisions(connection, master.stream_id, min(record.due)),
            decisions_expected=len(record.due) * subscriptions,
            deliveries=sum(record.arrived[seq] for seq in record.due),
            deliveries_expected=len(record.due) * copying,
            p50_ms=percentile(latencies, 0.5),
            p99_ms=percentile(latencies, 0.99),
            generator_ms=percentile([cpu * 1000 for cpu in record.computed], 0.5),
            us_per_decision=cost.decisions(connection, master.stream_id),
            **cost.catch_up(connection),
        )


def _decisions(connection: psycopg.Connection[Any], stream_id: int, first: int) -> int:
    row = connection.execute(
        "select count(*) from signals.decisions where stream_id = %s and seq >= %s and part = 0", [stream_id, first]
    ).fetchone()
    assert row is not None
    return int(row[0])


@dataclass
class Record:
    """What happened when; signals by their seq. The loop's own clock counts whole milliseconds, so it is not used."""

    due: list[int] = field(default_factory=list)
    acked: dict[int, float] = field(default_factory=dict)
    last: dict[int, float] = field(default_factory=dict)
    arrived: Counter[int] = field(default_factory=Counter)
    computed: list[float] = field(default_factory=list)
    """CPU seconds of this process from an ack to the last bytes that followed it."""
    # Bytes as they came: decoding them on arrival would delay the stamp of those that come next.
    received: list[tuple["Subscriber", float, bytes]] = field(default_factory=list)
    at: float = 0.0
    cpu: float = 0.0

    def decode(self) -> None:
        """Take in what has been received since the last time, and let it be reported."""
        received, self.received = self.received, []
        for client, at, data in received:
            self.at = at
            client.decode(data)

    def delivered(self, delivery: pb.Delivery) -> None:
        if not delivery.possible_duplicate:
            self.arrived[delivery.seq] += 1
            self.last[delivery.seq] = self.at


class Subscriber(Client):
    """Executes whatever it is told. With a `record` it only stamps what it receives, until that is decoded."""

    record: Record | None = None

    def __init__(self, on_deliveries: OnDeliveries | None = None) -> None:
        super().__init__(on_deliveries)
        # Of each position of each subscription, as the broker would know it.
        self._held: dict[tuple[int, int], int] = {}

    def data_received(self, data: bytes) -> None:
        if self.record is None:
            self.decode(data)
        else:
            self.record.received.append((self, time.perf_counter(), data))
            self.record.cpu = time.process_time()

    def decode(self, data: bytes) -> None:
        super().data_received(data)

    def execute(self, deliveries: Sequence[pb.Delivery]) -> None:
        if self.record is not None:
            for delivery in deliveries:
                self.record.delivered(delivery)
        self.report([self._executed(delivery) for delivery in deliveries])

    def _executed(self, delivery: pb.Delivery) -> pb.Report:
        position = (delivery.subscription_id, delivery.position_id)
        if delivery.action == pb.OPEN:
            self._held[position] = delivery.volume_e8
        return load.executed(self, delivery, self._held[position], delivery.price_e8)


async def _measure(
    port: int,
    master: market.Master,
    accounts: list[market.Account],
    delivered: dict[int, int],
    rate: float,
    seconds: float,
) -> Record:
    record = Record()
    clients = await asyncio.gather(*(_connect(port, account, delivered) for account in accounts))
    publisher = await load.Publisher.connect(port, master, TEMPLATE)
    await load.first_signal(publisher)
    for _ in range(WARM_UP):  # plans and caches
        await publisher.client.publish(master.stream_id, publisher.signals(1))
        await asyncio.sleep(min(1 / rate, 0.2))
    for client in clients:
        client.record = record
    await _offer(record, publisher, rate, round(rate * seconds))
    expected = sum(copy.copies for account in accounts for copy in account.copies)
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while any(record.arrived[seq] < expected for seq in record.due) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)
        record.decode()
    for client in clients:
        client.record = None
    await asyncio.gather(publisher.client.close(), *(client.close() for client in clients))
    return record


async def _connect(port: int, account: market.Account, delivered: dict[int, int]) -> Subscriber:
    """Connected, with the specifications and the account of each portfolio told."""
    client = await Subscriber.connect("127.0.0.1", port, account.token)
    client.on_deliveries = client.execute
    for copy in account.copies:
        await client.subscribe(copy.subscription_id, delivered[copy.subscription_id])
        await client.specifications(copy.portfolio_id, load.specifications(copy.suffix))
        state = pb.SubscriptionState(subscription_id=copy.subscription_id)
        told = await client.account_state(
            copy.portfolio_id, balance_e8=10_000 * load.E8, equity_e8=10_500 * load.E8, subscriptions=[state]
        )
        assert not told.refusals, told.refusals[0]
    return client


async def _offer(record: Record, publisher: load.Publisher, rate: float, count: int) -> None:
    """Signals on their schedule, whatever has arrived. What has is decoded and reported half-way to the next one,
    when the deliveries should have arrived and the reports have time to be stored."""
    loop = asyncio.get_running_loop()
    load.hold_gc()
    start = loop.time() + 0.05
    answers = []
    for number in range(count):
        await asyncio.sleep(max(0.0, start + number / rate - loop.time()))
        began: list[float] = []
        answer = publisher.client.publish(publisher.stream_id, publisher.signals(1))
        record.due.append(publisher.seq)
        answer.add_done_callback(partial(_acked, record, publisher.seq, began))
        answers.append(answer)
        await asyncio.sleep(max(0.0, start + (number + 0.5) / rate - loop.time()))
        if began and record.cpu > began[0]:
            record.computed.append(record.cpu - began[0])
        record.decode()
    await asyncio.wait(answers, timeout=PATIENCE_S)
    gc.enable()


def _acked(record: Record, seq: int, began: list[float], answer: "asyncio.Future[pb.Ack]") -> None:
    if not answer.cancelled() and not answer.exception() and answer.result().verdicts == [pb.ACCEPTED]:
        record.acked[seq] = time.perf_counter()
        began.append(time.process_time())
