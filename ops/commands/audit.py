"""`ecp audit`."""

from pathlib import Path
from typing import Annotated, LiteralString

import typer

from ops import answer
from ops.commands.options import AsJson, Limit, group

app = group("Who did what; and prove later that nothing was changed: the chain of hashes over what was done.")


@app.command("list")
def list_trail(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Of this kind; see docs/audit.md.")] = None,
    actor: Annotated[str | None, typer.Option(help="Done by this one.")] = None,
    changes: Annotated[bool, typer.Option("--changes", help="What it was before and after, too.")] = False,
    limit: Limit = 100,
    json: AsJson = False,
) -> None:
    """List what people did, the newest first."""
    brief: LiteralString = "select occurred_at, kind, subject, actor, login, reason, block"
    sql = (
        brief
        + (", before, after" if changes else "")
        + (
            " from audit.trail where kind = coalesce(%s, kind) and actor = coalesce(%s, actor)"
            " order by occurred_at desc, xact desc"
        )
    )
    answer.table(context, json, sql, kind, actor, limit=limit)


@app.command("export-head")
def export_head(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there, instead of printing it.")] = None,
) -> None:
    """Print the newest block of the chain as JSON, to be kept where the database's owner cannot reach it."""
    from ops import audit

    audit.export_head(context.obj.stack, out=out)


@app.command("verify")
def verify_chain(
    context: typer.Context,
    head: Annotated[Path | None, typer.Option(metavar="FILE", help="A head that was exported before.")] = None,
    json: AsJson = False,
) -> None:
    """Compare everything that was sealed with what is there now; exit status 1 if something was changed."""
    from ops import audit

    audit.verify(context.obj.stack, head_file=head, as_json=json)
