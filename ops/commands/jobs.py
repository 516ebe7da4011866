"""`ecp jobs`."""

from typing import Annotated

import typer

from ops import answer
from ops.commands.options import Actor, AsJson, Limit, Reason, group

app = group("What the plane does by the clock.")


@app.command("list")
def list_jobs(context: typer.Context, json: AsJson = False) -> None:
    """List the jobs: when each is due, what it did last, how it failed last."""
    sql = "select name, every, due_at, ran_at, did, did_at, sqlstate, error from ops.job_states order by due_at"
    answer.table(context, json, sql)


@app.command()
def history(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Of this job.")] = None,
    limit: Limit = 100,
    json: AsJson = False,
) -> None:
    """List the runs that did something or failed, the newest first."""
    sql = "select * from ops.job_history where name = coalesce(%s, name) order by started_at desc"
    answer.table(context, json, sql, name, limit=limit)


@app.command()
def run(context: typer.Context, json: AsJson = False) -> None:
    """Run what is due now, and print how many that were."""
    from ops.progress import working

    with working("running what is due"), answer.connected(context.obj.stack) as connection:
        # One at a time: a job keeps its locks until it commits.
        ran = sum(1 for _ in iter(lambda: connection.execute("select ops.run_due_jobs(1)").fetchone(), (0,)))
    answer.say({"ran": ran}, as_json=json)


@app.command()
def settings(context: typer.Context, json: AsJson = False) -> None:
    """List what the installation chooses, how long things are kept among it."""
    answer.table(context, json, "select * from ops.settings order by name")


@app.command("set")
def change_setting(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="One of `ecp jobs settings`.")],
    value: Annotated[str, typer.Argument(help="A span of time, like '400 days'.")],
    reason: Reason,
    actor: Actor,
    json: AsJson = False,
) -> None:
    """Change a setting, for everybody, from now on."""
    answer.ask(context.obj.stack, "select ops.change_setting(%s, %s::interval, %s, %s)", name, value, actor, reason)
    answer.record(context, json, "select * from ops.settings where name = %s", name)
