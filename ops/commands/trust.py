"""`ecp trust`."""

from typing import Annotated, Literal

import typer

from ops import answer
from ops.commands.options import Actor, AsJson, Limit, Reason, group

app = group("How far accounts are trusted, and why.")


@app.command("list")
def list_scores(context: typer.Context, limit: Limit = 1000, json: AsJson = False) -> None:
    """List the scores, the lowest first; who is not in it has 100."""
    answer.table(context, json, "select * from analytics.trust order by score, account_id, role", limit=limit)


@app.command()
def show(
    context: typer.Context,
    account: Annotated[int, typer.Argument(help="Number of the account.")],
    json: AsJson = False,
) -> None:
    """Say how an account stands: score, what is paused for it and until when, what moved it."""
    from ops import trust

    trust.show(context.obj.stack, account, as_json=json)


@app.command()
def reset(
    context: typer.Context,
    account: Annotated[int, typer.Argument(help="Number of the account.")],
    score: Annotated[int, typer.Option(min=0, max=100, help="What the score becomes.")],
    reason: Reason,
    actor: Actor,
    role: Annotated[
        Literal["provider", "subscriber"] | None, typer.Option(help="As what; needed only for who is both.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Set an account's score, and let go or pause what follows from it."""
    from ops import trust

    trust.reset(context.obj.stack, account, role, score=score, reason=reason, actor=actor, as_json=json)
