"""Everything that locks, at once, again and again: nobody deadlocks, and what comes out still adds up.

The order is written in the functions: licenses, sessions, streams, cursors, subscription heads, portfolios,
scores, subscriptions; each by id, ascending.
"""

import random

import psycopg
import pytest

from tests.db.plane import Copier, Holding, Master, Plane, held, run_together

ROUNDS = 25


class Crowd:
    """Three streams, nine subscriptions in one lane, and all who work on them, each on a connection of its own."""

    def __init__(self, plane: Plane, seed: int) -> None:
        self.plane = plane
        self.seed = seed
        self.masters = [plane.master(lane=1, rate=100_000, burst=100_000) for _ in range(3)]
        account = plane.account("subscriber", lane=2)
        self.copiers = [plane.copier(master, lane=2) for master in self.masters for _ in range(2)]
        self.family = [plane.copier(master, account=account, late_join="ALL") for master in self.masters]
        self.copiers += self.family
        # One terminal copies all three, and speaks for the account.
        for copier in self.family:
            copier.joins(self.family[-1])
        for copier in self.copiers:
            plane.protect(copier.portfolio, "DRAWDOWN", "50", "PERCENT", "CLOSE_ALL")
            copier.beats("10000")
        # Two in three pay, some of them out of one wallet, which is soon empty.
        for copier in self.copiers[1:8]:
            terms = (
                '{"currency": "USD", "flat": 0.1, "performance_rate": 0.2, "period": "TRADE", "platform_share": 0.3}'
            )
            stream = plane.value(
                "select stream_id from signals.subscriptions where subscription_id = %s", copier.subscription
            )
            plan = plane.answer("select billing.write_plan(%s, %s, 'a test')", stream, terms)
            plane.answer("select billing.assign_plan(%s, %s, 'a test')", copier.subscription, plan)
            plane.answer("select billing.deposit(%s, 'USD', 1, %s, 'a test')", copier.account, f"{copier.subscription}")
        # Something to report on from the first moment.
        for master in self.masters:
            master.send(*[master.signal("OPEN", position) for position in range(1, ROUNDS + 1)])
        plane.pump(2)

    def dice(self, who: str) -> random.Random:
        return random.Random(f"{self.seed} {who}")

    def publish(self, who: str) -> None:
        """Two who send the same numbers: one is told DUPLICATE or REPLAY, and goes on where the plane says."""
        dice, seqs = self.dice(who), [ROUNDS] * 3
        with self.plane.connect("ecp_gateway") as connection:
            for turn in range(ROUNDS):
                numbers = dice.sample(range(3), k=3)
                batch = []
                for number in numbers:
                    for action in ("OPEN", "CLOSE"):
                        seqs[number] += 1
                        batch.append(self.masters[number].signal(action, ROUNDS + turn, seq=seqs[number]))
                verdicts = self.plane.ingest(batch, connection)
                for number, verdict in zip(numbers, verdicts[1::2], strict=True):
                    seqs[number] = (verdict.next_seq or 1) - 1

    def dispatch(self, who: str) -> None:
        dice = self.dice(who)
        with self.plane.connect("ecp_gateway") as connection:
            for _ in range(ROUNDS):
                positions = self.plane.routes(2, connection)
                dice.shuffle(positions)
                fed = self.plane.feed(positions, dice.randint(1, 20), connection)
                try:
                    self.plane.dispatch(2, positions, fed, connection)
                except psycopg.Error as error:
                    if error.sqlstate != "TRS21":
                        raise

    def report(self, who: str) -> None:
        dice = self.dice(who)
        with self.plane.connect("ecp_gateway") as connection:
            for turn in range(ROUNDS):
                shuffled = dice.sample(self.copiers, k=len(self.copiers))
                reports = [copier.report(turn + 1, volume="0.01", ticket=turn + 1) for copier in shuffled]
                self.plane.report(reports, connection)

    def refuse(self, who: str) -> None:
        """Guards that refuse, and masters who forge: scores come down through 50, of several accounts at once."""
        dice = self.dice(who)
        with self.plane.connect("ecp_gateway") as connection:
            for turn in range(ROUNDS):
                shuffled = dice.sample(self.copiers, k=len(self.copiers))
                refusal = {"status": "REJECTED", "code": dice.choice(["TRG01", "TRG02"])}
                self.plane.report([copier.report(ROUNDS - turn, **refusal) for copier in shuffled], connection)
                forged = [master.signal("OPEN", seq=1).forged() for master in dice.sample(self.masters, k=2)]
                self.plane.ingest(forged, connection)

    def reconnect(self) -> None:
        """Sessions come and go: fences are taken and lifted, over streams and subscriptions."""
        dice = self.dice("reconnect")
        terminals: list[Master | Copier] = [*self.masters, *self.copiers]
        for _ in range(ROUNDS):
            dice.choice(terminals).connect()

    def keep_books(self, who: str) -> None:
        """What the terminals hold, by their own account: of any, some or all that was delivered."""
        dice = self.dice(who)
        with self.plane.connect("ecp_gateway") as connection:
            for _ in range(ROUNDS):
                copier = dice.choice(self.copiers)
                positions = dice.sample(range(1, ROUNDS + 1), k=dice.randint(0, 5))
                holdings = [Holding(9000 + position, position, volume="0.01") for position in positions]
                copier.books(*holdings, last=dice.randint(0, 5), connection=connection)

    def beat(self, who: str) -> None:
        """Equities of several accounts in a batch, in any order, up and down through their protections."""
        dice = self.dice(who)
        with self.plane.connect("ecp_gateway") as connection:
            for _ in range(ROUNDS):
                shuffled = dice.sample(self.copiers, k=len(self.copiers))
                beats = [
                    copier.beat(str(dice.choice([10_000, 8000, 4000])), subscription=copier.subscription)
                    for copier in shuffled
                ]
                self.plane.note_equity(beats, connection)

    def work_by_the_clock(self) -> None:
        """The jobs, and a catch-up of whoever asks for it, in any order."""
        dice = self.dice("clock")
        with self.plane.connect("ecp_owner") as connection:
            for _ in range(ROUNDS):
                subscriptions = [copier.subscription for copier in dice.sample(self.copiers, k=4)]
                connection.execute("select signals.escalate(), signals.find_drift(), audit.seal(), trust.scan()")
                connection.execute("select signals.catch_up(2::smallint, %s, 'a test')", [subscriptions])

    def pay(self) -> None:
        dice = self.dice("pay")
        with self.plane.connect("ecp_operator") as connection, self.plane.connect("ecp_owner") as jobs:
            for turn in range(ROUNDS):
                account = dice.choice(self.copiers[1:8]).account
                connection.execute("select billing.deposit(%s, 'USD', 0.5, %s, 'payer')", [account, f"pay {turn}"])
                try:
                    connection.execute("select billing.withdraw(%s, 'USD', 0.3, %s, 'payer')", [account, f"get {turn}"])
                except psycopg.Error as error:
                    if error.sqlstate != "TRB04":
                        raise
                jobs.execute(f"select billing.{dice.choice(['sweep', 'settle', 'expire_holds'])}()".encode())

    def show(self) -> None:
        """Snapshots that differ: their dispatch marks all who follow, and the clock catches them up."""
        dice = self.dice("show")
        master = self.plane.master(lane=1)
        for _ in range(2):
            self.plane.copier(master, lane=2)
        for _ in range(ROUNDS):
            master.snapshot(*[held(position) for position in dice.sample(range(1, 9), k=3)])
            self.plane.pump(2)

    def govern(self) -> None:
        dice = self.dice("govern")
        with self.plane.connect("ecp_operator") as connection:
            for turn in range(ROUNDS // 4):
                subscriber = dice.choice(self.copiers)
                subscription = subscriber.subscription
                for cause in ("user_pause", "user_resume"):
                    # Trust may have paused it in between.
                    try:
                        connection.execute("select signals.transition(%s, %s, 'governor')", [subscription, cause])
                    except psycopg.Error as error:
                        if error.sqlstate != "TRS23":
                            raise
                connection.execute("""select signals.write_settings(%s, '{"multiplier": 1}')""", [subscription])
                protection = self.plane.protect(
                    dice.choice(self.copiers).portfolio, "EQUITY_FLOOR", "9000", action="NOTIFY"
                )
                self.plane.remove_protection(protection)
                self.plane.reset_trust(subscriber.account, "subscriber", dice.choice([49, 51, 100]))
                self.plane.reset_trust(dice.choice(self.masters).account, "provider")
                switch = self.plane.lift_halt if turn % 2 else self.plane.halt
                switch("STREAM", dice.choice(self.masters).stream)
                switch("ACCOUNT", subscriber.account)
                self.plane.subscribe(self.plane.account("subscriber", lane=2), dice.choice(self.masters).stream)


@pytest.fixture(params=[1, 2, 3])
def crowd(plane: Plane, request: pytest.FixtureRequest) -> Crowd:
    return Crowd(plane, request.param)


def test_everything_at_once_never_deadlocks(plane: Plane, crowd: Crowd) -> None:
    """A deadlock is an error 40P01 in one of the threads, and is raised here."""
    run_together(
        lambda: crowd.publish("one"),
        lambda: crowd.publish("two"),
        lambda: crowd.dispatch("one"),
        lambda: crowd.dispatch("two"),
        lambda: crowd.report("one"),
        lambda: crowd.report("two"),
        lambda: crowd.refuse("one"),
        lambda: crowd.keep_books("one"),
        lambda: crowd.keep_books("two"),
        lambda: crowd.beat("one"),
        lambda: crowd.beat("two"),
        crowd.work_by_the_clock,
        crowd.show,
        crowd.reconnect,
        crowd.govern,
        crowd.pay,
    )
    plane.pump(2)
    assert plane.verify() == {}
    for trace in (
        "signals.decisions where part = 0",
        "signals.decisions where part > 0",
        "signals.reports where settled_by is null",
        "signals.differences where origin = 'MASTER'",
        "signals.equities",
        "billing.transfers where kind = 'COPY_FEE'",
        "signals.subscription_events where cause = 'no_funds'",
        "trust.events where code = 'TRS03'",
        "trust.events where code ~ '^TRG'",
    ):
        assert plane.rows(f"select from {trace} limit 1"), trace


def test_the_mark_of_escalation_never_passes_what_has_no_final_report(plane: Plane, crowd: Crowd) -> None:
    run_together(
        lambda: crowd.publish("one"),
        lambda: crowd.dispatch("one"),
        lambda: crowd.report("one"),
        crowd.work_by_the_clock,
    )
    plane.pump(2)
    plane.escalate()
    assert plane.value("select count(*) from signals.settlements") > 0
    passed = plane.rows(
        "select d.subscription_id, d.delivery_seq from signals.settlements as w"
        " join signals.decisions as d using (lane, subscription_id)"
        " left join signals.reports as r using (lane, subscription_id, delivery_seq)"
        " where d.delivery_seq <= w.settled_seq and coalesce(r.status, 'UNKNOWN') = 'UNKNOWN'"
    )
    assert passed == []
