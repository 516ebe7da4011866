"""A subscriber's terminal."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, LiteralString, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from tests.db.plane.answers import Delivery, License, ReportVerdict, told
from tests.db.plane.messages import Heartbeat, Holding, Report, Specification, columns
from tests.db.plane.values import microseconds

if TYPE_CHECKING:
    from tests.db.plane.plane import Plane

RECONCILE: LiteralString = """
    select * from signals.reconcile(
        %s::smallint, %s::uuid, %s::bigint, %s::bigint, %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
        %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
"""
UPLOAD: LiteralString = """
    select * from signals.upload_specifications(
        %s::smallint, %s::uuid, %s::bigint, %s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[])
"""


@dataclass
class Copier:
    """A subscriber's terminal: one subscription, one session."""

    plane: "Plane"
    account: int
    subscription: int
    lane: int
    license: License
    session: UUID | None = None

    def connect(self, last: int = 0, instance: bytes = b"copier-instance0") -> UUID:
        session = self.plane.open_session(self.license.token, instance)
        assert session.code is None, session
        self.session = session.session_id
        resumed = self.resume(last)
        assert resumed["code"] is None, resumed
        return session.session_id

    def resume(self, last: int | None = 0, **changes: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "lane": self.lane,
            "session": self.session,
            "subscription": self.subscription,
            "last": last,
        } | changes
        return self.plane.call(
            "select * from signals.resume(%(lane)s::smallint, %(session)s, %(subscription)s, %(last)s::bigint)", given
        )

    def joins(self, other: Self) -> None:
        """The terminal of another subscription copies this one too."""
        self.resume(session=other.session)
        self.session = other.session

    @property
    def portfolio(self) -> int:
        found: int = self.plane.value(
            "select portfolio_id from signals.subscriptions where subscription_id = %s", self.subscription
        )
        return found

    def uploads(self, *specifications: Specification | str, **changes: Any) -> list[dict[str, Any]]:
        """The broker trades these and nothing else; a bare name is a symbol like any other."""
        listed = [Specification(each) if isinstance(each, str) else each for each in specifications]
        given: dict[str, Any] = {"lane": self.lane, "session": self.session, "portfolio": self.portfolio} | changes
        names = (
            "symbol digits contract_size_e8 volume_min_e8 volume_max_e8 volume_step_e8 tick_size_e8 tick_value_e8"
            " base_currency profit_currency trade_mode"
        )
        cursor = self.plane.gateway.cursor(row_factory=dict_row)
        return cursor.execute(UPLOAD, [*given.values(), *columns(listed, names)]).fetchall()

    def receives(self) -> list[Delivery]:
        """What dispatch decides now for this subscription."""
        before = self.newest
        found = [each for each in self.plane.pump(self.lane) if each.subscription_id == self.subscription]
        assert found == self.plane.deliveries([self], before, resend=False), "a dispatch returns what the log has"
        return found

    @property
    def newest(self) -> int:
        """The number of the newest delivery."""
        found: int = self.plane.value(
            "select delivery_seq from signals.subscription_heads where subscription_id = %s", self.subscription
        )
        return found

    def gets(self, after: int) -> list[tuple[str, int]]:
        """What is delivered after this number and was not resent: actions and positions."""
        return told(self.plane.deliveries([self], after, resend=False))

    def is_shown(self) -> list[Delivery]:
        """What the clock finds to do for this subscription once a snapshot that differs has been dispatched."""
        assert self.receives() == []
        before = self.newest
        self.plane.find_drift()
        return self.plane.deliveries([self], before, resend=False)

    def catches_up(self, cause: str = "a test") -> list[Delivery]:
        """What catch-up finds to do now, as it is delivered."""
        before = self.newest
        count = self.plane.value("select signals.catch_up(%s::smallint, %s, %s)", self.lane, [self.subscription], cause)
        found = self.plane.deliveries([self], before, resend=False)
        assert len(found) == count
        return found

    def books(
        self, *holdings: Holding, last: int | None = None, connection: Connection[Any] | None = None, **changes: Any
    ) -> dict[str, Any]:
        """The terminal sends its book, as of the newest delivery unless another is said."""
        given: dict[str, Any] = {
            "lane": self.lane,
            "session": self.session,
            "subscription": self.subscription,
            "last": self.newest if last is None else last,
        } | changes
        names = "ticket position delivery symbol side volume_e8 price_e8 stop_loss_e8 take_profit_e8 order_type"
        return self.plane.call(RECONCILE, [*given.values(), *columns(holdings, names)], connection)

    def beat(self, equity: str = "10000", **changes: Any) -> Heartbeat:
        now = microseconds(self.plane.now)
        base = Heartbeat(self.lane, self.session, self.portfolio, equity=equity, broker_us=now)
        return base.but(**changes)

    def beats(self, equity: str = "10000", **changes: Any) -> str | None:
        """The account is worth this now."""
        return self.plane.note_equity([self.beat(equity, **changes)])[0]

    def report(self, delivery: int, status: str = "EXECUTED", **changes: Any) -> Report:
        base = Report(self.lane, self.session, self.subscription, delivery, status)
        if status != "EXECUTED":
            base = base.but(code="TRG04", ticket=0, price=0, volume=0)
        return base.but(**changes)

    def reports(self, delivery: int, status: str = "EXECUTED", **changes: Any) -> ReportVerdict:
        return self.plane.report([self.report(delivery, status, **changes)])[0]

    def doubts(self, delivery: int) -> ReportVerdict:
        """It was sent to the broker, who has not answered."""
        return self.reports(delivery, "UNKNOWN", code="TRG06")

    def answered(self) -> list[tuple[int, str, str | None]]:
        """What became of each delivery, and whether a report said so or a snapshot."""
        return self.plane.rows(
            "select delivery_seq, status, settled_by from signals.reports where subscription_id = %s order by 1",
            self.subscription,
        )

    def copy(self, position: int = 1) -> dict[str, Any]:
        return self.plane.record(
            "select * from signals.copies where subscription_id = %s and position_id = %s", self.subscription, position
        )

    def holds(self) -> dict[int, Decimal]:
        """What the plane takes the follower to hold of each position of the master."""
        return dict(
            self.plane.rows(
                "select position_id, held_volume from signals.copies where subscription_id = %s and held_volume <> 0",
                self.subscription,
            )
        )

    def status(self, position: int = 1) -> str:
        found: str = self.copy(position)["status"]
        return found

    def reasons(self) -> list[str]:
        """Why each signal was copied or not, in the order of the stream."""
        return self.plane.rows(
            "select reason from signals.decisions where subscription_id = %s order by epoch, seq, part",
            self.subscription,
        )
