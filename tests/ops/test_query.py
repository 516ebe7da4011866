"""`ecp query`: what people ask is answered; what asks for anything else is stopped, by the parser and by the role."""

import csv
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner, Result

from ops import query
from ops.cli import app
from ops.errors import Refusal
from ops.rows import Rows
from tests.db.plane import Plane

pytestmark = pytest.mark.core

ATTACKS = [
    # stacked, or no SELECT at all
    "select 1; select 2",
    "select 1; drop table signals.signals",
    "",
    "-- nothing",
    "update analytics.streams set stream = 'x'",
    "insert into analytics.streams (stream) values ('x')",
    "delete from analytics.streams",
    "merge into analytics.streams using analytics.streams on true when matched then delete",
    "truncate analytics.streams",
    "create table x as select * from analytics.streams",
    "copy analytics.streams to program 'id'",
    "copy (select * from analytics.streams) to '/tmp/loot'",
    "set role postgres",
    "reset role",
    "set session authorization postgres",
    "begin",
    "commit",
    "do $$ begin perform 1; end $$",
    "call signals.escalate()",
    "explain analyze select 1",
    "prepare x as select 1",
    "execute x",
    "declare x cursor for select 1",
    "listen ecp_deliveries",
    "vacuum",
    "grant select on analytics.streams to public",
    # inside of one
    "with x as (delete from analytics.streams returning *) select * from x",
    "with x as (insert into analytics.streams (stream) values ('x') returning *) select * from x",
    "with x as (update analytics.streams set stream = 'x' returning *) select * from x",
    "select * into x from analytics.streams",
    "select * from analytics.streams for update",
    "select * from analytics.streams for share",
    "select $1",
    # functions
    "select pg_sleep(100)",
    'select "pg_sleep"(100)',
    "select pg_catalog.pg_sleep(100)",
    "select * from pg_sleep(100)",
    "select * from rows from (pg_sleep(100))",
    "select * from analytics.streams, lateral pg_sleep(100)",
    "select (select pg_sleep(100))",
    "select 1 from analytics.streams order by pg_sleep(100)",
    "select count(*) filter (where pg_sleep(100) is null) from analytics.streams",
    "select sum(1) over (order by pg_sleep(100)) from analytics.streams",
    "select set_config('role', 'postgres', false)",
    "select current_setting('ecp.caller')",
    "select access.act_for('x')",
    "select signals.halt('GLOBAL', null, 'x', 'x')",
    "select analytics.count(1)",
    "select dblink('dbname=postgres', 'select 1')",
    "select * from dblink('dbname=postgres', 'select 1') as x (n int)",
    "select pg_read_file('/etc/passwd')",
    "select lo_import('/etc/passwd')",
    "select query_to_xml('delete from signals.signals', true, true, '')",
    "select pg_terminate_backend(1)",
    "select pg_notify('ecp_deliveries', '1')",
    "select nextval('signals.streams_stream_id_seq')",
    "select * from generate_series(1, 1000000000000)",
    "select generate_series(1, 1000000000000)",
    "select repeat('x', 1000000000)",
    "select current_user",
    "select version()",
    "select txid_current()",
    # tables
    "select * from signals.signals",
    "select key_inner from signals.streams",
    "select * from access.licenses",
    "select * from pg_authid",
    "select * from pg_catalog.pg_class",
    "select * from information_schema.tables",
    "select * from streams",
    "select * from postgres.analytics.streams",
    'select * from "analytics.streams"',
    "select (select count(*) from pg_class)",
    "select 1 where exists (select from pg_stat_activity)",
    "select * from analytics.streams union select * from pg_class",
    "select * from (with pg_class as (select 1) select * from pg_class) x, pg_class",
    "select 1 from analytics.streams join signals.streams using (stream_id)",
    "table signals.signals",
    # types that look into the catalog
    "select 'signals.signals'::regclass",
    "select 'postgres'::regrole::text",
    "select cast('x' as public.clock)",
    # written anew as it came
    "select date_part('day from current_timestamp), pg_sleep(1), current_user --', current_timestamp)",
    'select 1 operator("pg_catalog.+) 1, current_user, (select count(*) from pg_catalog.pg_roles) --".+) 2',
    "select 1 operator(pg_catalog.+) 2",
    'select 1 from analytics.streams order by 1 using "<, (select pg_sleep(1))"',
    # beyond what is read at all
    "select " + "(" * 5000 + "1" + ")" * 5000,
    "select 1 " + "+ 1" * 8000,
    "select 'x",
    "sel",
    "\x00",
]

