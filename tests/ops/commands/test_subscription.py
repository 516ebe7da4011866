"""`ecp subscription`: who follows which stream, and how."""

import pytest

from tests.db.plane import Master, Plane
from tests.ops.commands.conftest import Ecp, Said

pytestmark = pytest.mark.core


@pytest.fixture
def master(own_plane: Plane) -> Master:
    return own_plane.master()


def test_from_its_first_settings_to_its_end(own_plane: Plane, master: Master, said: Said) -> None:
    account = own_plane.account("subscriber")
    number = said("subscription", "create", account, master.stream, "--settings", '{"multiplier": 2}')[
        "subscription_id"
    ]
    changed = said("subscription", "set", number, "--settings", '{"multiplier": 3}', "--actor", "Ada")
    assert changed == {"version": 2}
    versions = said("subscription", "settings", number)["rows"]
    assert [(row["version"], row["settings"]["multiplier"]) for row in versions] == [(2, 3), (1, 2)]
    assert versions[0]["actor"] == "Ada"

    assert said("subscription", "pause", number, "--actor", "Ada") == {"state": "PAUSED_BY_USER"}
    (row,) = said("subscription", "list", "--account", account)["rows"]
    assert (row["subscription_id"], row["state"], row["cause"]) == (number, "PAUSED_BY_USER", "user_pause")
    assert said("subscription", "resume", number) == {"state": "SYNCED"}
    assert said("subscription", "end", number) == {"state": "ENDED"}
    assert said("subscription", "list")["rows"] == []
    shown = said("subscription", "show", number)
    assert (shown["state"], shown["stream"], shown["multiplier"]) == ("ENDED", master.name, "3")
    moves = said("subscription", "history", number)["rows"]
    assert {row["cause"] for row in moves} == {"subscribe", "user_pause", "user_resume", "end"}
    assert "Ada" in {row["actor"] for row in moves}


def test_what_it_takes_back_is_what_it_gives(own_plane: Plane, master: Master, said: Said) -> None:
    """The settings that are shown can be given again."""
    import json

    number = own_plane.subscribe(own_plane.account("subscriber"), master.stream, sizing="FIXED", fixed_volume="0.5")
    (before,) = said("subscription", "settings", number)["rows"]
    said("subscription", "set", number, "--settings", json.dumps(before["settings"]))
    newest, _ = said("subscription", "settings", number)["rows"]
    assert newest["settings"] == before["settings"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", 999), "TRD22"),
        (("create", 999, "{stream}"), "TRA08"),
        (("create", "{account}", 999), "TRS10"),
        (("create", "{account}", "{stream}", "--settings", "x"), "TRS20"),
        (("create", "{account}", "{stream}", "--settings", '{{"luck": 1}}'), "TRS20"),
        (("set", 999, "--settings", "{{}}"), "TRS17"),
        (("pause", 999), "TRS17"),
        (("resume", "{subscription}"), "TRS23"),
    ],
)
def test_what_cannot_be_is_refused(
    own_plane: Plane, master: Master, ecp: Ecp, arguments: tuple[object, ...], code: str
) -> None:
    account = own_plane.account("subscriber")
    subscription = own_plane.subscribe(own_plane.account("subscriber"), master.stream)
    given = {"account": account, "stream": master.stream, "subscription": subscription}
    refused = ecp("subscription", *(str(argument).format(**given) for argument in arguments))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"ecp: {code} ")


@pytest.mark.parametrize("arguments", [("create", 1), ("set", 1), ("pause",), ("show", "x")])
def test_usage_errors_exit_with_2(ecp: Ecp, arguments: tuple[object, ...]) -> None:
    assert ecp("subscription", *arguments).exit_code == 2
