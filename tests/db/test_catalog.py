"""What the catalog of a deployed database must say of every object of the project."""

import re
from typing import Any, LiteralString, NamedTuple

import pytest
from psycopg import Connection

from ops.schema import tree
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


class Rule(NamedTuple):
    """What must find nothing; and how it is broken, so that it finds that."""

    query: LiteralString
    breakage: LiteralString
    offender: str


# A role that owns something that everybody may call would lend its rights to everybody.
MAKE_DEFINER: LiteralString = """
    create function signals.stray() returns integer language sql security definer
    set search_path = pg_catalog, pg_temp as 'select 1';
"""

RULES = {
    "a definer pins its search path": Rule(
        f"select name from ({ROUTINES}) as r where prosecdef"
        " and 'search_path=pg_catalog, pg_temp' <> all (coalesce(proconfig, '{}'))",
        "alter function signals.ingest reset search_path",
        "signals.ingest",
    ),
    "a definer has pg_temp last": Rule(
        f"select name from ({ROUTINES}) as r where prosecdef"
        " and 'search_path=pg_catalog, pg_temp' <> all (coalesce(proconfig, '{}'))",
        "alter function signals.ingest set search_path = pg_temp, pg_catalog",
        "signals.ingest",
    ),
    "no definer is owned by a superuser": Rule(
        f"select name from ({ROUTINES}) as r join pg_roles as o on o.oid = r.proowner and o.rolsuper where prosecdef",
        MAKE_DEFINER + "alter function signals.stray owner to current_user",
        "signals.stray",
    ),
    "a routine is the owner's": Rule(
        f"select name from ({ROUTINES}) as r where proowner <> 'ecp_owner'::regrole",
        MAKE_DEFINER + "alter function signals.stray owner to ecp_reader",
        "signals.stray",
    ),
    "a view of analytics is the reader's, any other relation the owner's": Rule(
        f"select name from ({RELATIONS}) as r where relowner <> case"
        " when relkind = 'v' and name like 'analytics.%' then 'ecp_reader'::regrole else 'ecp_owner'::regrole end",
        "grant create on schema signals to ecp_reader; alter view signals.overdue owner to ecp_reader",
        "signals.overdue",
    ),
    "no role of ours is a superuser, or passes over row policies": Rule(
        "select rolname::text as name from pg_roles where rolname like 'ecp\\_%'"
        " and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)",
        "alter role ecp_auditor bypassrls",
        "ecp_auditor",
    ),
    "who owns something, or is only a set of rights, cannot log in": Rule(
        "select rolname::text as name from pg_roles"
        " where rolname in ('ecp_owner', 'ecp_reader', 'ecp_tenant') and rolcanlogin",
        "alter role ecp_tenant login",
        "ecp_tenant",
    ),
    "a role of ours is a member of none but what it needs": Rule(
        "select m.rolname || ' in ' || r.rolname as name from pg_auth_members as a"
        " join pg_roles as m on m.oid = a.member join pg_roles as r on r.oid = a.roleid where m.rolname like 'ecp\\_%'"
        " and (m.rolname, r.rolname) not in (('ecp_api', 'ecp_tenant'), ('ecp_owner', 'ecp_reader'),"
        " ('ecp_operator', 'pg_monitor'), ('ecp_operator', 'pg_signal_backend'), ('ecp_operator', 'pg_maintain'))",
        "grant ecp_owner to ecp_analyst",
        "ecp_analyst in ecp_owner",
    ),
    "PUBLIC may execute nothing": Rule(
        f"select distinct name from ({ROUTINES}) as r,"
        " aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) as a where a.grantee = 0",
        "grant execute on function signals.halt to public",
        "signals.halt",
    ),
    "PUBLIC may read nothing": Rule(
        f"select distinct name from ({RELATIONS}) as r,"
        " aclexplode(coalesce(r.relacl, acldefault('r', r.relowner))) as a where a.grantee = 0",
        "grant select on signals.overdue to public",
        "signals.overdue",
    ),
    "PUBLIC may read no column": Rule(
        f"select distinct name from ({RELATIONS}) as r join pg_attribute as c on c.attrelid = r.oid,"
        " aclexplode(c.attacl) as a where a.grantee = 0",
        "grant select (name) on signals.streams to public",
        "signals.streams",
    ),
    "PUBLIC may use and create in no schema of ours": Rule(
        f"select n.nspname::text as name from ({PROJECT_SCHEMAS}) as p join pg_namespace as n on n.oid = p.oid,"
        " aclexplode(n.nspacl) as a where a.grantee = 0",
        "grant create on schema signals to public",
        "signals",
    ),
    "nobody of ours may create in a schema": Rule(
        "select r.rolname || ' in ' || n.nspname as name from pg_roles as r, pg_namespace as n"
        " where r.rolname like 'ecp\\_%' and r.rolname <> 'ecp_owner' and n.nspname !~ '^pg_'"
        " and has_schema_privilege(r.oid, n.oid, 'create')"
        " and (r.rolname, n.nspname) <> ('ecp_reader', 'analytics')",
        "grant create on schema public to ecp_analyst",
        "ecp_analyst in public",
    ),
    "a table whose rows are somebody's forces row-level security": Rule(
        "select t.relation::text as name from access.tenant_tables as t join pg_class as c on c.oid = t.relation"
        " where not (c.relrowsecurity and c.relforcerowsecurity)",
        "alter table signals.decisions no force row level security",
        "signals.decisions",
    ),
    "a table whose rows are somebody's has its two policies": Rule(
        "select t.relation::text as name from access.tenant_tables as t where not exists ("
        "  select from pg_policy as p where p.polrelid = t.relation and p.polname = 'reader_sees_what_the_caller_may'"
        "    and p.polroles = array['ecp_reader'::regrole::oid] and p.polcmd = 'r' and p.polpermissive)"
        " or (select count(*) from pg_policy as p where p.polrelid = t.relation) <> 2",
        "create policy everyone on signals.copies using (true)",
        "signals.copies",
    ),
    "a table with lanes, or with a tenant's key, is known as one whose rows are somebody's": Rule(
        f"select r.name from ({RELATIONS}) as r where relkind in ('r', 'p') and name <> 'core.lanes'"
        " and r.oid <> all (select t.relation from access.tenant_tables as t)"
        " and exists (select from pg_attribute as a where a.attrelid = r.oid and not a.attisdropped and a.attname in"
        "  ('lane', 'account_id', 'license_id', 'session_id', 'portfolio_id', 'subscription_id', 'stream_id'))",
        "set role ecp_owner; create table signals.stray (lane smallint, wallet_id bigint)",
        "signals.stray",
    ),
    "a partition is for nobody": Rule(
        f"select c.oid::regclass::text as name from pg_class as c join ({PROJECT_SCHEMAS}) as n"
        " on n.oid = c.relnamespace, aclexplode(c.relacl) as a where c.relispartition and a.grantee <> c.relowner",
        "create table signals.whole (n integer) partition by list (n);"
        "create table signals.part partition of signals.whole default; grant select on signals.part to ecp_analyst",
        "signals.part",
    ),
    "what analysts see is a view, and each of its columns is explained": Rule(
        "select c.oid::regclass::text as name from pg_class as c where c.relnamespace = 'analytics'::regnamespace"
        " and c.relkind not in ('v', 'c', 'i')"
        " union all select c.oid::regclass || '.' || a.attname from pg_class as c"
        " join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        " where c.relnamespace = 'analytics'::regnamespace and col_description(c.oid, a.attnum) is null",
        "comment on column analytics.streams.epoch is null",
        "analytics.streams.epoch",
    ),
    # Unless a view is the barrier itself, which its options then say.
    "a view runs as who asks": Rule(
        f"select name from ({RELATIONS}) as r where relkind = 'v'"
        " and not coalesce(reloptions, '{}') && array['security_invoker=true', 'security_invoker=on',"
        " 'security_barrier=true', 'security_barrier=on']",
        "create view signals.stray as select 1",
        "signals.stray",
    ),
}


