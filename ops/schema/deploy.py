"""`ecp deploy` and `ecp status`: bring a database to what the files of db/ say, or say how far it is."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import psycopg
from psycopg import Connection, errors

from ops.errors import Refusal
from ops.schema import apply, catalog, extensions, plan, tree
from ops.schema.plan import Plan
from ops.schema.tree import Source, Tree

MINIMUM_SERVER = 17
LANES = 4
LOCK_TIMEOUT = "2s"
ATTEMPTS = 15
WAIT_FOR_OTHER_S = 120.0
ADVISORY_KEY = 0x6563705F6465706C  # "ecp_depl"


def fingerprint() -> str:
    """The version of db/ in this checkout; a database at that version has it in ops.deployment."""
    return tree.read().fingerprint


@contextmanager
def connect(url: str) -> Iterator[Connection[Any]]:
    """A connection that sees nothing it does not name in full. Raises TRD01 and TRD03."""
    try:
        connection = psycopg.connect(
            url, autocommit=True, connect_timeout=10, application_name="ecp deploy", options="-c search_path=pg_catalog"
        )
    except psycopg.OperationalError as error:
        why = str(error).strip().splitlines()[-1]
        raise Refusal("TRD01", f"cannot connect: {why}", "start the server, or correct the URL") from error
    with connection:
        check_version(connection.info.server_version)
        yield connection


def check_version(server_version: int) -> None:
    """Raise TRD03 for a server before PostgreSQL 17; the version is as libpq has it, 170004 for 17.4."""
    if server_version < MINIMUM_SERVER * 10000:
        raise Refusal(
            "TRD03",
            f"the server is PostgreSQL {server_version // 10000}, and {MINIMUM_SERVER} is the oldest that will do",
            "use --stack embedded, or upgrade the server",
        )


def require_current(connection: Connection[Any]) -> None:
    """Raise TRD04 if nothing is deployed in this database, TRD05 if it is at another version than the files."""
    if connection.execute("select to_regclass('ops.deployment') is null").fetchone() == (True,):
        raise Refusal("TRD04", "nothing is deployed in this database", "run: ecp deploy")
    try:
        found = connection.execute("select ops.deployment_fingerprint()").fetchone()
    except errors.UndefinedFunction:  # a version in which nobody but its owner could ask
        found = None
    if found != (fingerprint(),):
        raise Refusal("TRD05", "the database is at another version than this checkout", "run: ecp deploy")


def look(connection: Connection[Any], files: Tree) -> Plan:
    """What a deploy would do. Raises TRD05 and TRD06 as the deploy itself would."""
    state = catalog.read(connection)
    plan.refuse_drift(state)
    return plan.make(files, state)


def deploy(
    connection: Connection[Any], files: Tree, *, lanes: int = LANES, say: Callable[[str], None] = lambda _: None
) -> Plan:
    """Bring the database to what the files say, and return what was done; nothing, if it was there already.

    All of it is one transaction, but for `-- no-transaction` migrations: what comes before one is committed
    before it runs. Raises Refusal; what a refusal came from is rolled back.
    """
    with _only_deploy(connection):
        missing = extensions.missing(connection)
        pending = look(connection, files)
        if pending.empty and not missing:
            return pending
        connection.execute("select set_config('ecp.lanes', %s, false)", [str(lanes)])
        connection.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'".encode())
        for name in missing:
            say(f"install  {name}")
        for line in pending.lines:
            say(line)

        stages = _stages(pending.migrations)
        for number, stage in enumerate(stages, start=1):
            work = partial(_work, connection, files, stage, missing if number == 1 else None, number == len(stages))
            _with_retries(connection, work, in_transaction=all(migration.in_transaction for migration in stage))
        return pending


def _work(connection: Connection[Any], files: Tree, stage: list[Source], missing: list[str] | None, last: bool) -> None:
    """One stage. The first brings what everything stands on, with the extensions that are `missing`; the last
    writes the functions and policies."""
    if missing is not None:
        apply.run(connection, files.bootstrap, role="none")
        for name in missing:
            extensions.install(connection, name)
    for migration in stage:
        apply.migration(connection, migration, files.required_by(migration))
    if last:
        apply.files(connection, files)


def _stages(migrations: list[Source]) -> list[list[Source]]:
    """Cut the migrations where one cannot run in a transaction: that one is a stage of its own, and each of the
    other stages is one transaction. The first and the last can be empty, and are never cut."""
    stages: list[list[Source]] = [[]]
    for migration in migrations:
        if migration.in_transaction:
            stages[-1].append(migration)
        else:
            stages += [[migration], []]
    return stages


def _with_retries(connection: Connection[Any], work: Callable[[], None], *, in_transaction: bool) -> None:
    """Do it again while others hold the locks it needs: queueing for long would make everyone wait behind us."""
    for attempt in range(ATTEMPTS):
        try:
            with connection.transaction() if in_transaction else nullcontext():
                return work()
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            blocked = error
            time.sleep(min(0.1 * 2**attempt, 2.0))
    where = blocked.diag.context or blocked.diag.message_primary
    raise Refusal("TRD08", f"others kept a lock that the deploy needs: {where}", "end the long transactions, try again")


@contextmanager
def _only_deploy(connection: Connection[Any]) -> Iterator[None]:
    """One deploy per database at a time.

    Asking again and again, rather than waiting in pg_advisory_lock: a waiting statement holds a snapshot, and
    CREATE INDEX CONCURRENTLY of the deploy that has the lock would wait for that snapshot for ever.
    """
    deadline = time.monotonic() + WAIT_FOR_OTHER_S
    while connection.execute("select pg_try_advisory_lock(%s)", [ADVISORY_KEY]).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise Refusal("TRD08", "another deploy of this database is running", "wait for it, then try again")
        time.sleep(0.1)
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock(%s)", [ADVISORY_KEY])
