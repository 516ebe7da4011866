"""Everything that locks, at once, again and again: nobody deadlocks, and what comes out still adds up.

The order is written in the functions: licenses, sessions, streams, subscriptions; each by id, ascending.
"""

import random

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane, run_together

ROUNDS = 25


class Crowd:
    """Three streams, nine subscriptions in one lane, and all who work on them, each on a connection of its own."""

    def __init__(self, plane: Plane, seed: int) -> None:
        self.plane = plane
        self.seed = seed
        self.masters = [plane.master(lane=1, rate=100_000, burst=100_000) for _ in range(3)]
        account = plane.account("subscriber", lane=2)
        self.copiers = [plane.copier(master, lane=2) for master in self.masters for _ in range(2)]
        self.copiers += [plane.copier(master, account=account) for master in self.masters]
        # Something to report on from the first moment.
        for master in self.masters:
            master.send(*[master.signal("OPEN", position) for position in range(1, ROUNDS + 1)])
        plane.pump(2)

    def dice(self, who: str) -> random.Random:
        return random.Random(f"{self.seed} {who}")  # noqa: S311

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
                self.plane.report([copier.report(turn + 1, volume="0.01") for copier in shuffled], connection)

    def reconnect(self) -> None:
        """Sessions come and go: fences are taken and lifted, over streams and subscriptions."""
        dice = self.dice("reconnect")
        terminals: list[Master | Copier] = [*self.masters, *self.copiers]
        for _ in range(ROUNDS):
            dice.choice(terminals).connect()

    def govern(self) -> None:
        dice = self.dice("govern")
        with self.plane.connect("ecp_operator") as connection:
            for turn in range(ROUNDS // 4):
                subscription = dice.choice(self.copiers).subscription
                for cause in ("user_pause", "user_resume"):
                    connection.execute("select signals.transition(%s, %s, 'governor')", [subscription, cause])
                connection.execute("""select signals.write_settings(%s, '{"multiplier": 1}')""", [subscription])
                self.plane.halt(dice.choice(self.masters).stream, lift=bool(turn % 2))
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
        crowd.reconnect,
        crowd.govern,
    )
    plane.pump(2)
    assert plane.verify() == {}
    assert plane.value("select count(*) from signals.decisions") > 0
    assert plane.value("select count(*) from signals.reports") > 0
