"""Mallory. What she tries, and what must come of it: she tampers on the master's wire, abuses a stream of her own,
and knocks at the door. Each attempt is recorded with the answer that was expected and the one that came."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway import ecp_pb2 as pb
from gateway.client import Client, Disconnected, Refusal, sign
from gateway.wire import encode
from ops.demo.bars import E8
from ops.demo.cast import ADVERSARY_BURST, TTL_MS, Cast, Publisher
from ops.demo.master import RETRY_S, Master
from ops.demo.strategy import Intent

ANSWER_S = 5.0


class Wiretap(NamedTuple):
    """Something to inject on the master's wire, made at that moment, and the verdict that must come back."""

    what: str
    expected: str
    make: Callable[[], pb.SignedSignal]


@dataclass(frozen=True)
class Attempt:
    """What was tried, and whether it came out as it must: codes of docs/errors.md, or verdicts."""

    what: str
    expected: str
    got: str

    @property
    def held(self) -> bool:
        return self.got == self.expected


class Adversary:
    """`sent` and `verdicts` count her signals, on whichever connection."""

    def __init__(self, cast: Cast, port: int) -> None:
        self.attempts: list[Attempt] = []
        self.sent = 0
        self.verdicts: Counter[str] = Counter()
        self._cast = cast
        self._port = port

    # On a stream of her own, as a provider with a valid license

    async def abuse(self) -> None:
        """Break every rule that binds an honest provider too."""
        own, master = self._cast.adversary, self._cast.master
        client = await self._client(own.token)
        try:
            await self._abuse(client, own, master)
        finally:
            await client.close()

    async def _abuse(self, client: Client, own: Publisher, master: Publisher) -> None:
        opened = await client.open_stream(own.stream)

        def opening(seq: int, *, ahead_us: int = 0, volume: int = E8) -> pb.SignedSignal:
            signal = pb.Signal(
                stream_id=own.stream_id, epoch=opened.epoch, seq=seq, action=pb.OPEN, symbol=self._cast.symbol,
                side=pb.BUY, position_id=seq, volume_e8=volume, price_e8=E8,
                sent_at_us=client.plane_time_us() + ahead_us,
            )  # fmt: skip
            return sign(own.key, signal)

        async def attempt(what: str, expected: str, signals: Sequence[pb.SignedSignal]) -> None:
            verdicts = await self._publish(client, own.stream_id, signals)
            self._record(what, expected, verdicts[-1])

        late = opening(1)
        await asyncio.sleep(1.2 * TTL_MS / 1000)
        await attempt("delays an opening beyond its TTL", "STALE", [late])
        await attempt("dates an opening five seconds ahead", "FUTURE", [opening(2, ahead_us=5_000_000)])
        await attempt("opens a volume of zero", "MALFORMED", [opening(3, volume=0)])
        flood = [opening(seq) for seq in range(4, 4 + 3 * ADVERSARY_BURST)]
        await attempt("opens three times her allowed burst at once", "RATE_LIMITED", flood)
        await client.resync(own.stream_id, opened.epoch + 1, own.key)
        await attempt("replays from an epoch that is over", "REPLAY", [late])
        await self._refused(
            "opens the master's stream with her own license", "TRS10", client.open_stream(master.stream)
        )
        await self._refused(
            "publishes to the master's stream all the same", "TRS10", client.publish(master.stream_id, [late])
        )

    async def _publish(self, client: Client, stream_id: int, signals: Sequence[pb.SignedSignal]) -> list[str]:
        """The verdicts; what could not be decided is sent again, as anybody would."""
        while True:
            self.sent += len(signals)
            ack = await client.publish(stream_id, signals)
            verdicts = [pb.Verdict.Name(verdict) for verdict in ack.verdicts]
            self.verdicts.update(verdicts)
            if "UNDECIDED" not in verdicts:
                return verdicts
            await asyncio.sleep(RETRY_S)

    # At the door

    async def knock(self) -> None:
        """Everything that a stranger, or somebody with a stolen or spent token, can do to the port."""
        oversize = b"\x0a" + b"\xff\xff\xff\x7f"
        await self._raw("sends garbage", "TRP03", b"GET / HTTP/1.1\r\n\r\n")
        await self._raw("announces a frame of 256 MB", "TRP01", oversize)
        await self._raw("publishes before saying hello", "TRP05", encode(pb.Publish(stream_id=1), 1))
        unknown = f"ecp_{'0' * 32}_{'0' * 64}"
        victim = self._cast.subscribers[1]
        await self._refused("makes a license up", "TRA01", self._client(unknown))
        await self._refused("uses a license that was revoked", "TRA03", self._client(self._cast.revoked))
        await self._refused(
            f"runs a second copy on {victim.follower.name}'s license", "TRA05", self._client(victim.token)
        )

    async def _raw(self, what: str, expected: str, data: bytes) -> None:
        client = await Client.dial("127.0.0.1", self._port)
        client.send_raw(data)
        async with asyncio.timeout(ANSWER_S):
            last_word = await client.ended
        self._record(what, expected, last_word.code if isinstance(last_word, pb.Error) else "no answer")

    async def _refused(self, what: str, expected: str, call: Awaitable[object]) -> None:
        try:
            answer = await call
        except Refusal as refusal:
            self._record(what, expected, refusal.code)
        except Disconnected:
            self._record(what, expected, "no answer")
        else:
            self._record(what, expected, "let in")
            if isinstance(answer, Client):
                answer.abort()

    async def _client(self, token: str) -> Client:
        return await Client.connect("127.0.0.1", self._port, token, name="mallory")

    def _record(self, what: str, expected: str, got: str) -> None:
        self.attempts.append(Attempt(what, expected, got))


