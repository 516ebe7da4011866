"""What belongs to the caller, by kind."""

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_what_belongs_to_the_caller_and_nothing_else(plane: Plane) -> None:
    master, other = plane.master(), plane.master()
    plane.admin.execute("update access.accounts set roles = '{provider,subscriber}'")
    follower = plane.copier(other, account=master.account)
    second = plane.portfolio(master.account)
    plane.copier(master)
    token = plane.license(master.account, "api").token
    with plane.connect("ecp_tenant") as tenant, tenant.transaction():
        tenant.execute("select access.act_for(%s)", [token])

        def sight(what: str) -> list[int] | None:
            row = tenant.execute("select access.in_sight(%s)", [what]).fetchone()
            assert row
            return row[0] and sorted(row[0])

        assert sight("account") == [master.account]
        assert sight("stream") == [master.stream]
        assert sight("portfolio") == sorted([follower.portfolio, second])
        assert sight("subscription") == [follower.subscription]
        assert sight("license") is None


def test_nobody_has_nothing(plane: Plane) -> None:
    plane.copier(plane.master())
    with plane.connect("ecp_tenant") as tenant:
        for what in ("account", "stream", "portfolio", "subscription"):
            assert tenant.execute("select access.in_sight(%s)", [what]).fetchone() == (None,)
