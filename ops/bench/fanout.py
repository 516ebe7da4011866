"""`ecp bench fanout`: one signal → its last delivery at many connected subscribers, with every decision stored.

The generator is one loop over epoll: a subscriber that only receives costs it one read, and what was read is taken
apart afterwards."""

import resource
import secrets
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg import Connection

from gateway import ecp_pb2 as pb
from gateway.client import now_us
from gateway.wire import Splitter, encode
from ops import scratch, serve
from ops.bench import load, market, prepared
from ops.bench.figures import Figures, percentile
from ops.errors import Refusal
from ops.paths import VAR
from ops.postgres import Stack

HOST = "127.0.0.1"
WAVE = 250
"""Connections that say hello at once: a hello must be answered within seconds, and each is a commit."""
WARM_UP = 3
HEARTBEAT_S = 5.0
PATIENCE_S = 30.0
CAP = 1 << 24
SPARE = 200
"""Descriptors beside the subscribers' own."""
MAKE: LiteralString = """
    with accounts as materialized (
        select access.create_account(%(name)s || n, array['subscriber']) as account_id
        from generate_series(1, %(count)s) as n
    ), subscriptions as materialized (
        select account_id, signals.subscribe(account_id, %(stream)s, %(settings)s) as subscription_id from accounts
    )
    select s.subscription_id, l.token
    from subscriptions as s, access.issue_license(s.account_id, 'subscribe') as l
"""


@dataclass(frozen=True)
class Result(Figures):
    """Latencies in ms from when a signal was due to the arrival of the last delivery that it caused."""

    subscribers: int
    gateways: int
    signals_rate: float
    signals: int
    rate: float
    """Deliveries a second."""
    p50_ms: float
    p99_ms: float
    max_ms: float
    first_p50_ms: float
    """To the first of the deliveries."""
    decisions: int
    decisions_expected: int
    deliveries: int
    deliveries_expected: int
    connected_s: float
    """How long it took until all were connected."""

    @property
    def complete(self) -> bool:
        """Whether every subscriber got every signal, and every decision is stored."""
        return (self.decisions, self.deliveries) == (self.decisions_expected, self.deliveries_expected)

    def lines(self) -> Iterator[str]:
        yield (
            f"{self.signals} signals, {self.signals_rate:g}/s, to {self.subscribers} subscribers on {self.gateways} "
            f"gateway{'s' * (self.gateways > 1)} (connected within {self.connected_s} s)"
        )
        yield (
            f"{self.decisions} of {self.decisions_expected} decisions stored, "
            f"{self.deliveries} of {self.deliveries_expected} deliveries arrived, {self.rate:,.0f}/s"
        )
        yield (
            f"due → last delivery: p50 {self.p50_ms} ms, p99 {self.p99_ms} ms, max {self.max_ms} ms; "
            f"first delivery: p50 {self.first_p50_ms} ms"
        )