class Wiretapper(Adversary):
    """On the master's wire too: injects what somebody between master and gateway could."""

    def __init__(self, cast: Cast, port: int, master: Master) -> None:
        super().__init__(cast, port)
        self.held_back = False
        self._master = master

    def wiretaps(self) -> list[Wiretap]:
        """What to inject after a signal of the master that was accepted, in this order."""
        return [
            Wiretap("replays a captured signal, byte for byte", "DUPLICATE", self._captured),
            Wiretap("replays it with one bit of its bytes flipped", "BAD_SIGNATURE", self._flipped_bytes),
            Wiretap("replays it with one bit of its tag flipped", "BAD_SIGNATURE", self._flipped_tag),
            Wiretap("forges the next signal under a key of her own", "BAD_SIGNATURE", self._forged),
            Wiretap("reuses a number for another trade, with the master's stolen key", "REPLAY", self._reused),
            Wiretap("skips ten numbers, with the master's stolen key", "GAP", self._skipping),
        ]

    async def inject(self, wiretap: Wiretap) -> None:
        """Try it."""
        verdicts = await self._publish(self._master.client, self._cast.master.stream_id, [wiretap.make()])
        self._record(wiretap.what, wiretap.expected, verdicts[-1])

    def holds_back(self, intent: Intent) -> bool:
        """Whether to keep this signal from the plane: once, and one that a stop can wait for."""
        if self.held_back or intent.action != "MODIFY":
            return False
        self.held_back = True
        return True

    def look_back(self) -> None:
        """What became of the signal held back: the plane misses it as soon as the next one comes."""
        if self.held_back:
            missed = "GAP" if self._master.verdicts["GAP"] else "not missed"
            self._record("holds a signal of the master back", "GAP", missed)

    def _captured(self) -> pb.SignedSignal:
        return self._master.captured[-1]

    def _flipped_bytes(self) -> pb.SignedSignal:
        captured = self._captured()
        return pb.SignedSignal(signal=_flip_last_bit(captured.signal), tag=captured.tag)

    def _flipped_tag(self) -> pb.SignedSignal:
        captured = self._captured()
        return pb.SignedSignal(signal=captured.signal, tag=_flip_last_bit(captured.tag))

    def _forged(self) -> pb.SignedSignal:
        return sign(self._cast.adversary.key, self._altered(ahead=1))

    def _reused(self) -> pb.SignedSignal:
        return sign(self._cast.master.key, self._altered(ahead=0))

    def _skipping(self) -> pb.SignedSignal:
        return sign(self._cast.master.key, self._altered(ahead=11))

    def _altered(self, *, ahead: int) -> pb.Signal:
        """The last captured signal with other stops, `ahead` numbers further."""
        signal = pb.Signal.FromString(self._captured().signal)
        signal.seq += ahead
        signal.stop_loss_e8 += E8
        return signal


def _flip_last_bit(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))
