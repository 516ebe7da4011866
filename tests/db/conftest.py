"""A plane, a master with a stream of EURUSD, and a copier that follows it: what most tests begin with."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.db.plane import Copier, Master, Plane


@pytest.fixture(scope="session")
def shared_plane(clone: Callable[[], AbstractContextManager[str]]) -> Iterator[Plane]:
    """One database for all tests of this worker that only call functions: emptying it is faster than a clone."""
    with clone() as url, Plane(url) as plane:
        yield plane


@pytest.fixture
def plane(shared_plane: Plane) -> Plane:
    """An empty plane, under a clock that stands still. A test that changes the schema asks for `own_plane`."""
    shared_plane.reset()
    return shared_plane


@pytest.fixture
def own_plane(database_url: str) -> Iterator[Plane]:
    """A plane in a database of this test's own, to break as it likes."""
    with Plane(database_url) as found:
        yield found


@pytest.fixture
def master(plane: Plane) -> Master:
    return plane.master()


@pytest.fixture
def copier(plane: Plane, master: Master) -> Copier:
    return plane.copier(master)
