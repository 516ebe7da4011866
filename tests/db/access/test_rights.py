"""What a program need not offer to who may not."""

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core

NAMES = ["analytics.streams", "ops.live", "signals.halt", "trust.reset", "signals.streams", "no.such"]


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("ecp_operator", {"analytics.streams", "ops.live", "signals.halt", "trust.reset"}),
        ("ecp_auditor", {"analytics.streams", "ops.live"}),
        ("ecp_analyst", {"analytics.streams"}),
        ("ecp_tenant", {"analytics.streams"}),
    ],
)
def test_it_is_what_postgres_would_let_him(plane: Plane, role: str, rights: set[str]) -> None:
    with plane.admin.transaction():
        plane.admin.execute("select set_config('role', %s, true)", [role])
        (found,) = plane.admin.execute("select access.rights(%s)", [NAMES]).fetchall()
    assert set(found[0]) == rights
