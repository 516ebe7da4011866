"""Every refusal of the tools is one that docs/errors.md explains."""

import re

import pytest

from ops.paths import ROOT

pytestmark = pytest.mark.core


def test_every_code_of_the_tools_is_documented() -> None:
    used = {
        code for path in (ROOT / "ops").rglob("*.py") for code in re.findall(r'Refusal\(\s*"(\w+)"', path.read_text())
    }
    documented = set(re.findall(r"^\| `(TR\w+)` \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE))
    assert "TRD06" in used
    assert used <= documented
