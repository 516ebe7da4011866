"""`ecp demo`: sets the stage, plays, and says what came of it."""

import asyncio
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
import uvloop
from pgmq.install import get_embedded_sql_version
from psycopg import Connection
from rich.console import Console

from gateway import client
from ops import verify
from ops.demo import accounts, bars, cast, experts, experts_summary, play, screen, summary
from ops.demo.play import Play, Script
from ops.errors import Refusal
from ops.paths import VAR
from ops.postgres import External, Stack
from ops.schema import deploy, tree
from ops.serve import Served, process

LOG = VAR / "demo-gateway.log"
EXTENSIONS = ("timescaledb", "pg_cron")


def run(
    stack: Stack, *, path: Path, limit: int | None, pace: float, ea: bool, http_port: int | None, as_json: bool
) -> None:
    """Play, with the experts if `ea`; exit status 1 unless everything held, 2 for a file that cannot be played. With an
    `http_port` there is the console to look at too, and it plays again and again until Ctrl-C."""
    started = time.monotonic()
    console = Console(quiet=as_json)
    try:
        script = play.script(path, limit, pace)
        with _served(stack, http_port) as (served, db):
            while True:
                outcome = _play(stack, script, served.port, db, console, started, ea=ea)
                _say(outcome, stack, console, as_json=as_json)
                if outcome.faults:
                    raise typer.Exit(1)
                if http_port is None:
                    return
                started = time.monotonic()
    except bars.BadBars as bad:
        typer.secho(f"ecp: {bad}", fg="red", err=True)
        typer.echo(f"hint: {bad.hint}", err=True)
        raise typer.Exit(2) from bad
    except KeyboardInterrupt:
        if http_port is None:
            raise


@contextmanager
def _served(stack: Stack, http_port: int | None) -> Iterator[tuple[Served, Connection[Any]]]:
    """The plane, deployed and served. Who may look at it is told how."""
    stack.start()
    VAR.mkdir(exist_ok=True)
    with deploy.connect(stack.url()) as db:
        deploy.deploy(db, tree.read())
        with LOG.open("w") as log, process(stack.url(), http_port=http_port, log=log) as served:
            if served.url:
                typer.echo(f"{served.url}/console, until Ctrl-C", err=True)
                typer.echo(f"sign in as operator, with the license {cast.operator(db)}", err=True)
            try:
                yield served, db
            finally:
                # As it is: at Ctrl-C it may be in the middle of something, and could not end that.
                db.close()


def _play(
    stack: Stack, script: Script, port: int, db: Connection[Any], console: Console, started: float, *, ea: bool
) -> summary.Outcome | experts_summary.Outcome:
    swing_points = max(script.survey.swing // script.survey.point, 1)
    people = cast.make(db, _symbol(script.path), script.survey.digits, swing_points)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        played = runner.run(_perform(people, script, port, db, console, ea=ea))
    now = time.monotonic()
    known: dict[str, Any] = {
        "accounts": accounts.read(db, people),
        "checks": verify.read(db),
        "server": _server(db, stack),
        "first_copy_s": (played.first_copy_at or now) - started,
        "took_s": now - started,
    }
    if isinstance(played, experts.Show):
        return experts_summary.read(played, db, **known)
    return summary.read(played, **known)


def _say(outcome: summary.Outcome | experts_summary.Outcome, stack: Stack, console: Console, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(outcome.as_json(), default=str))
    else:
        for line in outcome.in_words(_again(stack)):
            console.print(line, highlight=False, markup=False, soft_wrap=True)


async def _perform(
    people: cast.Cast, script: Script, port: int, db: Connection[Any], console: Console, *, ea: bool
) -> Play | experts.Show:
    try:
        if ea:
            return await experts.perform(people, script, port, db, console)
        made = await play.prepare(people, script, port)
        watching = asyncio.create_task(screen.watch(made, console))
        try:
            await play.perform(made, script, db)
        finally:
            watching.cancel()
            await asyncio.wait({watching})
            await play.leave(made)
    except Exception as error:
        raise _cause(error) from error
    return made


def _cause(error: Exception) -> Exception:
    """The first of what went wrong, as something that can be said in a line where that is possible."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, client.Refusal):
        return Refusal(error.code, error.message, error.hint)
    if isinstance(error, OSError):
        return Refusal("TRD16", f"the gateway went away: {error}", f"see {LOG}")
    return error


def _symbol(path: Path) -> str:
    """The instrument, by the name of the file."""
    return re.sub(r"[^A-Za-z0-9._-]", "", path.stem)[:32] or "PRICE"


def _server(db: Connection[Any], stack: Stack) -> dict[str, str | None]:
    """Versions of what the run was on; null for what the server does not have."""
    versions: dict[str, str | None] = dict.fromkeys(EXTENSIONS)
    versions |= dict(
        db.execute("select extname, extversion from pg_extension where extname = any (%s)", [list(EXTENSIONS)])
    )
    # The queue is an extension only where the server offers it; elsewhere it came as SQL out of the Python package.
    (queue,) = db.execute("select max(extversion) from pg_extension where extname = 'pgmq'").fetchone() or (None,)
    versions["pgmq"] = queue or get_embedded_sql_version()
    return {"postgres": db.info.parameter_status("server_version"), **versions, "stack": stack.name}


def _again(stack: Stack) -> str:
    """How to call this command line for the same database, from here."""
    program = Path(sys.argv[0])
    words = [os.path.relpath(program) if program.is_file() else program.name]
    if isinstance(stack, External):
        if os.environ.get("ECP_DATABASE_URL") != stack.database_url:
            words += ["--database-url", stack.database_url]
    elif os.environ.get("ECP_STACK", "embedded") != stack.name:
        words += ["--stack", stack.name]
    return shlex.join(words)
