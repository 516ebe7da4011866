"""The head is the newest block: what an auditor keeps where the owner of the database cannot reach it."""

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_there_is_none_before_the_first_block(plane: Plane) -> None:
    assert plane.rows("select * from audit.head()") == []


def test_it_is_the_newest_block(busy: Plane) -> None:
    newest = busy.record("select number, hash, sealed_at from audit.seals where number = 2")
    for role in ("ecp_operator", "ecp_auditor"):
        with busy.connect(role) as connection:
            found = connection.execute("select number, hash, sealed_at from audit.head()").fetchall()
        assert found == [tuple(newest.values())]
