"""Dropping objects so that files can write them anew. Always RESTRICT: what stands outside db/ survives."""

from typing import Any, LiteralString

from psycopg import Connection, errors

from ops.errors import Refusal
from ops.schema.catalog import PROJECT_SCHEMAS, Entity

# What a file can bring back. Views hang on through their rewrite rule, functions that return a view's
# rows through its row type.
DEPENDENTS: LiteralString = f"""
    with target as (
        select %(class)s::text::regclass as classid, %(oid)s::oid as objid
        union all
        select 'pg_type'::regclass, unnest(array[t.oid, t.typarray])
        from pg_type as t
        where %(class)s::text = 'pg_class' and t.typrelid = %(oid)s::oid
    )
    select distinct
        case when w.oid is null then d.classid else 'pg_class'::regclass end::text,
        coalesce(w.ev_class, d.objid)::bigint,
        o.type,
        o.identity,
        o.type in ('trigger', 'policy')
        or o.type in ('view', 'materialized view', 'function', 'procedure', 'aggregate')
            and o.schema in (select quote_ident(project.nspname) from ({PROJECT_SCHEMAS}) as project)
    from pg_depend as d
    join target on d.refclassid = target.classid and d.refobjid = target.objid
    left join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
    cross join lateral pg_identify_object(
        case when w.oid is null then d.classid else 'pg_class'::regclass end,
        coalesce(w.ev_class, d.objid), d.objsubid * (w.oid is null)::integer) as o
    where d.deptype in ('n', 'a') and coalesce(w.ev_class, d.objid) <> %(oid)s::oid
        -- A partition's copy of a trigger goes with the trigger that it was made from.
        and not exists (
            select from pg_trigger as t
            where d.classid = 'pg_trigger'::regclass and t.oid = d.objid and t.tgparentid <> 0)
    order by 2
"""


def with_dependents(connection: Connection[Any], entity: Entity) -> None:
    """Drop an object and, before it, the project's objects that depend on it. All of them are files that
    come later in the order, so the same deploy writes them again. Raises TRD07 for any other dependent."""
    relation = entity.kind in ("view", "materialized view")
    _drop(connection, "pg_class" if relation else "pg_proc", entity.oid, entity.kind, entity.identity)


def orphans(connection: Connection[Any], entities: list[Entity]) -> None:
    """Drop objects that no file owns, each when nothing uses it any more. Raises TRD07 if one stays in use."""
    left = entities
    while left:
        in_use: list[tuple[Entity, str]] = []
        for entity in left:
            try:
                with connection.transaction():
                    connection.execute(f"drop {entity.kind} {entity.identity} restrict".encode())
            except errors.DependentObjectsStillExist as error:
                in_use.append((entity, (error.diag.message_detail or "").splitlines()[0]))
        if len(in_use) == len(left):
            entity, why = in_use[0]
            raise Refusal(
                "TRD07",
                f"no file owns {entity.kind} {entity.identity}, and it is in use: {why}",
                "restore its file, or remove what uses it in a migration",
            )
        left = [entity for entity, _ in in_use]


def _drop(connection: Connection[Any], catalog: str, oid: int, kind: str, identity: str) -> None:
    dependents = connection.execute(DEPENDENTS, {"class": catalog, "oid": oid}).fetchall()
    for its_catalog, its_oid, its_kind, its_identity, ours in dependents:
        if not ours:
            raise Refusal(
                "TRD07",
                f"{kind} {identity} must be made anew, and {its_kind} {its_identity} depends on it",
                f"remove the {its_kind} in a migration, or keep the signature of {identity}",
            )
        _drop(connection, its_catalog, its_oid, its_kind, its_identity)
    connection.execute(f"drop {kind} if exists {identity} restrict".encode())
