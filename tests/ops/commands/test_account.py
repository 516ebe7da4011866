"""`ecp account`: made, listed, shown, suspended."""

import pytest

from tests.ops.commands.conftest import Ecp, Said

pytestmark = pytest.mark.core


def test_an_account_is_made_and_found_again(ecp: Ecp, said: Said) -> None:
    made = said("account", "create", "nora", "--role", "provider", "--role", "subscriber", "--lane", 1)
    found = said("account", "show", made["account_id"])
    assert (found["name"], found["roles"], found["lane"]) == ("nora", ["provider", "subscriber"], 1)
    assert (found["status"], found["licenses"], found["streams"], found["subscriptions"]) == ("ACTIVE", 0, 0, 0)
    assert said("account", "list") == {"rows": [found], "is_cut": False}
    assert "provider, subscriber" in ecp("account", "list").stdout.splitlines()[1]


def test_an_account_is_suspended_and_reinstated(said: Said) -> None:
    account = said("account", "create", "nora", "--role", "provider")["account_id"]
    suspended = said("account", "suspend", account, "--reason", "a drill", "--actor", "ada")
    assert (suspended["status"], suspended["status_by"], suspended["status_reason"]) == ("SUSPENDED", "ada", "a drill")
    assert said("account", "reinstate", account, "--reason", "it is over")["status"] == "ACTIVE"


def test_a_list_says_that_it_is_cut(ecp: Ecp, said: Said) -> None:
    for name in ("nora", "omar"):
        said("account", "create", name, "--role", "provider")
    cut = ecp("account", "list", "--limit", 1)
    assert len(cut.stdout.splitlines()) == 2
    assert cut.stderr == "there are more than 1 rows; --limit shows more\n"
    assert said("account", "list", "--limit", 1)["is_cut"]


def test_where_somebody_looks_there_is_a_table(ecp: Ecp, said: Said) -> None:
    said("account", "create", "[bold]nora[/bold]", "--role", "provider")
    shown = ecp("account", "list", env={"FORCE_COLOR": "1", "COLUMNS": "160"}).stdout
    assert "───" in shown
    assert "[bold]nora[/bold]" in shown


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", 999), "TRD22"),
        (("create", "nora", "--role", "king"), "TRA10"),
        (("create", "", "--role", "provider"), "TRA10"),
        (("suspend", 999, "--reason", "a drill"), "TRA10"),
    ],
)
def test_what_cannot_be_is_refused(ecp: Ecp, arguments: tuple[object, ...], code: str) -> None:
    refused = ecp("account", *arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"ecp: {code} ")


@pytest.mark.parametrize("arguments", [(), ("show",), ("show", "nora"), ("create", "nora"), ("list", "--limit", 0)])
def test_usage_errors_exit_with_2(ecp: Ecp, arguments: tuple[object, ...]) -> None:
    assert ecp("account", *arguments).exit_code == 2
