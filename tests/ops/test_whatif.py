"""`ecp whatif`: the table, what it adds up to, and that it is what the plane would have decided."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops import whatif
from ops.cli import app
from tests.db.plane import START, Copier, Plane

pytestmark = pytest.mark.core

AT = datetime(2026, 11, 20, 9, 30, 5, tzinfo=UTC)


def ecp(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def row(seq: int, action: str = "OPEN", **columns: Any) -> dict[str, Any]:
    """A row of signals.what_if: copied then and now, unless told otherwise."""
    return {
        "sent_at": AT + timedelta(minutes=seq),
        "epoch": 1,
        "seq": seq,
        "action": action,
        "symbol": "EURUSD",
        "side": "BUY",
        "master_volume": Decimal("1.20"),
        "reason_then": "COPIED",
        "volume_then": Decimal("0.60"),
        "reason": "COPIED",
        "copy_symbol": "EURUSD",
        "copy_side": "BUY",
        "volume": Decimal("0.30"),
        "formula": "",
        "notional": Decimal(30_000),
        "cost": Decimal("2.10"),
    } | columns


ROWS = [
    row(1),
    row(2, reason_then="BELOW_MINIMUM", volume_then=None, copy_symbol="EURUSD.m", copy_side="SELL",
        volume=Decimal(1500)),
    row(3, reason="NO_STOP", copy_symbol=None, copy_side=None, volume=None, notional=None, cost=None),
    row(4, "CLOSE", master_volume=None, volume_then=Decimal(0), volume=Decimal(0), cost=None),
    row(5, "SNAPSHOT", symbol=None, side=None, master_volume=None, reason_then=None, volume_then=None,
        reason="SNAPSHOT_RECORDED", copy_symbol=None, copy_side=None, volume=None, cost=None),
]  # fmt: skip


def test_the_table() -> None:
    assert list(whatif.lines(ROWS)) == [
        "time (UTC)           signal  action    symbol  side  master  then           proposed               lots  cost",
        "2026-11-20 09:31:05  1/1     OPEN      EURUSD  BUY      1.2  COPIED 0.6     COPIED                  0.3   2.1",
        "2026-11-20 09:32:05  1/2     OPEN      EURUSD  BUY      1.2  BELOW_MINIMUM  COPIED EURUSD.m SELL  1,500   2.1",
        "2026-11-20 09:33:05  1/3     OPEN      EURUSD  BUY      1.2  COPIED 0.6     NO_STOP",
        "2026-11-20 09:34:05  1/4     CLOSE     EURUSD  BUY           COPIED 0       COPIED                    0",
        "2026-11-20 09:35:05  1/5     SNAPSHOT                        -              SNAPSHOT_RECORDED",
        "",
        "5 signals: 2 openings of 1,500.3 lots copied, cost 2.1 in EURUSD, 2.1 in EURUSD.m; then 2 of 1.2 lots",
    ]


def test_what_it_adds_up_to() -> None:
    assert whatif.summary(ROWS) == {
        "signals": 5,
        "copied_then": 2,
        "copied": 2,
        "lots_then": Decimal("1.20"),
        "lots": Decimal("1500.30"),
        "cost": {"EURUSD": Decimal("2.10"), "EURUSD.m": Decimal("2.10")},
    }


def test_nothing_to_replay_is_said() -> None:
    assert list(whatif.lines([])) == ["the master sent nothing to replay in that time"]


@pytest.fixture
def plane(database_url: str) -> Iterator[Plane]:
    with Plane(database_url) as found:
        yield found


@pytest.fixture
def copier(plane: Plane) -> Copier:
    """Half of what the master does, which is to open three times in three minutes and to close one position."""
    master = plane.master(lane=1)
    found = plane.copier(master, lane=2, multiplier=0.5)
    for volume in ("0.30", "0.01", "0.50"):
        plane.tick(minutes=1)
        master.does("OPEN", volume=volume, stop_loss="1.09000")
        plane.pump(2)
    plane.tick(minutes=1)
    master.does("CLOSE", 1)
    plane.pump(2)
    # What is received at the very end of a span is no part of it.
    plane.tick(minutes=1)
    return found


def state(plane: Plane) -> list[Any]:
    tables = ["decisions", "copies", "copy_settings", "subscriptions", "subscription_heads", "positions",
              "dispatch_cursors", "portfolios"]  # fmt: skip
    query = " union all ".join(f"select '{name}', t::text from signals.{name} as t" for name in tables)
    return sorted(plane.admin.execute(query.encode()).fetchall())


def test_other_lots_as_they_would_have_been_and_nothing_is_changed(copier: Copier) -> None:
    before = state(copier.plane)
    target = ("--database-url", copier.plane.url, "whatif", str(copier.subscription))
    said = json.loads(ecp(*target, "--settings", '{"multiplier": 1}', "--json").stdout)
    assert said["settings"] == {"multiplier": 1}
    assert [
        (each["seq"], each["action"], each["reason_then"], each["volume_then"], each["reason"], each["volume"])
        for each in said["rows"]
    ] == [
        (1, "OPEN", "COPIED", "0.15", "COPIED", "0.30"),
        (2, "OPEN", "BELOW_MINIMUM", None, "COPIED", "0.01"),
        (3, "OPEN", "COPIED", "0.25", "COPIED", "0.50"),
        (4, "CLOSE", "COPIED", "0", "COPIED", "0"),
    ]
    assert (said["signals"], said["copied_then"], said["copied"]) == (4, 2, 3)
    assert (Decimal(said["lots_then"]), Decimal(said["lots"])) == (Decimal("0.40"), Decimal("0.81"))
    assert state(copier.plane) == before

    *table, blank, total = ecp(*target, "--settings", '{"multiplier": 1}').stdout.splitlines()
    assert [line.split()[2] for line in table] == ["signal", "1/1", "1/2", "1/3", "1/4"]
    assert blank == ""
    assert total.startswith("4 signals: 3 openings of 0.81 lots copied")
    assert total.endswith("; then 2 of 0.4 lots")


def test_filters_proposed_skip_what_was_copied(copier: Copier) -> None:
    target = ("--database-url", copier.plane.url, "whatif", str(copier.subscription))
    said = json.loads(ecp(*target, "--settings", '{"sides": ["SELL"]}', "--json").stdout)
    reasons = [(each["seq"], each["reason"]) for each in said["rows"]]
    assert reasons == [(1, "SIDE_FILTERED"), (2, "SIDE_FILTERED"), (3, "SIDE_FILTERED"), (4, "NOT_COPIED")]
    assert (said["copied_then"], said["copied"]) == (2, 0)


@pytest.mark.parametrize(
    ("span", "seqs"),
    [
        (("--day", f"{START:%Y-%m-%d}"), [1, 2, 3, 4]),
        (("--day", "2001-01-01"), []),
        (("--from", f"{START + timedelta(minutes=2):%Y-%m-%dT%H:%M}"), [2, 3, 4]),
        (
            (
                *("--from", f"{START + timedelta(minutes=2):%Y-%m-%dT%H:%M}"),
                *("--to", f"{START + timedelta(minutes=3):%Y-%m-%dT%H:%M}"),
            ),
            [2],
        ),
        (("--to", f"{START + timedelta(minutes=2):%Y-%m-%dT%H:%M}"), [1]),
    ],
)
def test_spans(copier: Copier, span: tuple[str, ...], seqs: list[int]) -> None:
    """From a moment up to another, which is no part of it."""
    target = ("--database-url", copier.plane.url, "whatif", str(copier.subscription), "--settings", "{}", *span)
    assert [each["seq"] for each in json.loads(ecp(*target, "--json").stdout)["rows"]] == seqs


@pytest.mark.parametrize("settings", ['{"sizing": "RISK"}', '{"colour": "red"}', '{"volume_min": -1}'])
def test_settings_that_contradict_themselves_are_refused_with_the_rule(copier: Copier, settings: str) -> None:
    refused = ecp(
        *("--database-url", copier.plane.url, "whatif", str(copier.subscription), "--settings", settings),
    )
    assert refused.exit_code == 1
    assert refused.stderr.startswith("ecp: TRS20 ")
    assert '"rule"' in refused.stderr


def test_a_subscription_that_is_not_there(copier: Copier) -> None:
    missing = ecp("--database-url", copier.plane.url, "whatif", "999999", "--settings", "{}")
    assert missing.exit_code == 1
    assert missing.stderr.startswith("ecp: TRS17 ")
