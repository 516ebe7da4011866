"""The clusters that a checkout provisions for itself."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from ops.errors import Refusal
from ops.paths import VAR
from ops.postgres import External, Stack, embedded
from ops.postgres.cluster import SOCKET_PATH_LIMIT, Cluster


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder below var, because the cluster's own user must be able to reach it."""
    VAR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR, prefix="test-") as name:
        yield Path(name)


@pytest.fixture
def cluster(home: Path) -> Iterator[Cluster]:
    found = embedded.cluster(home / "cluster", {})
    yield found
    found.stop()


def scalar(cluster: Stack, query: str) -> Any:
    with psycopg.connect(cluster.url()) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


@pytest.mark.core
async def test_starts_from_nothing_and_speaks_to_both_drivers(cluster: Cluster) -> None:
    assert not cluster.running()
    cluster.start()
    assert scalar(cluster, "select current_database()") == "ecp"
    connection = await asyncpg.connect(cluster.url())
    assert await connection.fetchval("show fsync") == "on"
    assert await connection.fetchval("show synchronous_commit") == "on"
    assert await connection.fetchval("show full_page_writes") == "on"
    await connection.close()


@pytest.mark.core
def test_keeps_its_data_until_it_is_to_start_fresh(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.url()) as connection:
        connection.execute("create table kept (id int)")
    cluster.start(fresh=True)
    assert scalar(cluster, "select to_regclass('kept')::text") == "kept", "it runs: nothing to start"
    cluster.stop()
    assert not cluster.running()
    cluster.start()
    assert scalar(cluster, "select to_regclass('kept')::text") == "kept"
    cluster.stop()
    cluster.start(fresh=True)
    assert scalar(cluster, "select to_regclass('kept')::text") is None
    cluster.remove()
    assert not cluster.home.exists()
    assert not cluster.running()


@pytest.mark.core
def test_is_started_once_by_many(cluster: Cluster) -> None:
    threads = [threading.Thread(target=cluster.start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scalar(cluster, "select count(*) from pg_database where datname = 'ecp'") == 1


@pytest.mark.core
def test_begins_again_after_an_interrupted_initdb(cluster: Cluster) -> None:
    (cluster.home / "data/base").mkdir(parents=True)
    cluster.start()
    assert cluster.running()


@pytest.mark.core
def test_a_path_too_long_for_a_socket_gets_a_short_alias(home: Path) -> None:
    deep = home / ("d" * SOCKET_PATH_LIMIT)
    cluster = embedded.cluster(deep, {})
    try:
        cluster.start()
        assert scalar(cluster, "select 1") == 1
    finally:
        cluster.stop()
        Path(str(conninfo_to_dict(cluster.url())["host"])).unlink()


@pytest.mark.core
def test_a_server_that_does_not_start_says_where_its_log_is(home: Path) -> None:
    cluster = embedded.cluster(home / "cluster", {"shared_buffers": "a few"})
    with pytest.raises(Refusal) as caught:
        cluster.start()
    assert caught.value.code == "TRD09"
    assert 'invalid value for parameter "shared_buffers"' in Path(caught.value.hint.removeprefix("see ")).read_text()


@pytest.mark.core
def test_a_server_of_somebody_else_is_not_stopped() -> None:
    external = External("postgresql://somewhere/else")
    assert external.url("other") == "postgresql://somewhere/else"
    for refused in (external.stop, external.remove):
        with pytest.raises(Refusal):
            refused()


def test_the_full_stack_has_its_extensions(server: Stack, database_url: str) -> None:
    assert server.name == "full"
    with psycopg.connect(database_url) as connection:
        installed = {name for (name,) in connection.execute("select extname from pg_extension").fetchall()}
        offered = {name for (name,) in connection.execute("select name from pg_available_extensions").fetchall()}
    assert {"timescaledb", "plpgsql_check"} <= installed
    assert {"pg_cron", "pgtap"} <= offered


def test_jobs_are_scheduled_in_the_one_database_that_pg_cron_lives_in(server: Stack) -> None:
    assert scalar(server, "select current_setting('cron.database_name') = current_database()") is True


def test_apt_and_the_image_install_from_the_same_list() -> None:
    from ops.postgres import full

    dockerfile = (full.HERE / "Dockerfile").read_text()
    assert "COPY packages.txt" in dockerfile
    assert not [package for package in full.PACKAGES if package in dockerfile]
