"""`ecp subscription`."""

from typing import Annotated

import typer

from ops import answer
from ops.commands.options import Actor, AsJson, Limit, group

app = group("Who follows which stream, and how.")
Subscription = Annotated[int, typer.Argument(help="Number of the subscription.")]
Settings = Annotated[str, typer.Option(metavar="JSON", help="Columns of signals.copy_settings; see docs/copying.md.")]


@app.command("list")
def list_subscriptions(
    context: typer.Context,
    account: Annotated[int | None, typer.Option(help="Of this account.")] = None,
    limit: Limit = 1000,
    json: AsJson = False,
) -> None:
    """List the subscriptions that have not ended: state, and how far each has come."""
    sql = (
        "select subscription_id, account, stream, state, since, cause, has_copier, delivery_seq, acknowledged_seq,"
        " newest_at from ops.subscription_states where account_id = coalesce(%s, account_id) order by subscription_id"
    )
    answer.table(context, json, sql, account, limit=limit)


@app.command()
def show(context: typer.Context, subscription: Subscription, json: AsJson = False) -> None:
    """Show one subscription, ended or not."""
    answer.record(context, json, "select * from analytics.subscriptions where subscription_id = %s", subscription)


@app.command()
def create(
    context: typer.Context,
    account: Annotated[int, typer.Argument(help="Number of the subscriber's account.")],
    stream: Annotated[int, typer.Argument(help="Number of the stream.")],
    settings: Settings = "{}",
    portfolio: Annotated[int | None, typer.Option(help="Into which; needed only for who has several.")] = None,
    json: AsJson = False,
) -> None:
    """Follow a stream from its next signal on, and print the number of the subscription."""
    wish = _settings(settings)
    sql = "select signals.subscribe(%s, %s, %s, %s) as subscription_id"
    answer.record(context, json, sql, account, stream, wish, portfolio)


@app.command()
def settings(context: typer.Context, subscription: Subscription, limit: Limit = 10, json: AsJson = False) -> None:
    """List the versions of its settings, the newest first."""
    sql = "select * from ops.setting_versions where subscription_id = %s order by version desc"
    answer.table(context, json, sql, subscription, limit=limit)


@app.command("set")
def write_settings(
    context: typer.Context, subscription: Subscription, settings: Settings, actor: Actor, json: AsJson = False
) -> None:
    """Change the given settings, from the next decision on, and print the new version."""
    sql = "select signals.write_settings(%s, %s, %s) as version"
    answer.record(context, json, sql, subscription, _settings(settings), actor)


@app.command()
def pause(context: typer.Context, subscription: Subscription, actor: Actor, json: AsJson = False) -> None:
    """Take no new exposure until it is resumed; closes go on."""
    _move(context, subscription, "user_pause", actor, as_json=json)


@app.command()
def resume(context: typer.Context, subscription: Subscription, actor: Actor, json: AsJson = False) -> None:
    """Copy again."""
    _move(context, subscription, "user_resume", actor, as_json=json)


@app.command()
def end(context: typer.Context, subscription: Subscription, actor: Actor, json: AsJson = False) -> None:
    """Follow no more, for good; what is open is still closed with the master."""
    _move(context, subscription, "end", actor, as_json=json)


@app.command()
def history(context: typer.Context, subscription: Subscription, limit: Limit = 100, json: AsJson = False) -> None:
    """List the changes of its state, the newest first."""
    sql = "select * from analytics.state_changes where subscription_id = %s order by occurred_at desc"
    answer.table(context, json, sql, subscription, limit=limit)


def _move(context: typer.Context, subscription: int, cause: str, actor: str, *, as_json: bool) -> None:
    answer.record(context, as_json, "select signals.transition(%s, %s, %s) as state", subscription, cause, actor)


def _settings(text: str) -> object:
    from psycopg.types.json import Jsonb

    from ops.whatif import settings

    return Jsonb(settings(text))
