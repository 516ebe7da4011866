"""A plane on which there is something of everything that is sealed."""

from typing import LiteralString

import pytest

from tests.db.plane import Copier, Master, Plane


@pytest.fixture
def busy(plane: Plane, master: Master, copier: Copier) -> Plane:
    """Two blocks: signals, decisions, reports and changes of state in each."""
    live(plane, master, copier)
    live(plane, master, copier)
    return plane


def live(plane: Plane, master: Master, copier: Copier) -> None:
    """What makes a block with rows of every table."""
    for _ in range(3):
        master.does("OPEN", volume="0.10")
    master.does("CLOSE", master.position)
    for delivery in copier.receives():
        copier.reports(delivery.delivery_seq, volume="0.10", ticket=delivery.delivery_seq)
    plane.transition(copier.subscription, "user_pause")
    plane.transition(copier.subscription, "user_resume")
    plane.write_settings(copier.subscription, multiplier=2)
    plane.answer("select billing.open_wallet(%s, 'USD')", copier.account)
    query: LiteralString = "select billing.deposit(%s, 'USD', 1, %s, 'a test')"
    plane.answer(query, copier.account, str(copier.newest))
    plane.tick(seconds=10)
    plane.seal()
