"""Batching by itself, and what a link does when its database is slow, silent or gone; on plain functions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import psycopg
import pytest

from gateway.errors import Refused
from gateway.lanes import TIMEOUTS, Link, connector
from tests.gateway.proxy import Proxy

pytestmark = pytest.mark.core

DEADLINE = 0.4

DOUBLE = "select * from public.double($1::smallint, $2::bigint[])"
CRAWL = "select * from public.crawl($1::smallint, $2::float8[])"
SLEEP = "select pg_sleep($1::float8)"
WARN = "select public.warn()"

# Remembers every call; chokes on 13, as on something that the gateway let through by mistake.
FUNCTIONS = """
    create table public.calls (id int generated always as identity, lane smallint, elements bigint[]);
    create function public.double(p_lane smallint, p_values bigint[]) returns table (ord bigint, doubled bigint)
    language plpgsql as $$
    begin
        insert into public.calls (lane, elements) values (p_lane, p_values);
        if 13 = any (p_values) then
            raise division_by_zero;
        end if;
        return query select o, v * 2 from unnest(p_values) with ordinality as u (v, o) order by o;
    end $$;
    create function public.crawl(p_lane smallint, p_seconds float8[]) returns table (ord bigint, doubled float8)
    language plpgsql as $$
    declare v_begun timestamptz := clock_timestamp();
    begin
        insert into public.calls (lane, elements) values (p_lane, array[cardinality(p_seconds)]);
        while clock_timestamp() < v_begun + make_interval(secs => (select sum(s) from unnest(p_seconds) as s)) loop
        end loop;
        return query select o, s from unnest(p_seconds) with ordinality as u (s, o) order by o;
    end $$;
    create function public.warn() returns void language plpgsql as
    $$ begin raise warning 'canceling wait for synchronous replication due to user request'; end $$;
"""


Answer = list[Any] | str
"""What was doubled, or the code of a refusal."""


class Recorder:
    """A job that remembers its answer."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.may_go = True

    def done(self, rows: Sequence[Any]) -> None:
        self.answer.set_result([row[1] for row in rows])

    def refused(self, code: str) -> None:
        self.answer.set_result(code)


def submit(link: Link, lane: int, *values: float, sql: str = DOUBLE) -> "asyncio.Future[Answer]":
    job = Recorder()
    link.submit(sql, lane, [list(values)], job)
    return job.answer


async def answers(*futures: "asyncio.Future[Answer]") -> list[Answer]:
    return list(await asyncio.gather(*futures))


Open = Callable[..., Awaitable[Link]]


@pytest.fixture
async def open_link(db: psycopg.Connection[Any]) -> AsyncIterator[Open]:
    db.execute(FUNCTIONS)
    links: list[Link] = []

    async def open_link(url: str, *, limit: int = 500) -> Link:
        connect = connector(url, "postgres", "test")
        link = Link("test", connect, [DOUBLE, CRAWL, SLEEP, WARN], deadline=DEADLINE, batch_limit=limit)
        await link.start()
        links.append(link)
        return link

    yield open_link
    for link in links:
        await link.stop()


def batches(db: psycopg.Connection[Any]) -> list[tuple[int, list[int]]]:
    return db.execute("select lane, elements from public.calls where lane is not null order by id").fetchall()


async def until_up(link: Link, seconds: float = 60) -> None:
    """Recovered: the link answers again."""
    async with asyncio.timeout(seconds):
        while await submit(link, 0, 21) != [42]:
            await link.until_up()


async def test_what_waits_goes_as_one_call(open_link: Open, database_url: str, db: psycopg.Connection[Any]) -> None:
    link = await open_link(database_url)
    busy = link.call(0, SLEEP, 0.05)
    assert await answers(submit(link, 1, 1), submit(link, 2, 5), submit(link, 1, 2, 3)) == [[2], [10], [4, 6]]
    await busy
    assert batches(db) == [(1, [1, 2, 3]), (2, [5])]


async def test_call_is_not_overtaken_by_its_lane(
    open_link: Open, database_url: str, db: psycopg.Connection[Any]
) -> None:
    link = await open_link(database_url)
    await asyncio.gather(submit(link, 1, 1), link.call(1, SLEEP, 0), submit(link, 1, 2), submit(link, 1, 3))
    assert batches(db) == [(1, [1]), (1, [2, 3])]


async def test_kinds_of_calls_do_not_cut_each_other_into_small_batches(
    open_link: Open, database_url: str, db: psycopg.Connection[Any]
) -> None:
    link = await open_link(database_url)
    busy = link.call(0, SLEEP, 0.05)
    doubled = [submit(link, 1, number) for number in range(3)]
    crawled = []
    for number in range(3):
        doubled.append(submit(link, 1, number))
        crawled.append(submit(link, 1, 0.001, sql=CRAWL))
    last = link.call(1, SLEEP, 0)
    after = submit(link, 1, 9)
    assert await answers(*doubled) == [[0], [2], [4], [0], [2], [4]]
    assert await answers(*crawled) == [[0.001]] * 3
    await asyncio.gather(busy, last, after)
    assert batches(db) == [(1, [0, 1, 2, 0, 1, 2]), (1, [3]), (1, [9])]


