"""`ecp license`."""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

import typer

from ops import answer
from ops.commands.options import Actor, AsJson, Limit, Reason, group

app = group("What a program shows when it connects. A token is shown once, when it is made.")
License = Annotated[UUID, typer.Argument(help="The license_id.")]


@app.command("list")
def list_licenses(
    context: typer.Context,
    account: Annotated[int | None, typer.Option(help="Of this account.")] = None,
    limit: Limit = 1000,
    json: AsJson = False,
) -> None:
    """List the licenses: until when, why one would be refused, and who uses it."""
    sql = (
        "select license_id, account_id, account, purpose, expires_at, refusal, client, renewed_at"
        " from ops.license_states where account_id = coalesce(%s, account_id) order by account_id, expires_at"
    )
    answer.table(context, json, sql, account, limit=limit)


@app.command()
def show(context: typer.Context, license_id: License, json: AsJson = False) -> None:
    """Show one license."""
    answer.record(context, json, "select * from ops.license_states where license_id = %s", license_id)


@app.command()
def issue(
    context: typer.Context,
    account: Annotated[int, typer.Argument(help="Number of the account.")],
    purpose: Annotated[Literal["publish", "subscribe", "executor", "api"], typer.Argument(help="What for.")],
    network: Annotated[list[str] | None, typer.Option(help="Only from there, as CIDR; may be repeated.")] = None,
    days: Annotated[float, typer.Option(min=0.001, help="How long it is valid.")] = 30,
    json: AsJson = False,
) -> None:
    """Make a license, and print its token: now, and never again."""
    sql = "select * from access.issue_license(%s, %s, %s::cidr[], %s)"
    answer.record(context, json, sql, account, purpose, network or None, timedelta(days=days))


@app.command()
def rotate(
    context: typer.Context,
    license_id: License,
    overlap_hours: Annotated[float, typer.Option(min=0, help="How long the old one still works.")] = 24,
    json: AsJson = False,
) -> None:
    """Make the successor of a license, and print its token: now, and never again."""
    sql = "select * from access.rotate_license(%s, %s)"
    answer.record(context, json, sql, license_id, timedelta(hours=overlap_hours))


@app.command()
def revoke(context: typer.Context, license_id: License, reason: Reason, actor: Actor, json: AsJson = False) -> None:
    """End a license, and the session that it has, at once."""
    answer.ask(context.obj.stack, "select access.revoke_license(%s, %s, %s)", license_id, reason, actor)
    show(context, license_id, json)
