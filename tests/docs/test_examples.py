"""The SQL examples run, and print what is committed beside them."""

import os
import subprocess
from pathlib import Path

import pytest

from ops.paths import ROOT
from ops.postgres.embedded import binaries

pytestmark = pytest.mark.core

EXAMPLES = sorted((ROOT / "docs/examples").glob("*.sql"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_its_page_shows(example: Path, database_url: str) -> None:
    """Write the expected output anew with ECP_WRITE_EXAMPLES=1."""
    ran = subprocess.run(
        [binaries() / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", example, database_url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    expected = example.with_suffix(".out")
    if os.environ.get("ECP_WRITE_EXAMPLES"):
        expected.write_text(ran.stdout)
    assert ran.stdout == expected.read_text()