QUESTIONS = [
    "select * from analytics.streams",
    "SELECT stream, count(*) FROM analytics.signals GROUP BY stream HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 5",
    "select s.stream, d.reason from analytics.streams s left join analytics.decisions d using (stream_id)",
    "with x as (select stream_id from analytics.streams), y as (select * from x) select count(*) from y",
    "with recursive n (i) as (select 1 union all select i + 1 from n where i < 5) select sum(i) from n",
    "select 1 union all select 2 intersect select 3",
    "(select 1) except (select 2)",
    "table analytics.streams",
    "select * from (select stream from analytics.streams) as x",
    "select date_trunc('hour', sent_at) as h, avg(receive_ms) from analytics.signals"
    " where sent_at > now() - interval '1 day' group by 1",
    "select date_trunc('day', sent_at, 'UTC'), extract(epoch from sent_at), sent_at at time zone 'UTC'"
    " from analytics.signals",
    "select percentile_cont(0.5) within group (order by slippage) filter (where side = 'BUY') from analytics.decisions",
    "select row_number() over w, lag(seq) over w,"
    " sum(volume) over (order by seq rows between 1 preceding and current row)"
    " from analytics.signals window w as (partition by stream_id order by seq)",
    "select case when verdict = 'ACCEPTED' then 'yes' else lower(verdict) end, coalesce(code, '-')"
    " from analytics.signals",
    "select symbol, array_agg(distinct side), string_agg(action, ',' order by seq), bool_or(volume > 1)"
    " from analytics.signals where symbol ilike 'eur%' and action in ('OPEN', 'CLOSE') and price between 1 and 2"
    " and code is null group by symbol",
    "select round(1.255::numeric, 2), abs(-1), greatest(1, 2), nullif(1, 1), 'it''s' || U&'\\0061', e'\\n', $$x$$,"
    " 7 % 2, 2 ^ 3",
    "select distinct on (stream_id) stream_id, seq from analytics.signals order by stream_id, seq desc",
    "select to_char(sent_at, 'YYYY-MM-DD'), left(symbol, 3), length(symbol) from analytics.signals",
    "select * from analytics.latency cross join lateral (select p50_ms * 2 as twice) as x",
    "select count(*) from analytics.signals -- with a comment; select 2",
]


@pytest.fixture
def stage(own_plane: Plane) -> Plane:
    """Something of everything, in a database of its own."""
    master = own_plane.master(lane=1)
    copier = own_plane.copier(master, lane=2)
    for position in (1, 2, 3):
        master.does("OPEN", position)
    for delivery in copier.receives():
        copier.reports(delivery.delivery_seq, ticket=7000 + delivery.delivery_seq)
    return own_plane


@pytest.fixture
def analyst(stage: Plane) -> Iterator[Connection[Any]]:
    with psycopg.connect(
        stage.url, user="ecp_analyst", autocommit=True, options="-c search_path=pg_catalog"
    ) as connection:
        yield connection


def state(plane: Plane) -> Any:
    """Whatever could have been written, created, or waited for."""
    return plane.rows(
        "select (select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables),"
        " (select count(*) from pg_class), (select count(*) from pg_proc), (select count(*) from pg_authid),"
        " (select last_value from signals.streams_stream_id_seq), (select count(*) from signals.signals)"
    )


