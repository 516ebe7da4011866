"""What the gateway calls."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from tests.db.plane.answers import Delivery, Position, ReportVerdict, Session, Verdict
from tests.db.plane.database import Database
from tests.db.plane.messages import Heartbeat, Report, Signal, columns

if TYPE_CHECKING:
    from tests.db.plane.copier import Copier

INGEST: LiteralString = """
    select * from signals.ingest(
        %s::smallint, %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
        %s::text[]::jsonb[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bigint[], %s::bigint[], %s::bigint[])
"""
FEED: LiteralString = "select * from signals.feed(%s::smallint, %s::bigint[], %s::integer[], %s::bigint[], %s::integer)"
DISPATCH: LiteralString = """
    select * from signals.dispatch(
        %s::smallint, %s::bigint[], %s::integer[], %s::bigint[], %s::bigint[], %s::integer[], %s::bigint[], %s::text[],
        %s::text[], %s::text[], %s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::bigint[],
        %s::text[], %s::integer[], %s::timestamptz[], %s::timestamptz[], %s::numeric[], %s::numeric[], %s::numeric[],
        %s::text[]::jsonb[])
"""
DELIVERIES: LiteralString = (
    "select * from signals.deliveries(%s::smallint, %s::bigint[], %s::bigint[], %s::boolean, %s::integer)"
)
REPORT: LiteralString = """
    select * from signals.report(
        %s::smallint, %s::uuid[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::bigint[], %s::bigint[])
"""
NOTE_EQUITY: LiteralString = """
    select * from signals.note_equity(
        %s::smallint, %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::bigint[])
"""


class Gateway(Database):
    """Calls with the rights of ecp_gateway, of one lane each."""

    def call(
        self,
        query: LiteralString,
        parameters: Sequence[Any] | dict[str, Any],
        connection: Connection[Any] | None = None,
    ) -> dict[str, Any]:
        """The one row that is answered."""
        found = (connection or self.gateway).cursor(row_factory=dict_row).execute(query, parameters).fetchall()
        assert len(found) == 1, found
        return found[0]

    def open_session(
        self,
        token: str,
        instance: bytes = b"instance-0000001",
        peer: str = "192.0.2.10",
        connection: Connection[Any] | None = None,
    ) -> Session:
        found = (
            (connection or self.gateway)
            .cursor(row_factory=class_row(Session))
            .execute(
                "select * from access.open_session(%s, %s, %s::inet, 'gateway-1', 'test/1')", [token, instance, peer]
            )
            .fetchall()
        )
        assert len(found) == 1
        return found[0]

    def ingest(self, signals: Sequence[Signal], connection: Connection[Any] | None = None) -> list[Verdict]:
        """Signals of one lane, in one batch."""
        (lane,) = {signal.lane for signal in signals}
        names = (
            "session stream epoch seq action symbol side position volume_e8 price_e8 stop_loss_e8 take_profit_e8 magic"
            " order_type book sent_us payload tag balance_e8 equity_e8 received_us"
        )
        rows = (connection or self.gateway).execute(INGEST, [lane, *columns(signals, names)])
        verdicts = [Verdict(*row) for row in rows]
        assert [verdict.ord for verdict in verdicts] == list(range(1, len(signals) + 1))
        return verdicts

    def routes(self, lane: int, connection: Connection[Any] | None = None) -> list[Position]:
        rows = (connection or self.gateway).execute("select * from signals.routes(%s::smallint)", [lane])
        return sorted(Position(*row) for row in rows)

    def feed(
        self, positions: Sequence[Position], limit: int = 1000, connection: Connection[Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Accepted signals of one stream lane after these positions."""
        (lane,) = {position.stream_lane for position in positions}
        start = columns(positions, "stream_id epoch seq")
        return (connection or self.gateway).execute(FEED, [lane, *start, limit]).fetchall()

    def dispatch(
        self,
        lane: int,
        positions: Sequence[Position],
        fed: Sequence[tuple[Any, ...]],
        connection: Connection[Any] | None = None,
    ) -> list[Delivery]:
        start = columns(positions, "stream_id epoch seq")
        signals = [[row[column] for row in fed] for column in range(19)]
        books = [json.dumps(row[19]) if row[19] is not None else None for row in fed]
        cursor = (connection or self.gateway).cursor(row_factory=class_row(Delivery))
        return cursor.execute(DISPATCH, [lane, *start, *signals, books]).fetchall()

    def pump(self, lane: int, limit: int = 1000, connection: Connection[Any] | None = None) -> list[Delivery]:
        """Dispatch everything that waits for the subscribers of a lane, `limit` signals at a time."""
        done: list[Delivery] = []
        for stream_lane in {position.stream_lane for position in self.routes(lane, connection)}:
            while True:
                positions = [p for p in self.routes(lane, connection) if p.stream_lane == stream_lane]
                fed = self.feed(positions, limit, connection)
                if not fed:
                    break
                done += self.dispatch(lane, positions, fed, connection)
        return done

    def deliveries(
        self,
        copiers: Iterable["Copier"],
        after: int = 0,
        *,
        resend: bool = True,
        limit: int = 1000,
        connection: Connection[Any] | None = None,
    ) -> list[Delivery]:
        asked = list(copiers)
        (lane,) = {copier.lane for copier in asked}
        subscriptions = [copier.subscription for copier in asked]
        cursor = (connection or self.gateway).cursor(row_factory=class_row(Delivery))
        return cursor.execute(DELIVERIES, [lane, subscriptions, [after] * len(asked), resend, limit]).fetchall()

    def report(self, reports: Sequence[Report], connection: Connection[Any] | None = None) -> list[ReportVerdict]:
        """Reports of one lane, in one batch."""
        (lane,) = {report.lane for report in reports}
        names = "session subscription delivery status code ticket price_e8 volume_e8 received_us executed_us"
        rows = (connection or self.gateway).execute(REPORT, [lane, *columns(reports, names)])
        verdicts = [ReportVerdict(*row) for row in rows]
        assert [verdict.ord for verdict in verdicts] == list(range(1, len(reports) + 1))
        return verdicts

    def note_equity(self, beats: Sequence[Heartbeat], connection: Connection[Any] | None = None) -> list[str | None]:
        """Heartbeats of one lane, in one batch; the code of each."""
        (lane,) = {beat.lane for beat in beats}
        names = "session portfolio balance_e8 equity_e8 broker_us subscription processed profit_e8"
        rows = (connection or self.gateway).execute(NOTE_EQUITY, [lane, *columns(beats, names)]).fetchall()
        assert [place for place, _ in rows] == list(range(1, len(beats) + 1))
        return [code for _, code in rows]
