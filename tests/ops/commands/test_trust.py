"""`ecp trust`: the score first, then what follows from it, then what led to it."""

import json

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from tests.db.plane import Master, Plane

pytestmark = pytest.mark.core


def ecp(own_plane: Plane, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--database-url", own_plane.url, "trust", *arguments])


@pytest.fixture
def forger(own_plane: Plane) -> Master:
    """A provider at 20."""
    master = own_plane.master(lane=1)
    signal = master.signal("OPEN")
    master.send(signal.forged(), signal.forged())
    return master


def test_it_says_what_is_paused_why_and_until_when(own_plane: Plane, forger: Master) -> None:
    shown = ecp(own_plane, "show", str(forger.account))
    assert shown.exit_code == 0
    first, second, third, *rest = shown.stdout.splitlines()
    assert first.endswith("as provider, lane 1: score 20 of 100")
    assert second == "  not trusted: nothing that raises exposure passes before 2026-01-08 12:00:00, or a reset"
    assert third == f"  paused: stream {forger.name}"
    assert "  refusals in 24 hours: TRS03 2" in rest
    assert rest[-1].split("  ", 1)[1].startswith("2026-01-05 12:00:00  TRS03")
    assert rest[-1].endswith(
        f"100 -> 60   invalid signature, of a signal or a resync (stream {forger.stream}, epoch 1, seq 1)"
    )


def test_a_reset_shows_how_it_stands_then(own_plane: Plane, forger: Master) -> None:
    done = ecp(
        own_plane, "reset", str(forger.account), "--score", "80", "--reason", "a test of theirs", "--actor", "Ada"
    )
    assert done.exit_code == 0, done.output
    assert "score 80 of 100" in done.stdout
    assert "  trusted: what raises exposure passes" in done.stdout.splitlines()
    assert "a test of theirs, by Ada" in done.stdout
    assert forger.does("OPEN", seq=1).verdict == "ACCEPTED"


def test_one_object_has_all_of_it(own_plane: Plane, forger: Master) -> None:
    said = json.loads(ecp(own_plane, "show", str(forger.account), "--json").stdout)
    (row,) = said["standings"]
    assert said["account_id"] == forger.account
    assert (row["role"], row["score"], row["is_trusted"]) == ("provider", 20, False)
    assert [event["score_after"] for event in row["events"]] == [20, 60]


def test_who_is_both_must_be_named(own_plane: Plane) -> None:
    account = own_plane.account("provider", "subscriber")
    own_plane.master(account=account)
    arguments = ("reset", str(account), "--score", "10", "--reason", "a drill")
    refused = ecp(own_plane, *arguments)
    assert (refused.exit_code, refused.stderr.splitlines()[1]) == (1, "hint: give --role")
    assert ecp(own_plane, *arguments, "--role", "subscriber").exit_code == 0


def test_who_only_operates_has_nothing_to_show(own_plane: Plane) -> None:
    shown = ecp(own_plane, "show", str(own_plane.account("operator")))
    assert shown.stdout.splitlines() == ["It neither provides nor subscribes, so there is nothing to trust it with."]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "999999"), "TRT01"),
        (("reset", "999999", "--score", "1", "--reason", "r"), "TRT01"),
        (("reset", "{account}", "--score", "1", "--reason", " "), "TRT02"),
    ],
)
def test_what_cannot_be_is_refused(own_plane: Plane, forger: Master, arguments: tuple[str, ...], code: str) -> None:
    result = ecp(own_plane, *[argument.format(account=forger.account) for argument in arguments])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"ecp: {code} ")


@pytest.mark.parametrize(
    "arguments", [("show",), ("reset", "1"), ("reset", "1", "--score", "101", "--reason", "r"), ("show", "ada")]
)
def test_usage_errors_exit_with_2(own_plane: Plane, arguments: tuple[str, ...]) -> None:
    assert ecp(own_plane, *arguments).exit_code == 2


def test_all_scores_the_lowest_first(own_plane: Plane, forger: Master) -> None:
    other = own_plane.master()
    other.send(other.signal("OPEN").forged())
    listed = json.loads(ecp(own_plane, "list", "--json").stdout)["rows"]
    assert [(row["account_id"], row["score"]) for row in listed] == [(forger.account, 20), (other.account, 60)]
