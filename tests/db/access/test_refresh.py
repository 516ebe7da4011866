"""The next pair of tokens; a refresh token that is shown twice ends all of them."""

import psycopg
import pytest

from tests.db.plane import Plane, run_together

pytestmark = pytest.mark.core

REFRESH = "select code, access_token, refresh_token from access.refresh(%s)"


def refresh(plane: Plane, token: str) -> tuple[str | None, str, str]:
    with plane.connect("ecp_api") as api:
        row = api.execute(REFRESH, [token]).fetchone()
    assert row
    return row[0], row[1], row[2]


def refused(plane: Plane, token: str) -> str | None:
    with pytest.raises(psycopg.Error) as raised:
        refresh(plane, token)
    return raised.value.sqlstate


def admits(plane: Plane, token: str) -> bool:
    with plane.connect("ecp_api") as api:
        try:
            api.execute("select access.admit(%s)", [token])
        except psycopg.Error as error:
            assert error.sqlstate == "TRW11"  # noqa: PT017
            return False
    return True


def test_each_is_good_for_one_refresh_and_goes_on_and_on(plane: Plane) -> None:
    token = plane.tokens(plane.license(plane.account(), "api").token).refresh_token
    seen = {token}
    for _ in range(3):
        code, access_token, token = refresh(plane, token)
        assert code is None
        assert admits(plane, access_token)
        seen.add(token)
    assert len(seen) == 4


def test_one_that_is_shown_again_ends_its_family_and_no_other(plane: Plane) -> None:
    license_token = plane.license(plane.account(), "api").token
    first, other = plane.tokens(license_token), plane.tokens(license_token)
    _, second_access, second = refresh(plane, first.refresh_token)
    assert refresh(plane, first.refresh_token)[0] == "TRW13"
    assert not admits(plane, first.access_token)
    assert not admits(plane, second_access)
    assert refused(plane, second) == "TRW11"
    assert refused(plane, first.refresh_token) == "TRW11"
    assert admits(plane, other.access_token)
    assert refresh(plane, other.refresh_token)[0] is None


def test_two_at_the_same_moment_are_one_too_many(plane: Plane) -> None:
    """Whoever comes second is told, and what the first one got is revoked."""
    token = plane.tokens(plane.license(plane.account(), "api").token).refresh_token
    found: list[tuple[str | None, str, str]] = []
    run_together(*[lambda: found.append(refresh(plane, token))] * 2)
    codes = sorted(str(code) for code, *_ in found)
    assert codes == ["None", "TRW13"]
    assert not [code for code, access_token, _ in found if code is None and admits(plane, access_token)]


def test_a_guess_ends_nothing(plane: Plane) -> None:
    found = plane.tokens(plane.license(plane.account(), "api").token)
    forged = found.refresh_token[:-4] + ("0000" if found.refresh_token[-4:] != "0000" else "1111")
    for guess in (forged, "", "ecr_x", found.access_token, found.refresh_token.upper()):
        assert refused(plane, guess) == "TRW11"
    assert admits(plane, found.access_token)


def test_it_ends_with_the_license_and_the_role(plane: Plane) -> None:
    account = plane.account("operator")
    license_of = plane.license(account, "api")
    token = plane.tokens(license_of.token, "operator").refresh_token
    plane.admin.execute("update access.accounts set roles = '{subscriber}' where account_id = %s", [account])
    assert refused(plane, token) == "TRW14"
    plane.admin.execute("update access.accounts set roles = '{operator}' where account_id = %s", [account])
    plane.tick(days=31)
    assert refused(plane, token) == "TRA02"
