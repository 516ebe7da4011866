"""Sign-out: every token of one exchange ends, and those of no other."""

import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def exchange(plane: Plane, license_token: str) -> tuple[str, str]:
    """(access token, refresh token)."""
    (row,) = plane.admin.execute(
        "select access_token, refresh_token from access.exchange_license(%s)", [license_token]
    ).fetchall()
    return row[0], row[1]


def admits(plane: Plane, token: str) -> bool:
    """Whether a request with this access token would be heard."""
    try:
        with plane.admin.transaction():
            plane.admin.execute("select access.admit(%s)", [token])
    except psycopg.DatabaseError as error:
        return error.sqlstate != "TRW11"
    return True


@pytest.fixture
def license_token(own_plane: Plane) -> str:
    account = own_plane.value("select access.create_account('acme', '{provider}')")
    return str(own_plane.value("select token from access.issue_license(%s, 'api')", account))


def test_it_ends_what_came_from_the_same_exchange(own_plane: Plane, license_token: str) -> None:
    ended, kept = exchange(own_plane, license_token), exchange(own_plane, license_token)
    assert admits(own_plane, ended[0])
    own_plane.admin.execute("select access.revoke_tokens(%s)", [ended[1]])
    assert not admits(own_plane, ended[0])
    assert admits(own_plane, kept[0])
    with pytest.raises(psycopg.Error) as refused:
        own_plane.admin.execute("select access.refresh(%s)", [ended[1]])
    assert refused.value.sqlstate == "TRW11"


def test_a_token_that_was_used_ends_them_too(own_plane: Plane, license_token: str) -> None:
    access, refresh = exchange(own_plane, license_token)
    assert admits(own_plane, access)
    own_plane.admin.execute("select access.refresh(%s)", [refresh])
    own_plane.admin.execute("select access.revoke_tokens(%s)", [refresh])
    assert not admits(own_plane, access)


@pytest.mark.parametrize("token", [None, "", "ecr_x", "ecr_" + "0" * 32 + "_" + "0" * 64])
def test_what_is_no_token_ends_nothing(own_plane: Plane, token: str | None) -> None:
    with pytest.raises(psycopg.Error) as refused:
        own_plane.admin.execute("select access.revoke_tokens(%s)", [token])
    assert refused.value.sqlstate == "TRW11"
