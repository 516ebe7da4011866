"""`python -m ops` is `ecp`."""

from ops.cli import app

app()
