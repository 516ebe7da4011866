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
    with example.open() as script:
        ran = subprocess.run(
            [binaries() / "psql", "-X", "-v", "ON_ERROR_STOP=1", database_url],
            stdin=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout
    expected = example.with_suffix(".out")
    if os.environ.get("ECP_WRITE_EXAMPLES"):
        expected.write_text(ran.stdout)
    assert ran.stdout == expected.read_text()
