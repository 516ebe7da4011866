"""Whom a request is for: said by a token that only the database can make, for one transaction."""

import base64
import json
from typing import Any

import jwt
import psycopg
import pytest
from psycopg import Connection

from tests.db.plane import Plane

pytestmark = pytest.mark.core

ADMIT = "select * from access.admit(%s)"


def admitted(connection: Connection[Any], token: str | None) -> Any:
    return connection.execute(ADMIT, [token]).fetchone()


def refused(plane: Plane, token: str | None) -> tuple[str | None, Any]:
    """Code, and the rule that it broke."""
    with plane.connect("ecp_api") as api, pytest.raises(psycopg.Error) as raised:
        admitted(api, token)
    return raised.value.sqlstate, json.loads(raised.value.diag.message_detail or "{}").get("rule")


def signed(plane: Plane, claims: dict[str, Any]) -> str:
    """By the installation itself, whatever it says."""
    return str(plane.value("select access.sign_token(%s)", json.dumps(claims)))


@pytest.fixture
def token(plane: Plane) -> str:
    return plane.tokens(plane.license(plane.account(), "api").token).access_token


@pytest.fixture
def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_it_binds_the_account_for_the_transaction_and_says_which_role(plane: Plane) -> None:
    account = plane.account("operator", name="mia")
    for scope, role in (("tenant", "ecp_api"), ("operator", "ecp_operator")):
        token = plane.tokens(plane.license(account, "api").token, scope).access_token
        with plane.connect("ecp_api") as api:
            with api.transaction():
                api.execute("set transaction read only")
                assert admitted(api, token) == (account, "mia", role)
                assert api.execute("select access.in_sight('account')").fetchone() == ([account],)
            assert api.execute("select access.in_sight('account')").fetchone() == (None,)


def test_every_changed_character_is_noticed(plane: Plane, token: str) -> None:
    with plane.connect("ecp_api") as api:
        for place in range(0, len(token), 7):
            other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            with pytest.raises(psycopg.Error, match="none of ours"):
                admitted(api, other)


def test_only_one_algorithm_is_known(plane: Plane, claims: dict[str, Any]) -> None:
    key = b"k" * 64
    for algorithm in ("HS256", "HS384", "HS512"):
        assert refused(plane, jwt.encode(claims, key, algorithm)) == ("TRW11", "signature")
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    for header in ({"alg": "none"}, {"alg": "None", "typ": "JWT"}, {"alg": "RS256"}):
        head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        assert refused(plane, f"{head}.{payload}.") == ("TRW11", "signature")
        ours = signed(plane, claims).rpartition(".")[2]
        assert refused(plane, f"{head}.{payload}.{ours}") == ("TRW11", "signature")


@pytest.mark.parametrize("garbage", [None, "", ".", "..", "a.b.c", "é.ü.~", "x" * 100_000, "eyJ.eyJ.AAA", "a.AA==.b"])
def test_garbage_is_refused(plane: Plane, garbage: str | None) -> None:
    assert refused(plane, garbage)[0] == "TRW11"


def test_a_token_of_another_installation_is_refused(plane: Plane, token: str) -> None:
    with plane.admin.transaction(force_rollback=True):
        plane.admin.execute("update access.token_key set key_inner = core.hmac_pad('another', 54)")
        with pytest.raises(psycopg.Error) as raised:
            plane.admin.execute(ADMIT, [token])
    assert raised.value.sqlstate == "TRW11"


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"iss": "somebody"}, ("TRW11", "iss")),
        ({"iss": None}, ("TRW11", "iss")),
        ({"aud": "another-api"}, ("TRW11", "aud")),
        ({"aud": ["ecp-api", "another"]}, ("TRW11", "aud")),
        ({"nbf": 4_000_000_000}, ("TRW11", "nbf")),
        ({"nbf": None}, ("TRW11", "nbf")),
        ({"nbf": "soon"}, ("TRW11", "shape")),
        ({"exp": None}, ("TRW11", "exp")),
        ({"exp": 1}, ("TRW12", None)),
        ({"jti": None}, ("TRW11", "jti")),
        ({"jti": "00000000-0000-0000-0000-000000000000"}, ("TRW11", "jti")),
        ({"jti": "x"}, ("TRW11", "jti")),
    ],
)
def test_every_claim_is_looked_at(
    plane: Plane, claims: dict[str, Any], change: dict[str, Any], answer: tuple[str, str | None]
) -> None:
    assert refused(plane, signed(plane, claims | change)) == answer


def test_claims_of_whom_and_of_scope_are_for_people(plane: Plane, claims: dict[str, Any]) -> None:
    """What counts is what was kept under jti."""
    other = plane.account("operator")
    with plane.connect("ecp_api") as api, api.transaction():
        said = admitted(api, signed(plane, claims | {"sub": str(other), "scope": "operator"}))
    assert (said[0], said[2]) == (int(claims["sub"]), "ecp_api")


def test_it_is_over_to_the_second(plane: Plane, token: str) -> None:
    plane.tick(seconds=299.999)
    with plane.connect("ecp_api") as api:
        assert admitted(api, token)
    plane.tick(milliseconds=1)
    assert refused(plane, token)[0] == "TRW12"


def test_what_ends_with_the_license_ends_at_once(plane: Plane) -> None:
    account = plane.account("operator")
    license_of = plane.license(account, "api")
    token = plane.tokens(license_of.token, "operator").access_token
    with plane.admin.transaction(force_rollback=True):
        plane.admin.execute("update access.accounts set roles = '{subscriber}' where account_id = %s", [account])
        with pytest.raises(psycopg.Error) as raised:
            plane.admin.execute(ADMIT, [token])
    assert raised.value.sqlstate == "TRW14"
    plane.operator.execute("select access.revoke_license(%s)", [license_of.license_id])
    assert refused(plane, token)[0] == "TRA03"


def test_nobody_but_the_api_and_nobody_reads_the_key(plane: Plane, token: str) -> None:
    for role in ("ecp_tenant", "ecp_analyst", "ecp_auditor", "ecp_operator", "ecp_gateway", "ecp_reader"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            admitted(connection, token)
    for role in ("ecp_api", "ecp_tenant", "ecp_operator", "ecp_auditor", "ecp_reader"):
        for what in ("select * from access.token_key", "select access.sign_token('{}')"):
            with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(what)
