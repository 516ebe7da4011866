"""What the installation has chosen."""

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_what_is_declared(plane: Plane) -> None:
    assert plane.value("select ops.setting('keep_protection_events') = '90 days'") is True
    assert plane.value("select ops.setting('keep_signals') = '180 days'") is True


def test_what_is_not_there_is_null(plane: Plane) -> None:
    assert plane.value("select ops.setting('keep_everything')") is None
