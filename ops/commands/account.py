"""`ecp account`."""

from typing import Annotated

import typer

from ops import answer
from ops.commands.options import Actor, AsJson, Limit, Reason, group

app = group("Who provides, subscribes and operates.")
Account = Annotated[int, typer.Argument(help="Number of the account.")]


@app.command("list")
def list_accounts(context: typer.Context, limit: Limit = 1000, json: AsJson = False) -> None:
    """List the accounts, and how much each has."""
    answer.table(context, json, "select * from ops.account_states order by account_id", limit=limit)


@app.command()
def show(context: typer.Context, account: Account, json: AsJson = False) -> None:
    """Show one account."""
    answer.record(context, json, "select * from ops.account_states where account_id = %s", account)


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name that no other account has.")],
    role: Annotated[list[str], typer.Option(help="provider, subscriber or operator; may be repeated.")],
    lane: Annotated[int | None, typer.Option(min=0, help="Its lane for ever; dealt unless given.")] = None,
    json: AsJson = False,
) -> None:
    """Make an account, and print its number."""
    answer.record(context, json, "select access.create_account(%s, %s, %s::smallint) as account_id", name, role, lane)


@app.command()
def suspend(context: typer.Context, account: Account, reason: Reason, actor: Actor, json: AsJson = False) -> None:
    """End every session of an account at once, and let it open none; to stop its openings only, halt it instead."""
    _set_status(context, account, "SUSPENDED", reason, actor, json=json)


@app.command()
def reinstate(context: typer.Context, account: Account, reason: Reason, actor: Actor, json: AsJson = False) -> None:
    """Let a suspended account connect again."""
    _set_status(context, account, "ACTIVE", reason, actor, json=json)


def _set_status(context: typer.Context, account: int, status: str, reason: str, actor: str, *, json: bool) -> None:
    answer.ask(context.obj.stack, "select access.set_account_status(%s, %s, %s, %s)", account, status, reason, actor)
    show(context, account, json)
