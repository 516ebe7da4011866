"""A plane, a master with a stream of EURUSD, and a copier that follows it: what most tests begin with."""

import os
import secrets
from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict
from pytest_postgresql.janitor import DatabaseJanitor

from ops.postgres import Stack
from tests.db.plane import Copier, Master, Plane


@pytest.fixture(scope="session")
def shared_plane(server: Stack, template: str) -> Iterator[Plane]:
    """One database for all tests of this worker that only call functions: emptying it is faster than a clone."""
    address = conninfo_to_dict(server.url("postgres"))
    # The models have one of their own in the same worker.
    name = f"shared_{os.getpid()}_{secrets.token_hex(4)}"
    with (
        DatabaseJanitor(
            user=str(address["user"]),
            host=str(address["host"]),
            port=str(address.get("port", 5432)),
            dbname=name,
            template_dbname=template,
        ),
        Plane(server.url(name)) as plane,
    ):
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
