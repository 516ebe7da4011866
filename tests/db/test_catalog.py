"""What the catalog of a deployed database must say of every object of the project."""

from typing import Any, LiteralString

import pytest
from psycopg import Connection

from ops.schema.catalog import PROJECT_SCHEMAS

pytestmark = pytest.mark.core

ROUTINES: LiteralString = f"""
    select p.*, n.nspname || '.' || p.proname as name
    from pg_proc as p
    join ({PROJECT_SCHEMAS}) as n on n.oid = p.pronamespace
    where not exists (select from pg_depend as d where d.objid = p.oid and d.deptype = 'e')
"""

RELATIONS: LiteralString = f"""
    select c.*, n.nspname || '.' || c.relname as name
    from pg_class as c
    join ({PROJECT_SCHEMAS}) as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
"""


def names(db: Connection[Any], query: LiteralString) -> list[str]:
    return sorted(name for (name,) in db.execute(query).fetchall())


def test_there_is_something_to_check(db: Connection[Any]) -> None:
    assert "signals.ingest" in names(db, f"select name from ({ROUTINES}) as r")
    assert "signals.streams" in names(db, f"select name from ({RELATIONS}) as r")


def test_definers_pin_their_search_path(db: Connection[Any]) -> None:
    assert not names(
        db,
        f"select name from ({ROUTINES}) as r where prosecdef"
        " and 'search_path=pg_catalog, pg_temp' <> all (coalesce(proconfig, '{}'))",
    )


def test_no_definer_is_owned_by_a_superuser(db: Connection[Any]) -> None:
    assert not names(
        db,
        f"select name from ({ROUTINES}) as r join pg_roles as o on o.oid = r.proowner and o.rolsuper where prosecdef",
    )


def test_everything_is_owned_by_the_owner(db: Connection[Any]) -> None:
    assert not names(db, f"select name from ({ROUTINES}) as r where proowner <> 'ecp_owner'::regrole")
    assert not names(db, f"select name from ({RELATIONS}) as r where relowner <> 'ecp_owner'::regrole")


def test_the_owner_is_nobody_who_can_log_in(db: Connection[Any]) -> None:
    assert db.execute("select rolsuper, rolcanlogin from pg_roles where rolname = 'ecp_owner'").fetchall() == [
        (False, False)
    ]
    assert not names(db, "select rolname::text from pg_roles where rolname like 'ecp\\_%' and rolsuper")


def test_public_may_execute_nothing(db: Connection[Any]) -> None:
    assert not names(
        db,
        f"select distinct name from ({ROUTINES}) as r,"
        " aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) as a where a.grantee = 0",
    )


def test_public_may_read_and_create_nothing(db: Connection[Any]) -> None:
    assert not names(
        db,
        f"select distinct name from ({RELATIONS}) as r,"
        " aclexplode(coalesce(r.relacl, acldefault('r', r.relowner))) as a where a.grantee = 0",
    )
    assert not names(
        db,
        f"select n.nspname::text from ({PROJECT_SCHEMAS}) as p join pg_namespace as n on n.oid = p.oid,"
        " aclexplode(n.nspacl) as a where a.grantee = 0",
    )
    assert db.execute("select has_schema_privilege('ecp_gateway', 'public', 'create')").fetchone() == (False,)


def test_a_new_function_is_not_for_everyone(db: Connection[Any]) -> None:
    """The default privileges hold, whatever a later file forgets."""
    db.execute("set role ecp_owner")
    db.execute("create function signals.stray() returns integer language sql as 'select 1'")
    assert db.execute("select has_function_privilege('ecp_gateway', 'signals.stray()', 'execute')").fetchone() == (
        False,
    )


def test_nothing_is_overloaded(db: Connection[Any]) -> None:
    assert not names(db, f"select name from ({ROUTINES}) as r group by name having count(*) > 1")


def test_everything_is_commented(db: Connection[Any]) -> None:
    assert not names(db, f"select name from ({ROUTINES}) as r where obj_description(oid, 'pg_proc') is null")
    assert not names(db, f"select name from ({RELATIONS}) as r where obj_description(oid, 'pg_class') is null")
    assert not names(
        db, f"select nspname::text from ({PROJECT_SCHEMAS}) as n where obj_description(oid, 'pg_namespace') is null"
    )


def test_parameters_are_prefixed(db: Connection[Any]) -> None:
    """Otherwise a parameter and a column of one name silently mean the column."""
    assert not names(
        db,
        f"select name || '(' || coalesce(r.proargnames[i], '') || ')'"
        f" from ({ROUTINES}) as r, generate_series(1, cardinality(coalesce(r.proallargtypes, r.proargtypes))) as i"
        " where coalesce(r.proargmodes[i], 'i') in ('i', 'b', 'v') and coalesce(r.proargnames[i], '') !~ '^p_'",
    )


def test_views_run_as_who_asks(db: Connection[Any]) -> None:
    """Unless a view is the barrier itself, which its options then say."""
    assert not names(
        db,
        f"select name from ({RELATIONS}) as r where relkind = 'v'"
        " and not coalesce(reloptions, '{}') && array['security_invoker=true', 'security_invoker=on',"
        " 'security_barrier=true', 'security_barrier=on']",
    )


def test_constraints_are_named_by_us(db: Connection[Any]) -> None:
    """A name that Postgres made up for a check says nothing to who meets it in an error."""
    assert not names(
        db,
        f"select r.name || '.' || c.conname from ({RELATIONS}) as r join pg_constraint as c on c.conrelid = r.oid"
        " where c.contype = 'c' and c.conname ~ '_check\\d*$'",
    )
