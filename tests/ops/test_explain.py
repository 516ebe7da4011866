"""The layout of `ecp explain`: the sentence first, then the numbers that it stands on, then all that is known."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops import explain
from ops.cli import app
from tests.db.plane import Copier, Plane

pytestmark = pytest.mark.core


def ecp(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def plane(database_url: str) -> Iterator[Plane]:
    with Plane(database_url) as found:
        yield found


@pytest.fixture
def copier(plane: Plane) -> Copier:
    """Half of what the master does: its first signal was delivered, its second is too small."""
    master = plane.master(lane=1)
    found = plane.copier(master, lane=2, multiplier=0.5)
    master.does("OPEN", volume="0.30")
    master.does("OPEN", volume="0.01")
    plane.pump(2)
    return found


def test_what_decided_comes_before_what_is_known() -> None:
    row: dict[str, Any] = {
        "subscription_id": 3,
        "master_volume": Decimal("0.77"),
        "delivery_seq": None,
        "reason": "BELOW_MINIMUM",
        "formula": "0.77 lots x 0.1 = 0.077, down to step 0.01 = 0.07",
        "rule": "volume_min",
        "threshold": "0.1",
        "value": "0.07",
        "settings": {"sizing": "MULTIPLIER", "multiplier": 0.1, "hours": None, "sides": ["BUY"]},
        "sentence": "Skipped: 0.07 lots is below the minimum of 0.1.",
    }
    assert list(explain.lines(row)) == [
        "Skipped: 0.07 lots is below the minimum of 0.1.",
        "  0.77 lots x 0.1 = 0.077, down to step 0.01 = 0.07",
        "  rule volume_min: value 0.07, threshold 0.1",
        "",
        "subscription id   3",
        "master volume     0.77",
        "reason            BELOW_MINIMUM",
        "settings          sizing MULTIPLIER, multiplier 0.1, sides BUY",
    ]


def test_what_is_not_known_takes_no_line() -> None:
    assert list(explain.lines({"subscription_id": 3, "rule": None, "sentence": "The plane holds no such signal."})) == [
        "The plane holds no such signal.",
        "",
        "subscription id   3",
    ]


def test_a_rule_without_numbers() -> None:
    row = {"rule": "halt", "threshold": None, "value": None, "sentence": "Skipped: halted."}
    assert list(explain.lines(row)) == ["Skipped: halted.", "  rule halt"]


def test_long_settings_are_wrapped() -> None:
    row = {"settings": {f"setting_{n}": n for n in range(30)}, "sentence": "Copied."}
    _, _, *lines = explain.lines(row)
    assert len(lines) > 1
    assert max(map(len, lines)) <= 100
    assert " ".join(line[18:] for line in lines) == ", ".join(f"setting_{n} {n}" for n in range(30))


def test_a_delivery_is_explained_like_its_signal(copier: Copier) -> None:
    target = ("--database-url", copier.plane.url, "explain", str(copier.subscription))
    by_delivery = json.loads(ecp(*target, "--delivery", "1", "--json").stdout)
    assert by_delivery == json.loads(ecp(*target, "1", "1", "--json").stdout)
    assert (by_delivery["epoch"], by_delivery["seq"], by_delivery["delivery_seq"]) == (1, 1, 1)
    assert (by_delivery["outcome"], by_delivery["volume"]) == ("DELIVERED", "0.15")
    lines = ecp(*target, "--delivery", "1").stdout.splitlines()
    assert lines[:2] == [by_delivery["sentence"], f"  {by_delivery['formula']}"]


def test_a_skipped_one_names_rule_threshold_and_value(copier: Copier) -> None:
    target = ("--database-url", copier.plane.url, "explain", str(copier.subscription), "1", "2")
    said = json.loads(ecp(*target, "--json").stdout)
    assert (said["reason"], said["settings_version"]) == ("BELOW_MINIMUM", 1)
    assert (said["rule"], said["value"].split()[0], said["threshold"].split()[0]) == ("volume_min", "0", "0.01")
    lines = ecp(*target).stdout.splitlines()
    assert lines[2] == f"  rule {said['rule']}: value {said['value']}, threshold {said['threshold']}"


@pytest.mark.parametrize("subscription", [None, 999_999])
def test_what_was_never_delivered_is_refused(copier: Copier, subscription: int | None) -> None:
    number = str(subscription or copier.subscription)
    missing = ecp("--database-url", copier.plane.url, "explain", number, "--delivery", "2")
    assert missing.exit_code == 1
    assert missing.stderr.startswith(f"ecp: TRS18 subscription {number} has no delivery 2")