async def test_job_that_may_no_longer_go_is_refused_when_its_turn_comes(
    open_link: Open, database_url: str, db: psycopg.Connection[Any]
) -> None:
    link = await open_link(database_url)
    busy = link.call(0, SLEEP, 0.05)
    jobs = [Recorder() for _ in range(5)]
    for number, job in enumerate(jobs):
        link.submit(DOUBLE, 1 + number // 4, [[number, number]], job)
    for job in (jobs[0], jobs[2], jobs[4]):
        job.may_go = False
    assert await answers(*(job.answer for job in jobs)) == ["TRD01", [2, 2], "TRD01", [6, 6], "TRD01"]
    await busy
    assert batches(db) == [(1, [1, 1, 3, 3])]


async def test_full_batch_takes_no_more(open_link: Open, database_url: str, db: psycopg.Connection[Any]) -> None:
    link = await open_link(database_url, limit=4)
    await asyncio.gather(*(submit(link, 1, number, number) for number in range(5)))
    assert [len(elements) for _, elements in batches(db)] == [4, 4, 2]


async def test_element_that_the_database_chokes_on_takes_nobody_along(
    open_link: Open, database_url: str, db: psycopg.Connection[Any]
) -> None:
    link = await open_link(database_url)
    assert await answers(submit(link, 1, 1), submit(link, 1, 2, 13), submit(link, 1, 3)) == [[2], "TRD01", [6]]
    assert batches(db) == [(1, [1]), (1, [3])]


async def test_batch_that_is_too_slow_is_tried_in_parts(open_link: Open, database_url: str) -> None:
    link = await open_link(database_url)
    busy = link.call(0, SLEEP, 0.05)
    slow = [submit(link, 1, 0.12, sql=CRAWL) for _ in range(4)]
    assert await answers(*slow) == [[0.12]] * 4
    await busy


async def test_element_that_is_too_slow_takes_nobody_along(open_link: Open, database_url: str) -> None:
    link = await open_link(database_url)
    busy = link.call(0, SLEEP, 0.05)
    jobs = [submit(link, 1, seconds, sql=CRAWL) for seconds in (0.001, 0.002, 5, 0.003)]
    assert await answers(*jobs) == [[0.001], [0.002], "TRD01", [0.003]]
    await busy


async def test_batch_of_which_everything_is_too_slow_does_not_hold_the_link(
    open_link: Open, database_url: str, db: psycopg.Connection[Any]
) -> None:
    link = await open_link(database_url)
    busy = link.call(0, SLEEP, 0.05)
    slow = [submit(link, 1, 5, sql=CRAWL) for _ in range(100)]
    after = submit(link, 2, 1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await answers(*slow) == ["TRD01"] * 100
    assert await after == [2]
    assert loop.time() - began < TIMEOUTS * DEADLINE + 0.5
    assert batches(db) == [(2, [1])]
    await busy


async def test_slow_call_has_a_known_outcome(open_link: Open, database_url: str) -> None:
    link = await open_link(database_url)
    slow, after = link.call(0, SLEEP, 5), submit(link, 0, 1)
    with pytest.raises(Refused, match="TRD01"):
        await slow
    assert await after == [2]


async def test_cancelled_wait_for_a_standby_is_no_success(open_link: Open, database_url: str) -> None:
    link = await open_link(database_url)
    with pytest.raises(Refused, match="TRD02"):
        await link.call(0, WARN)
    assert await submit(link, 0, 1) == [2]


async def test_silent_database_is_away_within_the_deadline(open_link: Open, database_url: str) -> None:
    async with Proxy(database_url) as proxy:
        link = await open_link(proxy.url)
        loop = asyncio.get_running_loop()
        proxy.hang()
        began = loop.time()
        on_its_way = submit(link, 0, 1)
        await asyncio.sleep(0)  # the link takes it
        waiting = submit(link, 0, 2)
        assert await waiting == "TRD01"
        assert await on_its_way == "TRD02"
        assert loop.time() - began < 0.5
        assert not link.up
        began = loop.time()
        assert await submit(link, 0, 3) == "TRD01"
        assert loop.time() - began < 0.05
        proxy.restore()
        await until_up(link)


async def test_broken_connection_is_replaced(open_link: Open, database_url: str) -> None:
    async with Proxy(database_url) as proxy:
        link = await open_link(proxy.url)
        unknown = link.call(0, SLEEP, 0.3)
        waiting = submit(link, 0, 1)
        await asyncio.sleep(0)
        proxy.cut()
        with pytest.raises(Refused, match="TRD02"):
            await unknown
        assert await waiting == "TRD01"
        proxy.restore()
        await until_up(link)


async def test_ended_backend_is_replaced(open_link: Open, database_url: str, db: psycopg.Connection[Any]) -> None:
    link = await open_link(database_url)
    for _ in range(3):
        before = link.pid
        db.execute("select pg_terminate_backend(%s, 1000)", [before])
        await until_up(link)
        assert link.pid != before


async def test_stopping_refuses_what_waits(open_link: Open, database_url: str) -> None:
    link = await open_link(database_url)
    on_its_way, waiting = link.call(0, SLEEP, 0.3), submit(link, 0, 1)
    await asyncio.sleep(0)
    await link.stop()
    with pytest.raises(Refused, match="TRD02"):
        await on_its_way
    assert await waiting == "TRD01"
