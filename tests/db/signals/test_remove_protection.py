"""Removing a protection: it no longer stops anything, and stays in the table."""

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_what_it_stopped_passes_again(plane: Plane, master: Master, copier: Copier) -> None:
    copier.beats("900")
    protection = plane.protect(copier.portfolio, "EQUITY_FLOOR", "1000")
    plane.remove_protection(protection)
    # Nothing is protected any more, so nobody waits for an equity.
    plane.tick(days=1)
    master.does("OPEN", 1)
    assert len(copier.receives()) == 1
    assert plane.rows("select is_protected, blocked_by from signals.portfolios") == [(False, None)]


def test_another_goes_on_protecting(plane: Plane, master: Master, copier: Copier) -> None:
    copier.beats("900")
    protection = plane.protect(copier.portfolio, "EQUITY_FLOOR", "1000")
    plane.protect(copier.portfolio, "EQUITY_FLOOR", "950")
    plane.remove_protection(protection)
    master.does("OPEN", 1)
    assert copier.receives() == []
    assert copier.reasons() == ["EQUITY_PROTECTION"]


def test_it_is_kept_with_the_time_and_who_did_it(plane: Plane, copier: Copier) -> None:
    protection = plane.protect(copier.portfolio, "EQUITY_FLOOR", "1000")
    plane.remove_protection(protection, "olga")
    assert plane.rows("select removed_at from signals.protections") == [plane.now]
    detail = plane.value("select detail from signals.protection_events where code = 'TRS35'")
    assert detail == {"protection": protection, "actor": "olga", "reason": "removed"}


@pytest.mark.parametrize("actor", ["", None])
def test_it_must_be_said_who_does_it(plane: Plane, copier: Copier, actor: str | None) -> None:
    protection = plane.protect(copier.portfolio, "EQUITY_FLOOR", "1000")
    with pytest.raises(psycopg.Error) as refusal:
        plane.remove_protection(protection, actor)
    assert refusal.value.sqlstate == "TRS28"


def test_once(plane: Plane, copier: Copier) -> None:
    protection = plane.protect(copier.portfolio, "EQUITY_FLOOR", "1000")
    plane.remove_protection(protection)
    for gone in (protection, 999_999):
        with pytest.raises(psycopg.Error) as refusal:
            plane.remove_protection(gone)
        assert refusal.value.sqlstate == "TRS28"
