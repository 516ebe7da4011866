"""What drops is in test_make_time_series; here, that nothing else does."""

from datetime import timedelta

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_other_tables_keep_their_chunks(own_plane: Plane) -> None:
    own_plane.master().does("OPEN", volume=0)
    own_plane.admin.execute("create schema lab; create table lab.readings (at timestamptz not null)")
    own_plane.value("select core.make_time_series('lab.readings', 'at', interval '7 days')")
    own_plane.value("select core.drop_time_series_before('lab.readings', %s)", own_plane.now + timedelta(days=365))
    assert own_plane.events() == ["TRS12"]
