"""What a database says about itself: migrations that were applied, and the objects of the project."""

import hashlib
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import class_row

# Schemas of the project: all that its owner owns, but for the queue library, which comes as it is.
PROJECT_SCHEMAS: LiteralString = """
    select n.oid, n.nspname
    from pg_catalog.pg_namespace as n
    join pg_catalog.pg_roles as r on r.oid = n.nspowner and r.rolname = 'ecp_owner'
    where n.nspname <> 'pgmq'
"""

# A trigger belongs to the function that it executes. Clones on partitions and on the chunks of a
# hypertable come and go with the data and are nobody's edit.
ENTITIES: LiteralString = f"""
    with project as ({PROJECT_SCHEMAS})
    select
        n.nspname || '.' || p.proname as object,
        case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as kind,
        p.oid,
        p.xmin::text as version,
        format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as identity,
        concat_ws(E'\\n', case
            when p.prokind = 'a' then (select to_jsonb(a)::text from pg_aggregate as a where a.aggfnoid = p.oid)
            else pg_get_functiondef(p.oid)
        end, p.proowner::regrole, p.proacl, (
            select string_agg(
                concat(pg_get_triggerdef(t.oid), t.tgenabled), E'\\n' order by t.tgrelid::regclass::text, t.tgname)
            from pg_trigger as t
            join pg_class as c on c.oid = t.tgrelid
            join project as on_project on on_project.oid = c.relnamespace
            where t.tgfoid = p.oid and t.tgparentid = 0 and not t.tgisinternal
        )) as definition
    from pg_proc as p
    join project as n on n.oid = p.pronamespace
    where coalesce(n.nspname || '.' || p.proname = %(object)s, true)
        and not exists (
            select from pg_depend as d
            where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    union all
    select
        n.nspname || '.' || c.relname,
        case c.relkind when 'm' then 'materialized view' else 'view' end,
        c.oid,
        (select w.xmin::text from pg_rewrite as w where w.ev_class = c.oid and w.rulename = '_RETURN'),
        format('%%I.%%I', n.nspname, c.relname),
        concat_ws(E'\\n', pg_get_viewdef(c.oid), c.relowner::regrole, c.reloptions, c.relacl)
    from pg_class as c
    join project as n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm')
        and coalesce(n.nspname || '.' || c.relname = %(object)s, true)
    order by object, identity
"""


@dataclass(frozen=True)
class Entity:
    """A function, procedure, aggregate or view as the catalog has it. `version` changes whenever it is written."""

    object: str
    kind: str
    oid: int
    version: str
    identity: str
    definition: str


@dataclass(frozen=True)
class State:
    """What a database holds: empty, where nothing was ever deployed.

    `migrations` maps file name to hash; `objects` maps path to the hash of the file and of what the
    catalog said after it was applied.
    """

    fingerprint: str | None
    migrations: dict[str, str]
    objects: dict[str, tuple[str, str | None]]
    entities: list[Entity]

    def definition(self, name: str | None) -> str | None:
        """Hash over all that the catalog has under this name; None if there is nothing."""
        found = [entity.definition for entity in self.entities if entity.object == name]
        return hashlib.sha256("\n".join(found).encode()).hexdigest() if found else None


def read(connection: Connection[Any]) -> State:
    """Read the state of the database; needs no object of the project to exist."""
    if connection.execute("select to_regclass('ops.deployment')").fetchone() == (None,):
        return State(None, {}, {}, [])
    deployed = connection.execute("select fingerprint from ops.deployment").fetchone()
    migrations = connection.execute("select name, sha256 from ops.migrations order by name").fetchall()
    objects = connection.execute("select path, sha256, definition from ops.objects").fetchall()
    return State(
        deployed[0] if deployed else None,
        dict(migrations),
        {path: (sha256, definition) for path, sha256, definition in objects},
        entities(connection),
    )


def entities(connection: Connection[Any], name: str | None = None) -> list[Entity]:
    """The functions, procedures, aggregates and views of the project: all of them, or those of one name."""
    with connection.cursor(row_factory=class_row(Entity)) as cursor:
        return cursor.execute(ENTITIES, {"object": name}).fetchall()
