"""`ecp audit list`: who did what. What the chain proves is in tests/ops/test_audit.py."""

import pytest

from tests.db.plane import Plane
from tests.ops.commands.conftest import Said

pytestmark = pytest.mark.core


def test_the_newest_first_by_kind_and_by_actor(own_plane: Plane, said: Said) -> None:
    own_plane.halt()
    own_plane.tick(seconds=1)
    own_plane.lift_halt()
    kinds = [row["kind"] for row in said("audit", "list")["rows"]]
    assert kinds[:2] == ["signals.lift_halt", "signals.halt"]
    (halt,) = said("audit", "list", "--kind", "signals.halt", "--actor", "a test", "--changes")["rows"]
    assert (halt["reason"], halt["before"], halt["after"]["scope"]) == ("a drill", None, "GLOBAL")
    assert "after" not in said("audit", "list")["rows"][0]
    assert said("audit", "list", "--actor", "nobody")["rows"] == []
