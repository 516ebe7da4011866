"""What was recorded and sealed is only added to: not by those who use the plane, and not by its owner."""

from typing import LiteralString

import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core

TABLES: list[LiteralString] = ["audit.records", "audit.seals", "audit.sections", "audit.remains"]
CHANGES: list[LiteralString] = ["delete from {}", "truncate {} cascade", "update {} set {}"]
COLUMN = {
    "audit.records": "reason = 'another'",
    "audit.seals": "hash = sha256(hash)",
    "audit.sections": "rows = 1",
    "audit.remains": "digest = sha256(digest)",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", CHANGES)
def test_the_owner_is_refused(busy: Plane, table: str, change: str) -> None:
    with busy.connect("ecp_owner") as owner, pytest.raises(psycopg.Error) as refused:
        owner.execute(change.format(table, COLUMN[table]).encode())
    assert refused.value.sqlstate == "TRH01"
    assert f'"table": "{table}"' in (refused.value.diag.message_detail or "") or "cascade" in change


@pytest.mark.parametrize("role", ["ecp_operator", "ecp_auditor", "ecp_gateway", "ecp_api", "ecp_analyst"])
def test_nobody_else_may_even_read_the_tables(plane: Plane, role: LiteralString) -> None:
    for table in [*TABLES, "audit.sources"]:
        for statement in (f"select from {table}", f"delete from {table}", f"insert into {table} default values"):
            with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
