"""Fixtures: one server per stack, one template database per version of db/, one clone of it per test."""

import asyncio
import fcntl
import itertools
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, TextIO

import psycopg
import pytest
import uvloop
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from pytest_postgresql.janitor import DatabaseJanitor

from ops import debian
from ops.paths import VAR
from ops.postgres import Stack, stack
from ops.schema import deploy, tree

IN_USE = pytest.StashKey[TextIO]()
NUMBERS = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stack", choices=["full", "embedded"], default="full", help="which Postgres to test on")


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What the gateway itself runs on, unless a test is about loops."""
    if item.get_closest_marker("every_loop"):
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}


def pytest_configure(config: pytest.Config) -> None:
    """Hold a share of the server's lock for as long as this run lasts; workers are held by their controller."""
    if not hasattr(config, "workerinput"):
        lock = _lock_file(config, "in-use")
        fcntl.flock(lock, fcntl.LOCK_SH)
        config.stash[IN_USE] = lock


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the server, unless another run uses it."""
    if (lock := config.stash.get(IN_USE, None)) is None:
        return
    with closing(lock):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        stack(config.getoption("stack"), purpose="test").remove()


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Stack:
    """The Postgres that the tests run on, started; it is removed after the last test."""
    found = stack(pytestconfig.getoption("stack"), purpose="test")
    found.start(fresh=True)
    return found


@pytest.fixture(scope="session")
def template(server: Stack, pytestconfig: pytest.Config) -> str:
    """The name of a database with db/ deployed in it, made by the first worker that asks."""
    name = f"template_{deploy.fingerprint()[:16]}"
    with closing(_lock_file(pytestconfig, "template")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _admin(server) as admin:
            if not admin.execute("select from pg_database where datname = %s and datistemplate", [name]).rowcount:
                _make_template(server, admin, name)
    return name


@pytest.fixture
def database_url(server: Stack, template: str) -> Iterator[str]:
    """A database of this test's own, with db/ deployed; connects as superuser."""
    with _database(server, template) as name:
        yield server.url(name)


@pytest.fixture(scope="session")
def clone(server: Stack, template: str) -> Callable[[], AbstractContextManager[str]]:
    """Makes what `database_url` is, for longer than a test."""

    @contextmanager
    def made() -> Iterator[str]:
        with _database(server, template) as name:
            yield server.url(name)

    return made


@pytest.fixture
def empty_url(server: Stack) -> Iterator[str]:
    """A database of this test's own with nothing in it; connects as superuser."""
    with _database(server, "template0") as name:
        yield server.url(name)


@pytest.fixture
def db(database_url: str) -> Iterator[Connection[Any]]:
    """An autocommit connection to the test's database, as superuser."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def gateway_dsn(server: Stack, database_url: str) -> str:
    """The test's database as the gateway connects to it."""
    return server.url(str(conninfo_to_dict(database_url)["dbname"]), user="ecp_gateway")


@pytest.fixture(scope="session")
def promtool(pytestconfig: pytest.Config) -> str:
    """Prometheus' own tool, which Debian has in a package with it."""
    with closing(_lock_file(pytestconfig, "promtool")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shutil.which("promtool") is None and debian.may_install():
            debian.install("prometheus", code="TRD18")
    found = shutil.which("promtool")
    assert found, "as root: apt-get install prometheus"
    return found


@pytest.fixture
def drawn_seed(pytestconfig: pytest.Config) -> int:
    """The seed of a run that chooses its own, printed with what fails so that it can be given again."""
    given = pytestconfig.getoption("--hypothesis-seed")
    number = secrets.randbits(32) if given is None else int(given)
    print(f"--hypothesis-seed={number}")
    return number


def _make_template(server: Stack, admin: Connection[Any], name: str) -> None:
    admin.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))
    admin.execute(SQL("create database {}").format(Identifier(name)))
    with deploy.connect(server.url(name)) as connection:
        deploy.deploy(connection, tree.read(), lanes=8)
    # A clone needs its template free of sessions, and TimescaleDB keeps a worker in every database that
    # it may connect to.
    admin.execute(SQL("alter database {} with allow_connections false is_template true").format(Identifier(name)))
    admin.execute("select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s", [name])


@contextmanager
def _database(server: Stack, template: str) -> Iterator[str]:
    address = conninfo_to_dict(server.url("postgres"))
    name = f"test_{os.getpid()}_{next(NUMBERS)}"
    with DatabaseJanitor(
        user=str(address["user"]),
        host=str(address["host"]),
        port=str(address.get("port", 5432)),
        dbname=name,
        template_dbname=template,
    ):
        yield name


@contextmanager
def _admin(server: Stack) -> Iterator[Connection[Any]]:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        yield connection


def _lock_file(config: pytest.Config, purpose: str) -> TextIO:
    VAR.mkdir(exist_ok=True)
    return (VAR / f"test-{config.getoption('stack')}-{purpose}.lock").open("w")
