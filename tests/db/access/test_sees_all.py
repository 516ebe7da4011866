"""Who is of the house."""

from typing import LiteralString

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("role", "expected"),
    [("ecp_analyst", True), ("ecp_auditor", True), ("ecp_operator", True), ("ecp_tenant", False), ("ecp_api", False)],
)
def test_the_house_sees_everything_and_others_what_is_theirs(plane: Plane, role: LiteralString, expected: bool) -> None:
    with plane.connect(role) as connection:
        assert connection.execute("select access.sees_all()").fetchone() == (expected,)


def test_it_cannot_be_set(plane: Plane) -> None:
    with plane.connect("ecp_tenant") as connection:
        connection.execute("set search_path = pg_temp, public; create temp table pg_roles (rolname name)")
        assert connection.execute("select access.sees_all()").fetchone() == (False,)
