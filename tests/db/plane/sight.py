"""What is to be seen of the plane."""

from typing import Any

from psycopg.rows import dict_row

from tests.db.plane.database import Database


class Sight(Database):
    """What views show, and what was written down."""

    def book(self, lane: int, stream: int) -> dict[int, dict[str, Any]]:
        """The master's open positions as a lane of followers has them, by position."""
        cursor = self.admin.cursor(row_factory=dict_row)
        rows = cursor.execute("select * from signals.positions where lane = %s and stream_id = %s", [lane, stream])
        return {row["position_id"]: row for row in rows}

    def differences(self, **matching: Any) -> list[tuple[str, int | None]]:
        """What snapshots found otherwise, in the order in which it was found."""
        where = " and ".join(["true", *(f"{column} = %({column})s" for column in matching)])
        query = f"select kind, position_id from signals.differences where {where} order by difference_id".encode()
        return self.admin.execute(query, matching).fetchall()

    def overdue(self) -> list[tuple[int, str, str, int | None]]:
        """Deliveries that wait for their answer: number, action, state, and how far each was escalated."""
        query = "select delivery_seq, action, state, level from signals.overdue order by subscription_id, delivery_seq"
        return self.operator.execute(query.encode()).fetchall()

    def verify(self) -> dict[str, str]:
        """The checks of ops.verify that do not hold, with what they say."""
        return dict(self.operator.execute("select name, detail from ops.verify() where not ok").fetchall())

    def explain(self, subscription: int, seq: int, epoch: int = 1) -> dict[str, Any]:
        cursor = self.operator.cursor(row_factory=dict_row)
        found = cursor.execute("select * from signals.explain(%s, %s, %s)", [subscription, epoch, seq]).fetchall()
        assert len(found) == 1
        return found[0]

    def events(self, **matching: Any) -> list[str]:
        """Codes of the protection events, in order of time and code."""
        where = " and ".join(["true", *(f"{column} = %({column})s" for column in matching)])
        rows = self.admin.execute(
            f"select code from signals.protection_events where {where} order by occurred_at, code, seq".encode(),
            matching,
        )
        return [code for (code,) in rows]
