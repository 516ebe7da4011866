"""The rules that docs/trust.md shows are those of the database."""

import re
from typing import Any

import pytest
from psycopg import Connection

from ops.paths import ROOT

pytestmark = pytest.mark.core

ROW = re.compile(r"^\| (provider|subscriber) \| `([A-Z0-9_]+)` \| ([+-]\d+) \| (.+) \|$", re.MULTILINE)


def test_the_page_lists_exactly_the_rules_that_have_points(db: Connection[Any]) -> None:
    page = [(*row[:2], int(row[2]), row[3]) for row in ROW.findall((ROOT / "docs/trust.md").read_text())]
    rules = db.execute("select role, code, points, meaning from trust.rules where points <> 0").fetchall()
    assert sorted(page) == sorted(rules)


def test_what_the_scan_counts_has_its_code(db: Connection[Any]) -> None:
    unknown = db.execute(
        "select code from trust.rules where code like 'TR%' and code not in (select code from core.error_registry())"
    ).fetchall()
    assert unknown == []
