"""Prices and volumes from the wire and back."""

from decimal import Decimal

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


@pytest.mark.parametrize("value", [1, -1, 10_000_000, 107_219_000, 2**63 - 1, -(2**63)])
def test_every_integer_survives_the_way_in_and_out(plane: Plane, value: int) -> None:
    there, back = plane.rows("select core.from_e8(%s::bigint), core.e8(core.from_e8(%s::bigint))", value, value)[0]
    assert there == Decimal(value).scaleb(-8)
    assert back == value


def test_zero_means_none_and_none_means_zero(plane: Plane) -> None:
    assert plane.rows("select core.from_e8(0), core.from_e8(null), core.e8(null)") == [(None, None, 0)]
