"""`ecp license`: a token is shown when it is made, and never again."""

import pytest

from tests.db.plane import Plane
from tests.ops.commands.conftest import Ecp, Said

pytestmark = pytest.mark.core


def test_from_issue_to_end(own_plane: Plane, ecp: Ecp, said: Said) -> None:
    account = own_plane.account("provider")
    first = said("license", "issue", account, "publish", "--network", "192.0.2.0/24", "--days", 2)
    second = said("license", "rotate", first["license_id"], "--overlap-hours", 1)
    other = said("license", "issue", own_plane.account("provider"), "api")
    secrets = [made["token"] for made in (first, second, other)]
    assert len(set(secrets)) == 3

    shown = said("license", "show", first["license_id"])
    assert (shown["networks"], shown["has_successor"], shown["refusal"]) == (["192.0.2.0/24"], True, None)
    revoked = said("license", "revoke", second["license_id"], "--reason", "left the firm", "--actor", "Ada")
    assert (revoked["refusal"], revoked["revoked_by"], revoked["revoked_reason"]) == ("TRA03", "Ada", "left the firm")
    assert [row["license_id"] for row in said("license", "list", "--account", account)["rows"]] == [
        first["license_id"],
        second["license_id"],
    ]
    assert len(said("license", "list")["rows"]) == 3
    for command in (("license", "list"), ("license", "show", first["license_id"]), ("audit", "list", "--changes")):
        shown_again = ecp(*command).output
        assert not [secret for secret in secrets if secret.rpartition("_")[2] in shown_again]


def test_for_people_a_record_is_a_line_for_each_name(own_plane: Plane, ecp: Ecp) -> None:
    made = ecp("license", "issue", own_plane.account("provider"), "publish").stdout.splitlines()
    assert [line.split()[0] for line in made] == ["license_id", "token", "expires_at"]


NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("issue", 999, "publish"), "TRA08"),
        (("issue", "{account}", "publish", "--network", "here"), "22P02"),
        (("rotate", NOBODY), "TRA01"),
        (("revoke", NOBODY, "--reason", "r"), "TRA01"),
        (("show", NOBODY), "TRD22"),
    ],
)
def test_what_cannot_be_is_refused(own_plane: Plane, ecp: Ecp, arguments: tuple[object, ...], code: str) -> None:
    account = own_plane.account("provider")
    refused = ecp("license", *(str(argument).format(account=account) for argument in arguments))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"ecp: {code} ")


@pytest.mark.parametrize("arguments", [("issue", 1), ("issue", 1, "fame"), ("show", "x"), ("revoke", NOBODY)])
def test_usage_errors_exit_with_2(ecp: Ecp, arguments: tuple[object, ...]) -> None:
    assert ecp("license", *arguments).exit_code == 2
