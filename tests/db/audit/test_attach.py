"""A table joins the chain by a line; one that gets a column more is sealed with it from the next block on."""

import psycopg
import pytest

from tests.db.audit.conftest import live
from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core

VERSIONS = "select since, cardinality(columns) from audit.sources where relation = 'signals.signals' order by since"


def verify(plane: Plane) -> list[tuple[str, int | None, str]]:
    return plane.rows("select relation, number, violation from audit.verify()")


@pytest.fixture
def grown(own_plane: Plane) -> tuple[Plane, Master, Copier]:
    """A plane whose signals get a column between the first block and the second."""
    master = own_plane.master()
    copier = own_plane.copier(master)
    live(own_plane, master, copier)
    own_plane.admin.execute("alter table signals.signals add column comment text not null default 'none'")
    own_plane.admin.execute("select audit.attach('signals.signals', p_may_go => true)")
    live(own_plane, master, copier)
    return own_plane, master, copier


def test_what_was_sealed_without_a_column_stays_so(grown: tuple[Plane, Master, Copier]) -> None:
    plane, *_ = grown
    assert plane.rows(VERSIONS) == [(1, 24), (2, 25)]
    assert verify(plane) == []


def test_a_column_that_came_later_is_sealed_where_it_was_there(grown: tuple[Plane, Master, Copier]) -> None:
    plane, *_ = grown
    plane.admin.execute("update signals.signals set comment = 'another' where seq = 1")
    assert verify(plane) == []
    plane.admin.execute("update signals.signals set comment = 'another' where seq = 5")
    assert verify(plane) == [("signals.signals", 2, "one or more of 4 rows were changed")]


def test_attaching_again_changes_nothing(own_plane: Plane) -> None:
    before = own_plane.rows("select * from audit.sources order by relation")
    own_plane.admin.execute("select audit.attach(relation, condition, may_go) from audit.sources")
    assert own_plane.rows("select * from audit.sources order by relation") == before


def test_another_table(own_plane: Plane) -> None:
    own_plane.seal()
    own_plane.admin.execute("set role ecp_owner")
    own_plane.admin.execute("create table signals.notes (note text)")
    own_plane.admin.execute("insert into signals.notes values ('old')")
    own_plane.admin.execute(
        "alter table signals.notes add column xact bigint not null default pg_current_xact_id()::text::bigint"
    )
    own_plane.admin.execute("select audit.attach('signals.notes')")
    own_plane.admin.execute("insert into signals.notes values ('new')")
    own_plane.admin.execute("reset role")
    own_plane.seal()
    assert own_plane.value("select sum(rows) from audit.sections where relation = 'signals.notes'") == 2
    assert verify(own_plane) == []
    own_plane.admin.execute("update signals.notes set note = 'newer' where note = 'new'")
    assert [relation for relation, *_ in verify(own_plane)] == ["signals.notes"]


def test_a_row_from_before_a_table_was_attached(own_plane: Plane) -> None:
    """No block has it, so that it could be anything."""
    own_plane.account("provider")
    own_plane.seal()
    own_plane.admin.execute("set role ecp_owner")
    own_plane.admin.execute(
        "create table signals.notes (note text, xact bigint not null default pg_current_xact_id()::text::bigint)"
    )
    own_plane.admin.execute("select audit.attach('signals.notes')")
    own_plane.admin.execute("reset role")
    own_plane.admin.execute("insert into signals.notes values ('old', 1)")
    found = [("signals.notes", None, "1 rows of transactions before its first block")]
    assert verify(own_plane) == found
    own_plane.admin.execute("insert into signals.notes values ('new')")
    own_plane.seal()
    assert verify(own_plane) == found


def test_a_table_without_a_stamp_cannot_be_sealed(own_plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refused:
        own_plane.admin.execute("select audit.attach('signals.streams')")
    assert refused.value.sqlstate == "TRH03"
