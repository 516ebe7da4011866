"""The version of db/ that a database is at, for a gateway to compare with its own."""

import pytest

from ops.schema import deploy
from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_it_is_that_of_the_files_that_were_deployed(plane: Plane) -> None:
    assert plane.gateway.execute("select ops.deployment_fingerprint()").fetchone() == (deploy.fingerprint(),)
