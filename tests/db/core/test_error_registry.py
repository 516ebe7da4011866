"""The registry of errors: every code once, with what happened and what to do."""

import re

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_codes_and_names_are_unique_and_well_formed(plane: Plane) -> None:
    rows = plane.gateway.execute("select code, name from core.error_registry()").fetchall()
    assert len({code for code, _ in rows}) == len({name for _, name in rows}) == len(rows)
    for code, name in rows:
        assert re.fullmatch(r"TR[PASRGBTHQWD][0-9]{2}", code)
        assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", name)


def test_every_code_says_what_happened_and_what_to_do(plane: Plane) -> None:
    for code, message, hint in plane.gateway.execute("select code, message, hint from core.error_registry()"):
        assert message.endswith("."), code
        assert hint, code
        assert message != hint


def test_every_code_that_a_function_uses_is_registered(plane: Plane) -> None:
    registered = set(plane.rows("select code from core.error_registry()"))
    sources = plane.rows(
        "select p.prosrc from pg_proc as p where p.proname <> 'error_registry'"
        " and p.pronamespace::regnamespace::text in ('core', 'access', 'signals', 'billing', 'ops')"
    )
    used = {code for source in sources for code in re.findall(r"'(TR[A-Z][0-9]{2})'", source or "")}
    assert used
    assert used <= registered
