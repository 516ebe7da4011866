"""`ecp jobs`: what is due, what was done, what is chosen."""

import pytest

from tests.db.plane import Plane
from tests.ops.commands.conftest import Ecp, Said

pytestmark = pytest.mark.core


def test_what_is_due_is_run_and_what_it_did_is_kept(own_plane: Plane, said: Said) -> None:
    own_plane.admin.execute("update ops.jobs set due_at = core.now() + every")
    assert said("jobs", "run") == {"ran": 0}
    own_plane.tick(days=1)
    own_plane.admin.execute("update ops.jobs set call = 'signals.away' where name = 'sweep'")
    assert said("jobs", "run")["ran"] == len(said("jobs", "list")["rows"])
    (failed,) = [row for row in said("jobs", "list")["rows"] if row["sqlstate"]]
    assert (failed["name"], failed["sqlstate"]) == ("sweep", "42883")
    (run,) = said("jobs", "history", "sweep")["rows"]
    assert run["error"].startswith("function signals.away() does not exist")
    assert run in said("jobs", "history")["rows"]


def test_a_setting_is_changed_with_who_and_why(said: Said) -> None:
    change = ("jobs", "set", "keep_signals", "400 days", "--reason", "the auditor asked", "--actor", "Ada")
    changed = said(*change)
    assert (changed["value"], changed["changed_by"], changed["reason"]) == (
        "400 days, 0:00:00",
        "Ada",
        "the auditor asked",
    )
    assert changed in said("jobs", "settings")["rows"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("set", "luck", "1 day", "--reason", "r"), "TRD17"),
        (("set", "keep_signals", "1 day", "--reason", "r"), "TRD17"),
        (("set", "keep_signals", "long", "--reason", "r"), "22007"),
    ],
)
def test_what_cannot_be_is_refused(ecp: Ecp, arguments: tuple[object, ...], code: str) -> None:
    refused = ecp("jobs", *arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"ecp: {code} ")


def test_usage_errors_exit_with_2(ecp: Ecp) -> None:
    assert ecp("jobs", "set", "keep_signals", "400 days").exit_code == 2
