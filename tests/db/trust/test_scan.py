"""The scan: patterns that single events do not show, and what a day without an incident regains."""

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def scan(plane: Plane) -> str | None:
    found: str | None = plane.value("select trust.scan()")
    return found


def chain(plane: Plane, account: int) -> list[tuple[str, int, int]]:
    """Code, score before and after, of everything that moved this account's score."""
    return plane.rows(
        "select code, score_before, score_after from trust.events where account_id = %s order by event_id", account
    )


def score(plane: Plane, account: int) -> int:
    found: int = plane.value("select coalesce(min(score), 100) from trust.scores where account_id = %s", account)
    return found


def test_a_quiet_plane_has_nothing_to_find(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    copier.receives()
    copier.reports(1)
    assert scan(plane) is None
    assert plane.rows("select account_id from trust.events") == []


class TestRecovery:
    @pytest.fixture
    def fallen(self, master: Master) -> int:
        """A provider at 20."""
        signal = master.signal("OPEN")
        master.send(signal.forged(), signal.forged())
        return master.account

    @pytest.mark.parametrize(("hours", "after"), [(0, 20), (23.99, 20), (24, 30), (47.9, 30), (48, 40), (24 * 40, 100)])
    def test_ten_points_for_each_24_hours(self, plane: Plane, fallen: int, hours: float, after: int) -> None:
        plane.tick(hours=hours)
        scan(plane)
        assert score(plane, fallen) == after
        assert plane.verify() == {}

    def test_fired_twice_it_credits_once(self, plane: Plane, fallen: int) -> None:
        plane.tick(hours=25)
        assert [scan(plane), scan(plane)] == ["1 recovered", None]
        # The hour over the day counts on.
        plane.tick(hours=22.9)
        assert scan(plane) is None
        plane.tick(hours=0.2)
        assert scan(plane) == "1 recovered"
        assert chain(plane, fallen)[2:] == [("RECOVERED", 20, 30), ("RECOVERED", 30, 40)]

    def test_killed_midway_it_left_nothing(self, plane: Plane, fallen: int) -> None:
        plane.tick(hours=24)
        with plane.connect("ecp_owner") as connection:
            connection.autocommit = False
            connection.execute("select trust.scan()")
            connection.rollback()
        assert score(plane, fallen) == 20
        assert scan(plane) == "1 recovered"
        assert score(plane, fallen) == 30

    def test_a_clock_that_was_set_back_credits_nothing_twice(self, plane: Plane, fallen: int) -> None:
        plane.tick(hours=24)
        scan(plane)
        plane.tick(hours=-24)
        assert scan(plane) is None
        plane.tick(hours=24)
        assert scan(plane) is None
        assert score(plane, fallen) == 30

    def test_an_incident_begins_the_day_anew(self, plane: Plane, master: Master, fallen: int) -> None:
        plane.tick(hours=23)
        master.send(master.signal("CLOSE", 1, seq=1).forged())
        plane.tick(hours=2)
        assert scan(plane) is None
        plane.tick(hours=22)
        assert scan(plane) == "1 recovered"
        assert score(plane, fallen) == 10

    def test_a_reset_begins_the_day_anew(self, plane: Plane, fallen: int) -> None:
        plane.tick(hours=23)
        plane.reset_trust(fallen, "provider", 40)
        plane.tick(hours=23)
        assert scan(plane) is None
        plane.tick(hours=1)
        assert scan(plane) == "1 recovered"
        assert score(plane, fallen) == 50

    def test_back_at_fifty_both_sides_trade_again(self, plane: Plane, master: Master, copier: Copier) -> None:
        for account, role in ((master.account, "provider"), (copier.account, "subscriber")):
            plane.reset_trust(account, role, 45)
        assert master.does("OPEN").code == "TRS38"
        plane.tick(hours=24)
        assert scan(plane) == "2 recovered"
        assert plane.value("select state from signals.subscriptions") == "SYNCED"
        master.does("OPEN")
        assert [each.action for each in copier.receives()] == ["OPEN"]
        assert plane.verify() == {}


class TestBurst:
    @pytest.mark.parametrize(("count", "after"), [(99, 100), (100, 90), (500, 90)])
    def test_a_hundred_refusals_of_a_stream_within_a_minute(
        self, plane: Plane, master: Master, count: int, after: int
    ) -> None:
        master.send(*[master.signal("OPEN", volume=0) for _ in range(count)])
        scan(plane)
        scan(plane)
        assert score(plane, master.account) == after

    def test_spread_over_minutes_it_is_none(self, plane: Plane, master: Master) -> None:
        for _ in range(4):
            master.send(*[master.signal("OPEN", volume=0) for _ in range(60)])
            plane.tick(minutes=1)
        assert scan(plane) is None

    def test_it_is_held_against_nobody_after_a_day_or_a_reset(self, plane: Plane, master: Master) -> None:
        master.send(*[master.signal("OPEN", volume=0) for _ in range(150)])
        plane.reset_trust(master.account, "provider")
        assert scan(plane) is None
        plane.tick(hours=25)
        assert scan(plane) is None

    def test_strangers_and_what_an_operator_stopped_are_not_counted(self, plane: Plane, master: Master) -> None:
        first = master.signal("OPEN", seq=1)
        master.send(*[first.but(session=None) for _ in range(200)])
        plane.halt("STREAM", master.stream)
        master.send(*[master.signal("OPEN") for _ in range(200)])
        assert scan(plane) is None

    def test_reports_that_contradict_what_stands(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN")
        copier.receives()
        copier.reports(1)
        plane.report([copier.report(1, ticket=8000 + n) for n in range(100)])
        assert scan(plane) == "1 patterns"
        assert chain(plane, copier.account) == [("BURST", 100, 90)]


class TestHabits:
    def trades(self, master: Master, copier: Copier, moves: str, refused: str) -> None:
        """Openings of BUY after which the market goes up (+) or down (-); which of them the guard refuses (x)."""
        price = 110_000_000
        for number, (move, verdict) in enumerate(zip(moves, refused, strict=True), start=1):
            master.does("OPEN", number, price=price)
            copier.receives()
            if verdict == "x":
                copier.reports(copier.newest, "REJECTED", code="TRG02")
            else:
                copier.reports(copier.newest, ticket=7000 + number)
            price += 1000 if move == "+" else -1000
        master.does("OPEN", 999, price=price)
        copier.receives()

    def codes(self, plane: Plane, account: int) -> list[str]:
        return [code for code, *_ in chain(plane, account) if code in ("REJECTION_RATE", "LATENCY_ARBITRAGE")]

    @pytest.mark.parametrize(
        ("moves", "refused", "found"),
        [
            # Takes the good ones and refuses the bad ones.
            ("+-" * 10, ".x" * 10, ["LATENCY_ARBITRAGE"]),
            ("+-" * 10, ".." * 2 + ".x" * 8, ["LATENCY_ARBITRAGE"]),
            # Every second one refused, whatever came of it.
            ("++--" * 6, ".x" * 12, []),
            # An honest guard misses what has run away.
            ("+-" * 10, "x." * 10, []),
            # Too few to tell.
            ("+-" * 9, ".x" * 9, []),
            # More than half.
            ("++--" * 6, "xx.x" * 6, ["REJECTION_RATE"]),
            ("++--" * 4, "xx.x" * 4, []),
        ],
    )
    def test_what_a_guard_refuses_is_held_against_what_came_of_it(
        self, plane: Plane, master: Master, copier: Copier, moves: str, refused: str, found: list[str]
    ) -> None:
        self.trades(master, copier, moves, refused)
        before = score(plane, copier.account)
        scan(plane)
        assert self.codes(plane, copier.account) == found
        assert score(plane, copier.account) == before - sum(
            {"LATENCY_ARBITRAGE": 20, "REJECTION_RATE": 10}[c] for c in found
        )
        assert scan(plane) is None
        assert plane.verify() == {}

    def test_what_is_sold_turns_out_well_when_the_price_falls(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, reverse=True)
        self.trades(master, copier, "+-" * 10, "x." * 10)
        scan(plane)
        assert self.codes(plane, copier.account) == ["LATENCY_ARBITRAGE"]

    def test_what_is_older_than_a_day_is_forgotten(self, plane: Plane, master: Master, copier: Copier) -> None:
        self.trades(master, copier, "+-" * 10, ".x" * 10)
        plane.tick(hours=25)
        scan(plane)
        assert self.codes(plane, copier.account) == []


def test_while_it_reads_nobody_waits(plane: Plane, master: Master, copier: Copier) -> None:
    """An open scan that found something holds no more than shares of what it read, and the scores it moved."""
    master.send(*[master.signal("OPEN", volume=0) for _ in range(100)])
    other = plane.master(lane=master.lane)
    with plane.connect("ecp_owner") as connection:
        connection.autocommit = False
        connection.execute("select trust.scan()")
        pid = connection.info.backend_pid
        held = plane.rows(
            "select relation::regclass::text from pg_locks where pid = %s and mode <> 'AccessShareLock'"
            " and relation::regclass::text like 'signals.%%'",
            pid,
        )
        assert held == []
        assert other.does("OPEN").verdict == "ACCEPTED"
        assert master.does("OPEN").verdict == "ACCEPTED"
        copier.receives()
        assert copier.reports(1).verdict == "RECORDED"
        connection.rollback()


def test_it_finds_the_day_by_its_time(plane: Plane, master: Master) -> None:
    """However much older there is: by an index on the time, not by reading all."""
    master.send(master.signal("OPEN").forged())
    with plane.admin.transaction(force_rollback=True):
        plane.admin.execute("set local enable_seqscan = off")
        plan = "\n".join(
            plane.rows(
                "explain select code from signals.protection_events"
                " where occurred_at > '2026-01-05 00:00+00' and occurred_at <= '2026-01-06 00:00+00'"
            )
        )
        assert "occurred_at >" in plan
        assert "Index" in plan