def run(stack: Stack, *, subscribers: int, rate: float, seconds: float, gateways: int) -> Result:
    """One master at `rate` signals a second, each to `subscribers` connections, which several gateways on one port
    share. Raises TRD19 when the system does not allow so many connections."""
    allow_descriptors(subscribers + SPARE)
    url = scratch.database(stack, "ecp_bench")
    with psycopg.connect(url, autocommit=True) as database:
        (master,) = market.masters(database, 1, ttl_ms=60_000)
        tokens = _subscriptions(database, subscribers, master.stream_id)
        database.execute("analyze")
        # Nobody here reports what was done, and what follows from that is another bench's business.
        database.execute("delete from ops.jobs where name = 'escalate'")
    count = max(1, round(rate * seconds))
    with ExitStack() as running:
        # Beside the figures, thousands of lines about connections that end with the bench would be in the way.
        VAR.mkdir(exist_ok=True)
        log = running.enter_context((VAR / "bench-gateway.log").open("w"))
        options = {"ECP_MAX_CLIENTS": str(subscribers + SPARE), "ECP_REUSE_PORT": str(gateways > 1)}
        port = 0
        for _ in range(gateways):
            port = running.enter_context(serve.process(url, port=port, options=options, log=log)).port
        crowd = running.enter_context(Crowd(port, tokens))
        publisher = running.enter_context(Publisher(port, master, crowd))
        signed = prepared.signals(master.stream_id, WARM_UP + count)
        load.hold_gc()
        for one in signed[:WARM_UP]:  # plans and caches
            publisher.publish(one, time.monotonic())
            crowd.until(lambda: crowd.has_all(publisher.last_seq), PATIENCE_S)
        start = time.monotonic() + 0.1
        for number, one in enumerate(signed[WARM_UP:]):
            due = start + number / rate
            crowd.until(lambda: False, due - time.monotonic())
            publisher.publish(one, due)
        crowd.until(lambda: crowd.has_all(publisher.last_seq), PATIENCE_S)
        crowd.decode()
    measured = range(WARM_UP + 1, WARM_UP + count + 1)
    arrived = sum(crowd.arrived[seq] for seq in measured)
    spans = [(crowd.last[seq] - publisher.due[seq]) * 1000 for seq in measured if seq in crowd.last]
    firsts = [(crowd.first[seq] - publisher.due[seq]) * 1000 for seq in measured if seq in crowd.first]
    ended = max(crowd.last.values(), default=start)
    with psycopg.connect(url, autocommit=True) as database:
        decisions = _decisions(database, master.stream_id)
    return Result(
        subscribers=subscribers,
        gateways=gateways,
        signals_rate=rate,
        signals=count,
        # A signal's turn ends when the next is due: who is done before that did not fall behind.
        rate=round(arrived / max(ended - start, count / rate), 1),
        p50_ms=percentile(spans, 0.5),
        p99_ms=percentile(spans, 0.99),
        max_ms=percentile(spans, 1),
        first_p50_ms=percentile(firsts, 0.5),
        decisions=decisions,
        decisions_expected=count * subscribers,
        deliveries=arrived,
        deliveries_expected=count * subscribers,
        connected_s=round(crowd.connected_s, 1),
    )


# The generator --------------------------------------------------------------------------------------------


