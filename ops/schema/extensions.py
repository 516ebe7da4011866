"""Extensions and the queue library: what the project uses where the server has it."""

from typing import Any

from psycopg import Connection

# plpgsql_check and TimescaleDB are relocatable, pg_cron decides for itself.
WANTED = ("timescaledb", "pg_cron", "plpgsql_check")


def missing(connection: Connection[Any]) -> list[str]:
    """What the server offers and the database does not have yet; the queue library always."""
    rows = connection.execute(
        """
        select e.name
        from pg_available_extensions as e
        where e.name = any (%s) and e.installed_version is null
            and (e.name <> 'pg_cron'
                or current_setting('cron.database_name', true) = current_database())
            and (e.name not in ('timescaledb', 'pg_cron')
                or current_setting('shared_preload_libraries') ~ ('\\m' || e.name || '\\M'))
        union all
        select 'pgmq' where to_regnamespace('pgmq') is null
        """,
        [list(WANTED)],
    ).fetchall()
    return sorted(name for (name,) in rows)


def install(connection: Connection[Any], name: str) -> None:
    """Install one of `missing`, usable by ecp_owner; one transaction."""
    match name:
        case "pgmq":
            _install_pgmq(connection)
        case "pg_cron":
            connection.execute("create extension pg_cron")
            connection.execute("grant usage on schema cron to ecp_operator")
            schedule(connection, connection.info.dbname)
        case _:
            connection.execute(f"create extension {name} schema public".encode())


def schedule(connection: Connection[Any], database: str) -> None:
    """Have pg_cron call the schedule of `database` every second; `connection` is to the database that it lives in.

    As ecp_operator, because a job needs a role that can log in: never ecp_owner. Gateways go on calling it too.
    """
    connection.execute(
        "select cron.schedule_in_database(%s, '1 second', 'call ops.tick()', %s, 'ecp_operator')",
        [f"jobs of {database}", database],
    )


def _install_pgmq(connection: Connection[Any]) -> None:
    """As an extension where the server has it, otherwise from the SQL in the Python package."""
    if connection.execute("select from pg_available_extensions where name = 'pgmq'").rowcount:
        connection.execute("create extension pgmq")
        connection.execute("grant usage on schema pgmq to ecp_owner")
        connection.execute("grant all on all tables in schema pgmq to ecp_owner")
        connection.execute("grant all on all sequences in schema pgmq to ecp_owner")
        return
    from pgmq.install import get_embedded_install_sql

    connection.execute("set local role ecp_owner")
    connection.execute(get_embedded_install_sql().encode())
    connection.execute("reset role")
