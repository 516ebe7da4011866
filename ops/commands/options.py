"""Options that many commands have."""

import getpass
from typing import Annotated

import typer


def os_user() -> str:
    """Who is at the keyboard, as the operating system has it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Actor = Annotated[str, typer.Option(default_factory=os_user, show_default="you", help="Who does it; it is kept.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
Limit = Annotated[int, typer.Option(min=1, help="Rows, at most.")]
Currency = Annotated[str, typer.Option(help="Which of its wallets.")]


def group(help: str) -> typer.Typer:  # noqa: A002
    """A group of commands."""
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=help)
