"""From a license to a pair of tokens."""

import jwt
import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core

EXCHANGE = "select * from access.exchange_license(%s, %s)"


def refused(plane: Plane, token: str, scope: str | None = "tenant") -> str | None:
    with plane.connect("ecp_api") as api, pytest.raises(psycopg.Error) as raised:
        api.execute(EXCHANGE, [token, scope])
    return raised.value.sqlstate


def test_an_api_license_gets_a_short_token_and_one_to_refresh_it(plane: Plane) -> None:
    account = plane.account()
    found = plane.tokens(plane.license(account, "api").token)
    claims = jwt.decode(found.access_token, options={"verify_signature": False})
    assert jwt.get_unverified_header(found.access_token) == {"alg": "HS256", "typ": "JWT"}
    assert (claims["iss"], claims["aud"], claims["sub"], claims["scope"]) == ("ecp", "ecp-api", str(account), "tenant")
    assert (claims["nbf"], claims["exp"] - claims["iat"]) == (claims["iat"], found.expires_in)
    assert found.refresh_token.startswith("ecr_")


def test_it_is_signed_as_everybody_signs_it(plane: Plane) -> None:
    key = bytes(range(32))
    with plane.admin.transaction(force_rollback=True):
        plane.admin.execute(
            "update access.token_key set key_inner = core.hmac_pad(%s, 54), key_outer = core.hmac_pad(%s, 92)",
            [key, key],
        )
        token = plane.value('select access.sign_token(\'{"aud": "ecp-api", "text": "ü ~ 1"}\')')
    assert jwt.decode(token, key, algorithms=["HS256"], audience="ecp-api")["text"] == "ü ~ 1"


def test_secrets_are_kept_as_hashes(plane: Plane) -> None:
    found = plane.tokens(plane.license(plane.account(), "api").token)
    secret = found.refresh_token.rpartition("_")[2]
    kept = plane.value("select string_agg(t::text, ' ') from access.refresh_tokens as t")
    assert secret not in kept


def test_scopes_are_roles_of_the_account(plane: Plane) -> None:
    tenant, boss = plane.account("subscriber"), plane.account("operator", "auditor")
    token, boss_token = plane.license(tenant, "api").token, plane.license(boss, "api").token
    for scope in ("operator", "analyst", "auditor", "subscriber", "owner", "", None):
        assert refused(plane, token, scope) == "TRW14", scope
    assert refused(plane, boss_token, "analyst") == "TRW14"
    assert {plane.tokens(boss_token, scope).scope for scope in ("tenant", "operator", "auditor")} == {
        "tenant", "operator", "auditor",
    }  # fmt: skip


def test_what_gives_no_access_gives_no_token(plane: Plane) -> None:
    account = plane.account()
    revoked = plane.license(account, "api")
    plane.operator.execute("select access.revoke_license(%s)", [revoked.license_id])
    assert refused(plane, revoked.token) == "TRA03"
    assert refused(plane, plane.license(account, "publish").token) == "TRA07"
    assert refused(plane, plane.license(account, "api", "203.0.113.0/24").token) == "TRA04"
    assert refused(plane, "ecp_guess") == "TRA01"
