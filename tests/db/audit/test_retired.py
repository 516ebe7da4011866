"""How much of each table is gone by retention, for whoever verifies the rest."""

import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_rows_of_each_table_and_up_to_which_block(busy: Plane) -> None:
    assert busy.rows("select * from audit.retired()") == []
    for relation, condition in (("signals.signals", "seq in (1, 5)"), ("signals.reports", "delivery_seq = 1")):
        busy.admin.execute(
            f"with gone as (delete from {relation} as r where {condition} returning r as gone)"
            f" select audit.bury('{relation}', array_agg(g.gone)) from gone as g".encode()
        )
    for role in ("ecp_operator", "ecp_auditor"):
        with busy.connect(role) as connection:
            found = connection.execute(
                "select relation, rows, number from audit.retired() order by relation"
            ).fetchall()
        assert found == [("signals.reports", 1, 1), ("signals.signals", 2, 2)]


def test_operators_and_auditors_and_nobody_else(plane: Plane) -> None:
    for role in ("ecp_gateway", "ecp_api", "ecp_analyst"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from audit.retired()")
