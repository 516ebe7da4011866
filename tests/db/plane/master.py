"""A provider's terminal."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.db.plane.answers import License, Verdict
from tests.db.plane.messages import Signal
from tests.db.plane.values import KEY, microseconds, sign

if TYPE_CHECKING:
    from tests.db.plane.plane import Plane


@dataclass
class Master:
    """A provider's terminal: one stream, one session, a counter."""

    plane: "Plane"
    account: int
    stream: int
    name: str
    lane: int
    license: License
    session: UUID | None = None
    epoch: int = 1
    seq: int = 0
    position: int = field(default=0)

    def connect(self, instance: bytes = b"master-instance0") -> UUID:
        session = self.plane.open_session(self.license.token, instance)
        assert session.code is None, session
        self.session = session.session_id
        opened = self.open_stream()
        assert opened["code"] is None, opened
        return session.session_id

    def open_stream(self, session: UUID | None = None, name: str | None = None) -> dict[str, Any]:
        return self.plane.call(
            "select * from signals.open_stream(%s, %s)",
            [session or self.session, self.name if name is None else name],
        )

    def signal(self, action: str, position: int | None = None, **changes: Any) -> Signal:
        """The next signal of the stream, numbered and stamped; `seq` in changes makes another one."""
        if "seq" not in changes:
            self.seq += 1
        if position is None and action in ("OPEN", "PLACE"):
            self.position += 1
        if action == "PLACE":
            changes.setdefault("order_type", "LIMIT")
        base = Signal(
            lane=self.lane,
            session=self.session,
            stream=self.stream,
            key=KEY,
            epoch=self.epoch,
            seq=self.seq,
            action=action,
            position=self.position if position is None else position,
            sent_us=microseconds(self.plane.now),
        )
        return base.but(**changes)

    def send(self, *signals: Signal) -> list[Verdict]:
        return self.plane.ingest(signals)

    def does(self, action: str, position: int | None = None, **changes: Any) -> Verdict:
        """Signal this, and nothing but it, now."""
        return self.send(self.signal(action, position, **changes))[0]

    def snapshot(self, *positions: dict[str, Any], **changes: Any) -> Verdict:
        """Signal that the open book is this and nothing else."""
        return self.does(
            "SNAPSHOT", 0, book=json.dumps(positions), symbol=None, side=None, volume=0, price=0, **changes
        )

    def resync(self, epoch: int, **changes: Any) -> dict[str, Any]:
        intent = f"resync {self.stream} {epoch}".encode()
        given: dict[str, Any] = {
            "lane": self.lane,
            "session": self.session,
            "stream": self.stream,
            "epoch": epoch,
            "sent_us": microseconds(self.plane.now),
            "intent": intent,
            "tag": sign(KEY, intent),
        } | changes
        found = self.plane.call(
            "select * from signals.resync(%(lane)s::smallint, %(session)s, %(stream)s, %(epoch)s, %(sent_us)s,"
            " %(intent)s, %(tag)s)",
            given,
        )
        if found["code"] is None:
            self.epoch, self.seq = epoch, 0
        return found