def test_a_barrier_view_says_why_it_is_one() -> None:
    """In the comment above it: that it reads with other rights than those of who asks is not taken for granted."""
    silent = [
        source.name
        for source in tree.read().functions
        if "security_barrier" in source.text and not re.match(r"(--.*\n)*--.*barrier", source.text, re.IGNORECASE)
    ]
    assert not silent


@pytest.mark.parametrize("rule", RULES)
def test_the_catalog_has_no_offender(db: Connection[Any], rule: str) -> None:
    assert names(db, RULES[rule].query) == []


@pytest.mark.parametrize("rule", RULES)
def test_an_offender_is_found(db: Connection[Any], rule: str) -> None:
    """Otherwise the test above proves nothing. Rolled back: roles are of the whole server."""
    with db.transaction(force_rollback=True):
        db.execute(RULES[rule].breakage)
        db.execute("reset role")
        assert RULES[rule].offender in names(db, RULES[rule].query)


def test_a_second_deploy_of_the_row_policies_touches_nothing(db: Connection[Any]) -> None:
    """To make a policy is to lock its table against everyone."""
    before = db.execute("select array_agg(xmin::text order by oid) from pg_policy").fetchall()
    with db.transaction():
        db.execute("set local role ecp_owner")
        db.execute("select access.secure_tables()")
        locks = db.execute(
            "select distinct relation::regclass::text from pg_locks"
            " where mode in ('AccessExclusiveLock', 'ExclusiveLock')"
            " and pid = pg_backend_pid() and locktype = 'relation'"
        ).fetchall()
    assert locks == []
    assert db.execute("select array_agg(xmin::text order by oid) from pg_policy").fetchall() == before


def test_a_policy_changed_or_left_over_is_put_right(db: Connection[Any]) -> None:
    query: LiteralString = (
        "select polrelid::regclass::text, polname, pg_get_expr(polqual, polrelid) from pg_policy order by 1, 2"
    )
    wanted = db.execute(query).fetchall()
    db.execute("drop policy owner_sees_all on signals.copies")
    db.execute("create policy stray on signals.copies using (true)")
    db.execute("comment on policy stray on signals.copies is 'of an earlier release'")
    db.execute("comment on policy owner_sees_all on signals.reports is 'otherwise'")
    db.execute("alter table signals.reports disable row level security")
    db.execute("set role ecp_owner; select access.secure_tables(); reset role")
    assert db.execute(query).fetchall() == wanted
    assert db.execute("select relrowsecurity from pg_class where oid = 'signals.reports'::regclass").fetchone() == (
        True,
    )


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


def test_constraints_are_named_by_us(db: Connection[Any]) -> None:
    """A name that Postgres made up for a check says nothing to who meets it in an error."""
    assert not names(
        db,
        f"select r.name || '.' || c.conname from ({RELATIONS}) as r join pg_constraint as c on c.conrelid = r.oid"
        " where c.contype = 'c' and c.conname ~ '_check\\d*$'",
    )