@dataclass
class Crowd:
    """All subscribers, and whoever else is watched. `until` lets time pass: it reads, and keeps everybody alive."""

    port: int
    tokens: Sequence[tuple[int, str]]
    """Subscription and license of each."""
    arrived: Counter[int] = field(default_factory=Counter)
    """How many deliveries there were of each signal, by seq; once `decode` has been called."""
    first: dict[int, float] = field(default_factory=dict)
    last: dict[int, float] = field(default_factory=dict)
    """When, by `time.monotonic`."""
    connected_s: float = 0.0

    def __enter__(self) -> "Crowd":
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._splitters: dict[int, Splitter] = {}
        self._others: dict[int, Callable[[bytes], None]] = {}
        self._received: list[tuple[int, float, bytes]] = []
        self._pulse: list[int] = []
        self._next_beat, self._beat_at = 0, time.monotonic()
        began = time.monotonic()
        for begin in range(0, len(self.tokens), WAVE):
            self._join(self.tokens[begin : begin + WAVE])
            self.until(lambda: True, 0.0)
        self.connected_s = time.monotonic() - began
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets.values():
            one.close()
        self._epoll.close()

    def watch(self, one: socket.socket, received: Callable[[bytes], None]) -> None:
        """Read this one too, and keep it alive."""
        self._others[one.fileno()] = received
        self._sockets[one.fileno()] = one
        self._pulse.append(one.fileno())
        self._epoll.register(one.fileno(), select.EPOLLIN)

    def until(self, done: Callable[[], bool], seconds: float) -> None:
        """Read what comes for so many seconds, or until `done`, asked whenever nothing more is there."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            events = self._epoll.poll(max(0.0, min(left, 0.01)), 4096)
            for descriptor, _ in events:
                data = self._sockets[descriptor].recv(65_536)
                self._received.append((descriptor, time.monotonic(), data))
                if not data:
                    self._epoll.unregister(descriptor)
            self._beat()
            if left <= 0 or (not events and done()):
                return

    def has_all(self, seq: int) -> bool:
        """Whether every subscriber has that signal."""
        self.decode()
        return self.arrived[seq] == len(self.tokens)

    def decode(self) -> None:
        """Take apart what was received."""
        received, self._received = self._received, []
        for descriptor, at, data in received:
            other = self._others.get(descriptor)
            if other is not None:
                other(data)
                continue
            frames, _ = self._splitters[descriptor].feed(data)
            for frame in frames:
                for delivery in frame.deliveries.deliveries:
                    if not delivery.possible_duplicate:
                        self.arrived[delivery.seq] += 1
                        self.first.setdefault(delivery.seq, at)
                        self.last[delivery.seq] = at

    def _join(self, tokens: Sequence[tuple[int, str]]) -> None:
        """Hello and Subscribe in one breath: the gateway answers them one after the other."""
        joining = []
        for subscription_id, token in tokens:
            one = _dial(self.port)
            one.sendall(_hello(token) + encode(pb.Subscribe(subscription_id=subscription_id), 2))
            joining.append(one)
        for one in joining:
            splitter = Splitter(CAP)
            answer(one, splitter, "subscribed")
            self._sockets[one.fileno()] = one
            self._splitters[one.fileno()] = splitter
            self._pulse.append(one.fileno())
            self._epoll.register(one.fileno(), select.EPOLLIN)

    def _beat(self) -> None:
        """A heartbeat of each within HEARTBEAT_S, evenly."""
        now = time.monotonic()
        due = int((now - self._beat_at) / HEARTBEAT_S * len(self._pulse))
        if due:
            self._beat_at = now
            beat = encode(pb.Heartbeat(client_time_us=now_us()))
            for _ in range(min(due, len(self._pulse))):
                self._next_beat = (self._next_beat + 1) % len(self._pulse)
                self._sockets[self._pulse[self._next_beat]].send(beat)


class Publisher:
    """The master."""

    def __init__(self, port: int, master: market.Master, crowd: Crowd) -> None:
        self.due: dict[int, float] = {}
        self.last_seq = 0
        self._stream_id = master.stream_id
        self._splitter = Splitter(CAP)
        self._socket = _dial(port)
        self._socket.sendall(_hello(master.token) + encode(pb.OpenStream(stream=master.stream), 2))
        answer(self._socket, self._splitter, "stream_opened")
        crowd.watch(self._socket, self._answered)

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: object) -> None:
        """The crowd closes what it watches."""

    def publish(self, signed: pb.SignedSignal, due: float) -> None:
        self.last_seq += 1
        self.due[self.last_seq] = due
        self._socket.sendall(encode(pb.Publish(stream_id=self._stream_id, signals=[signed]), 2 + self.last_seq))

    def _answered(self, data: bytes) -> None:
        for frame in self._splitter.feed(data)[0]:
            wrong = [verdict for verdict in frame.ack.verdicts if verdict != pb.ACCEPTED]
            if wrong or frame.HasField("error"):
                raise Refusal("TRD14", f"the plane refused the bench: {frame}", "see var/bench-gateway.log")


def answer(one: socket.socket, splitter: Splitter, body: str) -> None:
    """Wait for a frame of that kind. Raises TRD14 with what came instead, or when nothing does."""
    while True:
        data = one.recv(65_536)
        frames, _ = splitter.feed(data)
        for frame in frames:
            if frame.WhichOneof("body") == body:
                return
            if frame.HasField("error"):
                raise Refusal("TRD14", f"the gateway refused a connection: {frame.error.code}", frame.error.hint)
        if not data:
            raise Refusal("TRD14", "the gateway closed a connection", "see var/bench-gateway.log")


def _dial(port: int) -> socket.socket:
    one = socket.create_connection((HOST, port), timeout=PATIENCE_S)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one


def _hello(token: str) -> bytes:
    hello = pb.Hello(
        protocol=1, token=token, instance=secrets.token_bytes(16), client="bench/1", client_time_us=now_us()
    )
    return encode(hello, 1)


# The set-up -----------------------------------------------------------------------------------------------


def _subscriptions(database: Connection[Any], count: int, stream_id: int) -> list[tuple[int, str]]:
    """So many subscriptions with an account and a license each: the subscription and the license's token."""
    made: list[tuple[int, str]] = []
    while len(made) < count:
        name = f"bench-{secrets.token_hex(6)}-"
        arguments = {
            "name": name,
            "count": min(1000, count - len(made)),
            "stream": stream_id,
            "settings": market.SETTINGS,
        }
        made.extend(database.execute(MAKE, arguments).fetchall())
    return made


def _decisions(database: Connection[Any], stream_id: int) -> int:
    row = database.execute(
        "select count(*) from signals.decisions where stream_id = %s and seq > %s and part = 0", [stream_id, WARM_UP]
    ).fetchone()
    assert row is not None
    return int(row[0])


def allow_descriptors(count: int) -> None:
    """For this process, and for those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))
    except (ValueError, PermissionError) as error:
        raise Refusal(
            "TRD19", f"{count} open files are needed, and {hard} are allowed", f"raise the limit: ulimit -Hn {count}"
        ) from error
