"""The sweep: what was earned in a lane arrives where it belongs, and in every lane the sum is zero at every moment."""

from decimal import Decimal

import pytest

from tests.db.plane import Master, Plane

from .conftest import Bank

pytestmark = pytest.mark.core


def test_fees_of_many_lanes_arrive_at_provider_and_platform_once(plane: Plane, bank: Bank) -> None:
    master: Master = plane.master(lane=1)
    copiers = [bank.pays(plane.copier(master, lane=lane), 10, flat=2, platform_share="0.25") for lane in (1, 2, 3)]
    master.does("OPEN", 1)
    for copier in copiers:
        copier.receives()
        copier.reports(1)
    assert bank.run("sweep") == "6 accounts swept"
    assert bank.run("sweep") is None
    assert bank.has(master.account, "EARNINGS") == Decimal("4.50")
    assert bank.has(None, "PLATFORM") == Decimal("1.50")
    assert bank.has(master.account, "PAYABLE") == bank.has(None, "REVENUE") == bank.has(None, "TRANSIT") == 0
    assert plane.rows("select lane from billing.ledger_accounts where kind in ('EARNINGS', 'PLATFORM') order by 1") == [
        0, 1,
    ]  # fmt: skip
    assert plane.verify() == {}
    bank.withdraw(master.account, "4.50", source="EARNINGS")
    assert plane.verify() == {}


def test_killed_midway_it_has_done_nothing(plane: Plane, bank: Bank) -> None:
    master = plane.master(lane=1)
    copier = bank.pays(plane.copier(master, lane=2), 10, flat=2)
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    with plane.connect("ecp_owner") as connection, connection.transaction(force_rollback=True):
        connection.execute("select billing.sweep()")
    assert bank.has(master.account, "PAYABLE") == 2
    assert plane.verify() == {}
    assert bank.run("sweep") == "1 accounts swept"
    assert bank.has(master.account, "EARNINGS") == 2
