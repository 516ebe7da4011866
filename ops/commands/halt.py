"""`ecp halt`."""

from typing import Annotated, Literal

import typer

from ops import answer
from ops.commands.options import Actor, AsJson, Reason, group

app = group("Kill switches: nothing that raises exposure passes, closes do.")
Scope = Annotated[Literal["global", "stream", "account", "symbol"], typer.Argument(help="How much.")]
Subject = Annotated[str | None, typer.Argument(help="Number of the stream or account, or the symbol.")]


@app.command("list")
def list_halts(context: typer.Context, json: AsJson = False) -> None:
    """List what is halted, since when, by whom and why."""
    answer.table(context, json, "select * from ops.halts order by since")


@app.command("set")
def halt(
    context: typer.Context, scope: Scope, reason: Reason, actor: Actor, subject: Subject = None, json: AsJson = False
) -> None:
    """Halt everything, a stream, an account (both what it publishes and what it copies) or a symbol."""
    sql = "select signals.halt(%s, %s, %s, %s)"
    answer.ask(context.obj.stack, sql, scope.upper(), subject, reason, actor)
    list_halts(context, json)


@app.command()
def lift(
    context: typer.Context, scope: Scope, reason: Reason, actor: Actor, subject: Subject = None, json: AsJson = False
) -> None:
    """End a halt; exit status 1 if there was none."""
    sql = "select signals.lift_halt(%s, %s, %s, %s) as was_halted"
    lifted = answer.record(context, json, sql, scope.upper(), subject, reason, actor)
    if not lifted["was_halted"]:
        raise typer.Exit(1)
