"""docs/http.md lists exactly the operations of the API."""

import re

import pytest

from gateway.http.app import application
from ops.paths import ROOT

pytestmark = pytest.mark.core

CELL = re.compile(r"^\| (`(?:GET|POST) /.+?) \|", re.MULTILINE)


def test_the_page_lists_exactly_the_operations() -> None:
    listed = []
    for cell in CELL.findall((ROOT / "docs/http.md").read_text()):
        method = ""
        for word in re.findall(r"`([^`]+)`", cell):
            method, path = word.split(" ") if " " in word else (method, word)
            listed.append((method, path))
    described = application().openapi()["paths"]
    assert sorted(listed) == sorted((method.upper(), path) for path, item in described.items() for method in item)
