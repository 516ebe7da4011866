"""Writing the files into the database."""

from typing import Any, LiteralString

from psycopg import Connection, Error, errors
from psycopg.sql import SQL, Identifier

from ops.errors import Refusal
from ops.schema import catalog, drop
from ops.schema.catalog import PROJECT_SCHEMAS
from ops.schema.tree import Source, Tree

# Grants and row-level security are stated from nothing by db/policies/access on every deploy, so that a
# line taken out of a file is a right taken away. Policies that have a comment are those of access.secure_tables, which
# takes back what is no longer wanted itself: to drop and make them anew would lock every table against everyone.
REVOKE_ALL: LiteralString = f"""
    do $$
    declare
        v_schema text;
        v_table  regclass;
        v_policy text;
        v_roles  constant text :=
            'public, ecp_gateway, ecp_api, ecp_operator, ecp_analyst, ecp_auditor, ecp_tenant, ecp_reader';
    begin
        for v_schema in select project.nspname from ({PROJECT_SCHEMAS}) as project loop
            execute format('revoke all on schema %1$I from %2$s', v_schema, v_roles);
            execute format('revoke all on all tables in schema %1$I from %2$s', v_schema, v_roles);
            execute format('revoke all on all sequences in schema %1$I from %2$s', v_schema, v_roles);
            execute format('revoke all on all routines in schema %1$I from %2$s', v_schema, v_roles);
        end loop;
        for v_table, v_policy in
            select p.polrelid::regclass, p.polname
            from pg_policy as p
            join pg_class as c on c.oid = p.polrelid
            where c.relnamespace in (select project.oid from ({PROJECT_SCHEMAS}) as project)
                and obj_description(p.oid, 'pg_policy') is null
        loop
            execute format('drop policy %I on %s', v_policy, v_table);
        end loop;
    end
    $$
"""

TRIGGERS: LiteralString = f"""
    select format('%I on %s', t.tgname, t.tgrelid::regclass), t.oid::text || ' ' || t.xmin::text
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    join pg_proc as p on p.oid = t.tgfoid
    where not t.tgisinternal and t.tgparentid = 0
        and c.relnamespace in (select project.oid from ({PROJECT_SCHEMAS}) as project)
        and p.pronamespace in (select project.oid from ({PROJECT_SCHEMAS}) as project)
"""

FINDINGS: LiteralString = f"""
    select p.oid::regprocedure::text, f.lineno, f.message
    from pg_proc as p
    join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
    left join (
        select distinct t.tgfoid, t.tgrelid from pg_trigger as t where t.tgparentid = 0 and not t.tgisinternal
    ) as t on t.tgfoid = p.oid
    cross join lateral {{extension_schema}}.plpgsql_check_function_tb(
        p.oid, coalesce(t.tgrelid, 0), fatal_errors => false, security_warnings => true) as f
    where p.pronamespace in (select project.oid from ({PROJECT_SCHEMAS}) as project)
        and (p.prorettype <> 'trigger'::regtype or t.tgrelid is not null)
        and (f.level in ('error', 'warning', 'warning extra') or f.level like '%security%')
    order by 1, 2
"""


def migration(connection: Connection[Any], source: Source, functions: list[Source]) -> None:
    """Write the functions that one migration requires, run it and record it."""
    for function in functions:
        _object(connection, function)
    run(connection, source)
    connection.execute("insert into ops.migrations (name, sha256) values (%s, %s)", [source.name, source.sha256])


def files(connection: Connection[Any], tree: Tree) -> None:
    """Write every function and policy, drop what no file states, check, and record; one transaction."""
    before = dict(connection.execute(TRIGGERS).fetchall())
    for source in tree.functions:
        _object(connection, source)
    for trigger, version in connection.execute(TRIGGERS).fetchall():
        if before.get(trigger) == version:
            connection.execute(f"drop trigger {trigger}".encode())
    owned = {source.object for source in tree.functions}
    drop.orphans(connection, [entity for entity in catalog.entities(connection) if entity.object not in owned])
    connection.execute(REVOKE_ALL)
    for source in tree.policies:
        run(connection, source)
    _check(connection)
    _record(connection, tree)


def run(connection: Connection[Any], source: Source, *, role: LiteralString = "ecp_owner") -> None:
    """Run the text of a file as the owner of everything. Raises TRD11 with file and line when it fails."""
    connection.execute(f"set role {role}")
    try:
        connection.execute(source.text.encode())
    except (errors.LockNotAvailable, errors.DeadlockDetected):
        raise
    except Error as error:
        at = error.diag.statement_position
        line = source.text[: int(at)].count("\n") + 1 if at else 1
        raise Refusal(
            "TRD11",
            f"db/{source.path}:{line}: {error.diag.message_primary or error} (SQLSTATE {error.sqlstate})",
            error.diag.message_hint or error.diag.message_detail or "the transaction was rolled back",
        ) from error
    finally:
        if connection.info.transaction_status.name != "INERROR":
            connection.execute("reset role")


def _object(connection: Connection[Any], source: Source) -> None:
    """Write one object; where Postgres cannot replace what is there, drop that and write again."""
    old = catalog.entities(connection, source.object)
    try:
        with connection.transaction():
            run(connection, source)
    except Refusal as refusal:
        # 42P13: another result type or parameter name; 42P16: other columns; 42809: another kind of object.
        if not old or getattr(refusal.__cause__, "sqlstate", None) not in ("42P13", "42P16", "42809"):
            raise
        for entity in old:
            drop.with_dependents(connection, entity)
        run(connection, source)
    # Other parameters make another function, and leave the one that the file described before; so what has
    # this name and was not written just now goes.
    untouched = {(entity.oid, entity.version) for entity in old}
    now = catalog.entities(connection, source.object)
    left_over = [each for each in now if (each.oid, each.version) in untouched]
    for entity in left_over:
        drop.with_dependents(connection, entity)
    if len(left_over) == len(now):
        raise Refusal("TRD10", f"db/{source.path} does not make {source.object}", "rename the file or the object")


def _check(connection: Connection[Any]) -> None:
    """Let plpgsql_check read every function, where the server has it. Raises TRD12 for its findings."""
    found = connection.execute(
        "select extnamespace::regnamespace::text from pg_extension where extname = 'plpgsql_check'"
    ).fetchone()
    if found is None:
        return
    findings = connection.execute(SQL(FINDINGS).format(extension_schema=Identifier(found[0]))).fetchall()
    if findings:
        lines = "".join(f"\n  {function} line {line or 1}: {message}" for function, line, message in findings)
        raise Refusal("TRD12", f"plpgsql_check does not accept these functions:{lines}", "correct their files")


def _record(connection: Connection[Any], tree: Tree) -> None:
    connection.execute("delete from ops.objects")
    state = catalog.read(connection)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.objects (path, sha256, definition) values (%s, %s, %s)",
            [
                (source.path, source.sha256, state.definition(source.object))
                for source in [*tree.functions, *tree.policies]
            ],
        )
    connection.execute(
        "insert into ops.deployment (fingerprint) values (%s)"
        " on conflict (singleton) do update set fingerprint = excluded.fingerprint, deployed_at = excluded.deployed_at",
        [tree.fingerprint],
    )
