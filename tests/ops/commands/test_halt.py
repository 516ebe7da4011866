"""`ecp halt`: what an operator does at night."""

import pytest

from tests.db.plane import Master, Plane
from tests.ops.commands.conftest import Ecp, Said

pytestmark = pytest.mark.core


@pytest.fixture
def master(own_plane: Plane) -> Master:
    return own_plane.master()


@pytest.mark.parametrize("scope", ["global", "stream", "account", "symbol"])
def test_what_is_halted_is_listed_until_it_is_lifted(master: Master, ecp: Ecp, said: Said, scope: str) -> None:
    subjects: dict[str, list[object]] = {
        "global": [],
        "stream": [master.stream],
        "account": [master.account],
        "symbol": ["EURUSD"],
    }
    subject = subjects[scope]
    (row,) = said("halt", "set", scope, *subject, "--reason", "prices run wild", "--actor", "Ada")["rows"]
    assert (row["scope"], row["subject"]) == (scope.upper(), str(subject[0]) if subject else None)
    assert (row["reason"], row["actor"]) == ("prices run wild", "Ada")
    assert "prices run wild" in ecp("halt", "list").stdout
    assert master.does("OPEN").verdict == "HALTED"
    assert ecp("alarms").stdout.splitlines()[1].startswith("HALTED")
    assert said("halt", "lift", scope, *subject, "--reason", "calm again") == {"was_halted": True}
    assert master.does("OPEN").verdict == "ACCEPTED"
    assert said("halt", "list")["rows"] == []


def test_what_was_not_halted_is_said_with_status_1(ecp: Ecp) -> None:
    lifted = ecp("halt", "lift", "global", "--reason", "calm again", "--json")
    assert (lifted.exit_code, lifted.stdout) == (1, '{"was_halted": false}\n')


def test_it_is_whoever_is_at_the_keyboard(own_plane: Plane, ecp: Ecp) -> None:
    ecp("halt", "set", "global", "--reason", "a drill", env={"LOGNAME": "grace"})
    assert own_plane.value("select actor from ops.halts") == "grace"


@pytest.mark.parametrize(
    "arguments",
    [("stream", "--reason", "r"), ("stream", 999, "--reason", "r"), ("symbol", "EURUDS", "--reason", "r"),
     ("global", 1, "--reason", "r"), ("global", "--reason", " "), ("global", "--reason", "r", "--actor", "")],
)  # fmt: skip
def test_what_cannot_be_halted_is_refused(ecp: Ecp, arguments: tuple[object, ...]) -> None:
    refused = ecp("halt", "set", *arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("ecp: TRS42 ")


@pytest.mark.parametrize("arguments", [("set", "global"), ("set", "lane", 1, "--reason", "r"), ("lift", "global")])
def test_usage_errors_exit_with_2(ecp: Ecp, arguments: tuple[object, ...]) -> None:
    assert ecp("halt", *arguments).exit_code == 2
