"""Whose rights a command has: those of whoever logs in, and an operator's are enough."""

import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner, Result

from ops.cli import app
from tests.db.plane import Plane

pytestmark = pytest.mark.core

GROUPS = ["account", "license", "stream", "subscription", "wallet", "trust", "halt", "audit", "jobs"]


def ecp(plane: Plane, role: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--database-url", make_conninfo(plane.url, user=role), *arguments])


def test_an_operator_needs_no_more_than_that(own_plane: Plane) -> None:
    master = own_plane.master()
    copier = own_plane.copier(master)
    account, stream, subscription = str(copier.account), str(master.stream), str(copier.subscription)
    own_plane.operator.execute("select billing.open_wallet(%s, 'USD')", [account])
    master.does("OPEN", 1)
    copier.receives()
    volumes = ("--volume-min", "1", "--volume-max", "2", "--volume-step", "1")
    for arguments in [
        *(
            [group, "list"]
            for group in ["account", "license", "stream", "subscription", "wallet", "trust", "halt", "audit", "jobs"]
        ),
        ["alarms"],
        ["verify"],
        ["audit", "verify"],
        ["explain", subscription, "1", "1"],
        ["whatif", subscription, "--settings", "{}"],
        ["statement", account],
        ["account", "create", "nora", "--role", "provider"],
        ["account", "show", account],
        ["license", "issue", account, "api"],
        ["stream", "show", stream],
        ["stream", "instrument", stream, "XAUUSD", "--digits", "2", *volumes],
        ["subscription", "show", subscription],
        ["subscription", "set", subscription, "--settings", '{"multiplier": 2}'],
        ["subscription", "settings", subscription],
        ["subscription", "pause", subscription],
        ["subscription", "history", subscription],
        ["wallet", "deposit", account, "5", "--key", "wire 1"],
        ["trust", "show", account],
        ["trust", "reset", account, "--role", "subscriber", "--score", "90", "--reason", "a drill"],
        ["halt", "set", "global", "--reason", "a drill"],
        ["halt", "lift", "global", "--reason", "a drill"],
        ["jobs", "run"],
        ["jobs", "history"],
        ["jobs", "set", "keep_signals", "400 days", "--reason", "a drill"],
    ]:
        done = ecp(own_plane, "ecp_operator", *arguments)
        assert done.exit_code == 0, (arguments, done.output)
    assert own_plane.rows("select distinct login from audit.records where kind = 'signals.halt'") == ["ecp_operator"]


@pytest.mark.parametrize(
    "arguments",
    [("halt", "set", "global", "--reason", "mischief"), ("account", "list"), ("tail",), ("wallet", "open", "1")],
)
def test_an_analyst_may_not(own_plane: Plane, arguments: tuple[str, ...]) -> None:
    refused = ecp(own_plane, "ecp_analyst", *arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("ecp: 42501 ")
    assert own_plane.rows("select from ops.halts") == []
