"""Who is asking: shown by a secret, for one transaction, and by nothing that a SQL user can set."""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import Connection

from tests.db.plane import Plane

pytestmark = pytest.mark.core

ACT: LiteralString = "select access.act_for(%s)"
ACCOUNTS: LiteralString = "select access.in_sight('account')"


@pytest.fixture
def tenant(plane: Plane) -> Iterator[Connection[Any]]:
    with plane.connect("ecp_tenant") as connection:
        yield connection


def sees(connection: Connection[Any]) -> list[int] | None:
    row = connection.execute(ACCOUNTS).fetchone()
    assert row is not None
    found: list[int] | None = row[0]
    return found


def refused(connection: Connection[Any], token: str | None) -> str | None:
    with pytest.raises(psycopg.Error) as raised, connection.transaction():
        connection.execute(ACT, [token])
    assert sees(connection) is None
    return raised.value.sqlstate


def test_a_token_is_its_account_until_the_transaction_ends(plane: Plane, tenant: Connection[Any]) -> None:
    mine, _ = plane.account(), plane.account()
    token = plane.license(mine, "api").token
    with tenant.transaction():
        assert sees(tenant) is None
        assert tenant.execute(ACT, [token]).fetchone() == (mine,)
        assert sees(tenant) == [mine]
    assert sees(tenant) is None
    with tenant.transaction(force_rollback=True):
        tenant.execute(ACT, [token])
    assert sees(tenant) is None


def test_on_its_own_it_is_worth_nothing_to_the_next_statement(plane: Plane, tenant: Connection[Any]) -> None:
    tenant.execute(ACT, [plane.license(plane.account(), "api").token])
    assert sees(tenant) is None


def test_it_works_where_nothing_can_be_written(plane: Plane, tenant: Connection[Any]) -> None:
    mine = plane.account()
    with tenant.transaction():
        tenant.execute("set transaction read only")
        tenant.execute(ACT, [plane.license(mine, "api").token])
        assert sees(tenant) == [mine]


def test_the_last_one_counts_and_a_rollback_brings_back_the_one_before(plane: Plane, tenant: Connection[Any]) -> None:
    one, other = plane.account(), plane.account()
    tokens = {account: plane.license(account, "api").token for account in (one, other)}
    with tenant.transaction():
        tenant.execute(ACT, [tokens[one]])
        with tenant.transaction(force_rollback=True):
            tenant.execute(ACT, [tokens[other]])
            assert sees(tenant) == [other]
        assert sees(tenant) == [one]


@pytest.mark.parametrize("said", ["{account}", "{account}.", "{account}." + "0" * 64, "x", "", "9" * 30 + ".0", "é.1"])
def test_what_anybody_sets_is_worth_nothing(plane: Plane, tenant: Connection[Any], said: str) -> None:
    account = plane.account()
    plane.license(account, "api")
    with tenant.transaction():
        tenant.execute("select set_config('ecp.caller', %s, true)", [said.format(account=account)])
        assert sees(tenant) is None


def test_a_mark_is_worth_nothing_in_another_transaction_or_backend(plane: Plane, tenant: Connection[Any]) -> None:
    """Whoever has seen one, his own say, cannot use it later or elsewhere, nor change it into another's."""
    mine, yours = plane.account(), plane.account()
    with tenant.transaction():
        tenant.execute(ACT, [plane.license(mine, "api").token])
        mark = tenant.execute("select current_setting('ecp.caller')").fetchone()
        assert mark is not None
        with plane.connect("ecp_tenant") as other:
            other.execute("select set_config('ecp.caller', %s, false)", mark)
            assert sees(other) is None
        tenant.execute("select set_config('ecp.caller', %s, true)", [mark[0].replace(f"{mine}.", f"{yours}.")])
        assert sees(tenant) is None
        tenant.execute("select set_config('ecp.caller', %s, true)", mark)
        assert sees(tenant) == [mine]
    tenant.execute("select set_config('ecp.caller', %s, false)", mark)
    assert sees(tenant) is None


def test_a_token_that_was_never_issued_is_refused(plane: Plane, tenant: Connection[Any]) -> None:
    token = plane.license(plane.account(), "api").token
    last = "0" if token[-1] != "0" else "1"
    for wrong in (None, "", "guess", token[:-1] + last, token.upper(), f"ecp_{'0' * 32}_{'0' * 64}"):
        assert refused(tenant, wrong) == "TRA01"


def test_a_license_for_something_else_is_refused(plane: Plane, tenant: Connection[Any]) -> None:
    for purpose in ("publish", "subscribe", "executor"):
        assert refused(tenant, plane.license(plane.account(), purpose).token) == "TRA07"


def test_what_has_ended_is_refused(plane: Plane, tenant: Connection[Any]) -> None:
    account = plane.account()
    expired, revoked = plane.license(account, "api"), plane.license(account, "api")
    plane.operator.execute("select access.revoke_license(%s)", [revoked.license_id])
    assert refused(tenant, revoked.token) == "TRA03"
    plane.tick(days=31)
    assert refused(tenant, expired.token) == "TRA02"
    token = plane.license(account, "api").token
    plane.admin.execute("update access.accounts set status = 'SUSPENDED' where account_id = %s", [account])
    assert refused(tenant, token) == "TRA08"


def test_only_the_api_says_where_its_caller_is(plane: Plane, tenant: Connection[Any]) -> None:
    account = plane.account()
    token = plane.license(account, "api", "203.0.113.0/24").token
    query: LiteralString = "select access.act_for(%s, %s::inet)"
    with pytest.raises(psycopg.Error) as raised:
        tenant.execute(query, [token, "203.0.113.7"])
    assert raised.value.sqlstate == "TRA04"
    with psycopg.connect(plane.url, user="ecp_api", autocommit=True) as api:
        assert api.execute(query, [token, "203.0.113.7"]).fetchone() == (account,)
        with pytest.raises(psycopg.Error) as raised:
            api.execute(query, [token, "198.51.100.7"])
        assert raised.value.sqlstate == "TRA04"


def test_an_installation_without_its_key_binds_nobody(own_plane: Plane) -> None:
    mine = own_plane.account()
    token = own_plane.license(mine, "api").token
    own_plane.admin.execute("delete from access.binding_key")
    with own_plane.connect("ecp_tenant") as tenant, tenant.transaction():
        tenant.execute(ACT, [token])
        assert sees(tenant) is None


def test_nobody_reads_the_key(plane: Plane) -> None:
    for role in ("ecp_tenant", "ecp_api", "ecp_analyst", "ecp_auditor", "ecp_operator", "ecp_gateway", "ecp_reader"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from access.binding_key")