@pytest.mark.parametrize("text", ATTACKS, ids=lambda text: text[:60].replace("\0", "NUL"))
def test_what_is_no_question_does_not_pass(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        query.checked(text)
    assert refused.value.code == "TRQ01"
    assert refused.value.hint


@pytest.mark.parametrize("text", QUESTIONS, ids=lambda text: text[:60])
def test_a_question_is_written_anew_and_means_the_same(analyst: Connection[Any], text: str) -> None:
    expected = analyst.execute(text.encode()).fetchall()
    found = query.execute(analyst, text, limit=1000, seconds=5)
    assert sorted(map(str, found.rows)) == sorted(map(str, expected))
    assert not found.is_cut


def test_what_passed_would_still_be_stopped_by_the_role(
    stage: Plane, analyst: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parser taken away: writes 0, escapes 0, and nothing outlasts its time."""
    before = state(stage)
    monkeypatch.setattr(query, "checked", lambda text: text)
    read = set()
    for text in ATTACKS:
        try:
            query.execute(analyst, text.replace("\x00", ""), limit=10, seconds=0.2)
            read.add(text)
        except (psycopg.Error, Refusal):
            pass
        assert analyst.execute("select current_user, session_user").fetchone() == ("ecp_analyst", "ecp_analyst"), text
    assert state(stage) == before
    # What is left reads what everybody in Postgres may read.
    private = ("signals.s", "access.", "authid", "passwd", "sleep")
    assert not [text for text in read if any(word in text for word in private)]


def test_who_only_may_become_an_analyst_becomes_one(stage: Plane) -> None:
    name = f"ann_{uuid.uuid4().hex[:8]}"
    stage.admin.execute(f"create role {name} login; grant ecp_analyst to {name} with inherit false".encode())
    try:
        with psycopg.connect(stage.url, user=name, autocommit=True) as connection:
            found = query.execute(connection, "select count(*) as n from analytics.decisions", limit=10, seconds=5)
            assert found == Rows(["n"], [(3,)])
            assert connection.execute("select current_user").fetchone() == (name,)
    finally:
        stage.admin.execute(f"drop role {name}".encode())


def test_a_superuser_would_not_be_held_to_it(stage: Plane) -> None:
    with psycopg.connect(stage.url, autocommit=True) as connection, pytest.raises(Refusal) as refused:
        query.execute(connection, "select 1", limit=10, seconds=5)
    assert refused.value.code == "TRQ03"


def test_rows_and_time_are_capped(analyst: Connection[Any]) -> None:
    everything = "with recursive n (i) as (select 1 union all select i + 1 from n) select {} from n"
    found = query.execute(analyst, everything.format("i"), limit=5, seconds=5)
    assert (found.rows, found.is_cut) == ([(n,) for n in range(1, 6)], True)
    doubled = (
        "with recursive n (i, t) as (select 1, 'x' union all select i + 1, t || t from n where i < 25) select t from n"
    )
    assert query.execute(analyst, doubled, limit=1000, seconds=5).is_cut
    with pytest.raises(Refusal) as stopped:
        query.execute(analyst, everything.format("count(*)"), limit=5, seconds=0.1)
    assert stopped.value.code == "TRQ02"


# The command ---------------------------------------------------------------------------------------------------------


def ecp(plane: Plane, *arguments: str) -> Result:
    url = make_conninfo(plane.url, user="ecp_analyst")
    return CliRunner().invoke(app, ["--database-url", url, "query", *arguments])


QUESTION = "select seq, volume, code, stream from analytics.signals order by seq"


def test_a_table_is_aligned(stage: Plane) -> None:
    assert ecp(stage, QUESTION, "--limit", "2").output.splitlines() == [
        "seq      volume  code  stream",
        "  1  0.10000000  -     stream-2",
        "  2  0.10000000  -     stream-2",
        "there are more than 2 rows; --limit shows more",
    ]


def test_csv_and_json(stage: Plane) -> None:
    rows = list(csv.reader(io.StringIO(ecp(stage, QUESTION, "--csv").stdout)))
    assert rows[0] == ["seq", "volume", "code", "stream"]
    assert [row[0] for row in rows[1:]] == ["1", "2", "3"]
    found = json.loads(ecp(stage, QUESTION, "--limit", "2", "--json").stdout)
    assert (found["columns"], len(found["rows"]), found["is_cut"]) == (rows[0], 2, True)
    assert ecp(stage, QUESTION, "--csv", "--json").exit_code == 2


def test_a_refusal_is_a_line_and_a_hint(stage: Plane) -> None:
    refused = ecp(stage, "select * from signals.signals")
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[0] == "ecp: TRQ01 the query is refused: it reads signals.signals"
    assert refused.stderr.splitlines()[1].startswith("hint: one SELECT over the views of analytics")
    unknown = ecp(stage, "select nothing from analytics.signals")
    assert unknown.stderr.startswith('ecp: 42703 column "nothing" does not exist')


@pytest.mark.parametrize("year", ["20000", "0044"])
def test_what_python_cannot_hold_is_refused_and_not_lost(stage: Plane, year: str) -> None:
    text = f"select cast('{year}-03-15{' BC' if year == '0044' else ''}' as timestamp)"
    assert ecp(stage, text).stderr.startswith("ecp: TRQ01 the query finds what cannot be shown")
    assert ecp(stage, f"select cast(x.t as text) from ({text} as t) as x").exit_code == 0


@pytest.mark.parametrize("form", ["--csv", "--json", "--limit=9"])
def test_rows_and_ranges_are_text(stage: Plane, form: str) -> None:
    found = ecp(stage, "select s, array_agg(s) over () from analytics.streams as s", form)
    assert (found.exit_code, "stream-2" in found.output) == (0, True)


def test_an_empty_database_says_so(empty_url: str) -> None:
    refused = CliRunner().invoke(app, ["--database-url", empty_url, "query", "select 1"])
    assert refused.stderr.startswith("ecp: TRD04")
