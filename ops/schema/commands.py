"""What `ecp deploy` and `ecp status` print."""

import json

import typer

from ops.postgres import Stack
from ops.schema import catalog, deploy, extensions, plan, tree


def run_deploy(stack: Stack, *, dry_run: bool, lanes: int, as_json: bool) -> None:
    """Deploy, or say what a deploy would do: a line for each, or one object."""
    stack.start()
    files = tree.read()
    lines: list[str] = []
    say = lines.append if as_json else typer.echo
    with deploy.connect(stack.url()) as connection:
        if dry_run:
            pending = deploy.look(connection, files)
            missing = extensions.missing(connection)
            for line in [*(f"install  {name}" for name in missing), *pending.lines]:
                say(line)
            end = "nothing to do" if pending.empty and not missing else "nothing was changed: this is a dry run"
        else:
            done = deploy.deploy(connection, files, lanes=lanes, say=say)
            end = "nothing to do" if done.empty else f"deployed {files.fingerprint[:12]}"
    typer.echo(json.dumps({"files": files.fingerprint, "dry_run": dry_run, "steps": lines}) if as_json else end)


def run_status(stack: Stack, *, as_json: bool) -> None:
    """Print how far the database is, in lines or as one object; exit status 1 unless it is what the files say."""
    stack.start()
    files = tree.read()
    with deploy.connect(stack.url()) as connection:
        state = catalog.read(connection)
        pending = plan.make(files, state)
        drift = plan.drift(state)
        major, minor = divmod(connection.info.server_version, 10000)
        server = f"PostgreSQL {major}.{minor}, {stack.name} stack, database {connection.info.dbname}"
    if as_json:
        known = {"server": server, "files": files.fingerprint, "database": state.fingerprint}
        typer.echo(json.dumps({**known, "pending": pending.lines, "drift": drift}))
    else:
        typer.echo(f"server   {server}")
        typer.echo(f"files    {files.fingerprint[:12]}")
        typer.echo(f"database {(state.fingerprint or 'nothing deployed')[:16]}")
        typer.echo(f"applied  {len(state.migrations)} migrations, {len(state.objects)} files")
        for line in [f"pending  {line}" for line in pending.lines] + [f"drift    {path}" for path in drift]:
            typer.echo(line)
    if not pending.empty or drift:
        raise typer.Exit(1)
