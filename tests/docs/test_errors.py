"""docs/errors.md, the registry in SQL and every code that the sources use are one list."""

import re
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from ops.paths import ROOT

pytestmark = pytest.mark.core

ROW = re.compile(r"^\| `(TR[A-Z]\d\d)` \| ([A-Z_]+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
CODE = re.compile(r"\bTR[PASRGBTHQD]\d\d\b")
CONSTANT = re.compile(r"\bTR_([A-Z_]+)\b")
SOURCES = ["db/**/*.sql", "gateway/*.py", "ops/**/*.py", "docs/*.md", "gateway/ecp.proto"]


def registry(db: Connection[Any]) -> list[tuple[str, str, str, str]]:
    return db.execute("select code, name, message, hint from core.error_registry()").fetchall()


def test_the_page_lists_exactly_the_registry(db: Connection[Any]) -> None:
    page = ROW.findall((ROOT / "docs/errors.md").read_text())
    assert sorted(page) == sorted(registry(db))


def test_codes_and_names_are_unique(db: Connection[Any]) -> None:
    rows = registry(db)
    assert len({code for code, *_ in rows}) == len({name for _, name, *_ in rows}) == len(rows)


def test_every_code_in_the_sources_is_registered(db: Connection[Any]) -> None:
    known = {code for code, *_ in registry(db)}
    used = {code: path for pattern in SOURCES for path in ROOT.glob(pattern) for code in CODE.findall(path.read_text())}
    assert {code: path for code, path in used.items() if code not in known} == {}


def test_every_registered_code_is_used_outside_the_registry(db: Connection[Any]) -> None:
    used = {
        code
        for pattern in ["db/functions/**/*.sql", "gateway/*.py", "ops/**/*.py"]
        for path in ROOT.glob(pattern)
        if path.name != "error_registry.sql"
        for code in CODE.findall(path.read_text())
    }
    # Expert advisors use codes by their names.
    named = {
        name
        for path in ROOT.glob("mql5/**/*.mq[h5]")
        if path.name != "Errors.mqh"
        for name in CONSTANT.findall(path.read_text())
    }
    assert {code for code, name, *_ in registry(db) if name not in named} - used == set()


def test_a_raised_code_carries_message_detail_and_hint(db: Connection[Any]) -> None:
    with pytest.raises(psycopg.Error, match="no such stream") as raised:
        db.execute("select core.fail('TRS10', '{\"stream\": 7}')")
    diag = raised.value.diag
    assert (diag.sqlstate, diag.message_detail) == ("TRS10", '{"stream": 7}')
    assert diag.message_hint
