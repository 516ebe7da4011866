"""The command line on a database of the test's own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from tests.db.plane import Plane

Ecp = Callable[..., Result]
Said = Callable[..., dict[str, Any]]


@pytest.fixture
def ecp(own_plane: Plane) -> Ecp:
    """Calls a command, and what it gives back is exit status and output."""

    def call(*arguments: object, **options: Any) -> Result:
        return CliRunner().invoke(app, ["--database-url", own_plane.url, *map(str, arguments)], **options)

    return call


@pytest.fixture
def said(ecp: Ecp) -> Said:
    """Calls a command that is done, and what it gives back is its one object of JSON."""

    def call(*arguments: object) -> dict[str, Any]:
        done = ecp(*arguments, "--json")
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return call
