"""`ecp stream`: a key is shown when it is made, and never again."""

from pathlib import Path

import pytest

from tests.db.plane import KEY, Plane
from tests.ops.commands.conftest import Ecp, Said

pytestmark = pytest.mark.core


def test_a_stream_is_made_with_a_key_of_its_own(own_plane: Plane, ecp: Ecp, said: Said) -> None:
    made = said("stream", "create", own_plane.account("provider"), "gold", "--ttl-ms", 700, "--burst", 7)
    assert len(bytes.fromhex(made["key"])) == 32
    row = own_plane.record("select name, ttl, burst, key_inner from signals.streams")
    assert (row["name"], row["ttl"].total_seconds(), row["burst"]) == ("gold", 0.7, 7)
    assert bytes(byte ^ 54 for byte in row["key_inner"])[:32].hex() == made["key"]
    shown = said("stream", "show", made["stream_id"])
    assert (shown["name"], shown["status"], shown["last_seq"]) == ("gold", "ACTIVE", 0)
    assert [row["name"] for row in said("stream", "list")["rows"]] == ["gold"]
    for command in (("stream", "list"), ("stream", "show", made["stream_id"]), ("audit", "list", "--changes")):
        assert made["key"] not in ecp(*command).output


def test_a_key_that_is_given_is_not_shown(own_plane: Plane, said: Said, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY.hex() + "\n")
    made = said("stream", "create", own_plane.account("provider"), "gold", "--key-file", file)
    assert made == {"stream_id": 1}
    inner = own_plane.value("select key_inner from signals.streams")
    assert bytes(byte ^ 54 for byte in inner)[: len(KEY)] == KEY


def test_an_instrument_is_what_it_trades(own_plane: Plane, said: Said) -> None:
    stream = said("stream", "create", own_plane.account("provider"), "gold")["stream_id"]
    volumes = ("--volume-min", "0.01", "--volume-max", "5", "--volume-step", "0.01")
    said("stream", "instrument", stream, "XAUUSD", "--digits", 2, *volumes, "--contract-size", "100")
    row = own_plane.record("select symbol, digits, volume_max, contract_size from signals.instruments")
    assert row == {"symbol": "XAUUSD", "digits": 2, "volume_max": 5, "contract_size": 100}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("create", 999, "gold"), "TRA08"),
        (("create", "{account}", "no spaces"), "TRS32"),
        (("create", "{account}", "gold", "--key-file", "{missing}"), "TRS32"),
        (("show", 999), "TRD22"),
        (
            ("instrument", 999, "X", "--digits", 2, "--volume-min", 1, "--volume-max", 1, "--volume-step", 1),
            "TRS10",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    own_plane: Plane, ecp: Ecp, tmp_path: Path, arguments: tuple[object, ...], code: str
) -> None:
    given = {"account": own_plane.account("provider"), "missing": tmp_path / "missing"}
    refused = ecp("stream", *(str(argument).format(**given) for argument in arguments))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"ecp: {code} ")


@pytest.mark.parametrize(
    "arguments", [("create", 1), ("create", 1, "gold", "--ttl-ms", 0), ("instrument", 1, "X"), ("show", "gold")]
)
def test_usage_errors_exit_with_2(ecp: Ecp, arguments: tuple[object, ...]) -> None:
    assert ecp("stream", *arguments).exit_code == 2
