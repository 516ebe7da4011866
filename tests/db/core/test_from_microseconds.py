"""Times from the wire: what is none is null, and never an error."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.db.plane import Plane

pytestmark = pytest.mark.core

LAST = 4_102_444_800_000_000


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, LAST))
def test_every_microsecond_survives_the_way_in_and_out(plane: Plane, us: int) -> None:
    at, back = plane.rows("select core.from_microseconds(%s), core.microseconds(core.from_microseconds(%s))", us, us)[0]
    assert at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    assert back == us


@pytest.mark.parametrize("us", [-1, LAST + 1, 2**63 - 1, -(2**63), None])
def test_what_is_no_time_is_null(plane: Plane, us: int | None) -> None:
    assert plane.value("select core.from_microseconds(%s::bigint)", us) is None
