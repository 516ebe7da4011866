"""What a busy gateway may refuse on its own: nothing that manages or cuts exposure."""

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_only_what_opens_raises_exposure(plane: Plane) -> None:
    assert plane.gateway.execute("select * from signals.raising_actions()").fetchall() == [("OPEN",), ("PLACE",)]
