"""The command line `ecp`. A command is one decorated function here, and its work a module imported by it
only then, so that `ecp --help` stays instant."""

from dataclasses import dataclass
from typing import Annotated, Literal

import psycopg
import typer
from typer.core import TyperGroup

from ops.errors import Refusal
from ops.postgres import External, Stack, StackName, stack


class _Commands(TyperGroup):
    """Turns a refusal into a line, a hint and an exit status, whatever command it comes from."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except Refusal as error:
            refusal = error
        except psycopg.Error as error:
            said = str(error).strip().partition("\n")[0]
            refusal = Refusal("TRD01", f"the database said: {said} (SQLSTATE {error.sqlstate})", "see the server's log")
        typer.secho(f"ecp: {refusal}", fg="red", err=True)
        typer.echo(f"hint: {refusal.hint}", err=True)
        raise typer.Exit(1)


@dataclass(frozen=True)
class Target:
    """Which server the command works on."""

    stack_name: StackName
    database_url: str | None

    @property
    def stack(self) -> Stack:
        return External(self.database_url) if self.database_url else stack(self.stack_name)


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None
)


@app.callback()
def options(
    context: typer.Context,
    stack: Annotated[StackName, typer.Option(envvar="ECP_STACK", help="Which Postgres of this checkout.")] = "embedded",
    database_url: Annotated[
        str | None, typer.Option(envvar="ECP_DATABASE_URL", help="Any server, PostgreSQL 17 or newer, instead.")
    ] = None,
) -> None:
    """Execution Control Plane: signed trade signals, decided in Postgres, delivered to every subscriber."""
    context.obj = Target(stack, database_url)


@app.command()
def deploy(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
    lanes: Annotated[int, typer.Option(min=1, max=1024, help="Number of lanes, fixed by the first deploy.")] = 8,
) -> None:
    """Bring the database to what the files of db/ say."""
    from ops.schema import commands

    commands.run_deploy(context.obj.stack, dry_run=dry_run, lanes=lanes)


@app.command()
def status(context: typer.Context) -> None:
    """Say how far the database is from the files; exit status 1 if it is not at them."""
    from ops.schema import commands

    commands.run_status(context.obj.stack)


@app.command()
def pg(
    context: typer.Context, action: Annotated[Literal["start", "stop", "url"], typer.Argument(help="What to do.")]
) -> None:
    """Start or stop the Postgres of this checkout, or print its URL for psql."""
    server: Stack = context.obj.stack
    match action:
        case "start":
            server.start()
        case "stop":
            server.stop()
        case "url":
            typer.echo(server.url())
