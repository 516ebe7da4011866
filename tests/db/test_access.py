"""Who may do what: the matrix of every role and every object, held against the one that is checked in; and what becomes
of those who try otherwise."""

import itertools
import os
import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import Connection, sql

from ops.schema import deploy, tree
from ops.schema.catalog import PROJECT_SCHEMAS
from tests.db.billing.conftest import Bank
from tests.db.plane import Copier, Master, Plane, run_together
from tests.db.test_lanes import everything_happens

pytestmark = pytest.mark.core

# P1: the matrix ------------------------------------------------------------------------------------------------------

MATRIX = Path(__file__).parent / "access_matrix.txt"

# Letters as psql has them: r select, a insert, w update, d delete, D truncate, x references, t trigger;
# X execute; U usage, C create. In brackets: of some columns only. Rights that come by way of another role are there,
# but not that operators, as members of pg_maintain, may vacuum whatever there is.
PRIVILEGES: LiteralString = f"""
    with roles as (
        select r.oid, r.rolname::text as role
        from pg_roles as r
        where r.rolname like 'ecp\\_%' and r.rolname <> 'ecp_owner'
        union all
        select 0, 'PUBLIC'
    ), found as (
        select 'schema' as kind, n.nspname::text as name, r.role, v.letter
        from ({PROJECT_SCHEMAS}) as n, roles as r, (values ('USAGE', 'U'), ('CREATE', 'C')) as v (privilege, letter)
        where r.oid <> 0 and has_schema_privilege(r.oid, n.oid, v.privilege)
        union all
        select
            case when c.relkind in ('v', 'm') then 'view' when c.relispartition then 'partition' else 'table' end,
            n.nspname || '.' || c.relname, r.role, v.letter
        from ({PROJECT_SCHEMAS}) as n
        join pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'v', 'm'), roles as r,
        (
            values ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'), ('TRUNCATE', 'D'),
            ('REFERENCES', 'x'), ('TRIGGER', 't')
        ) as v (privilege, letter)
        where r.oid <> 0 and has_table_privilege(r.oid, c.oid, v.privilege)
            and not (r.role = 'ecp_reader' and c.relowner = r.oid)
        union all
        select 'table', n.nspname || '.' || c.relname, r.role, '(' || v.letter || ')'
        from ({PROJECT_SCHEMAS}) as n
        join pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p'), roles as r,
        (values ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('REFERENCES', 'x')) as v (privilege, letter)
        where r.oid <> 0 and has_any_column_privilege(r.oid, c.oid, v.privilege)
            and not has_table_privilege(r.oid, c.oid, v.privilege)
        union all
        select 'sequence', n.nspname || '.' || c.relname, r.role, v.letter
        from ({PROJECT_SCHEMAS}) as n
        join pg_class as c on c.relnamespace = n.oid and c.relkind = 'S', roles as r,
        (values ('SELECT', 'r'), ('USAGE', 'U'), ('UPDATE', 'w')) as v (privilege, letter)
        where r.oid <> 0 and has_sequence_privilege(r.oid, c.oid, v.privilege)
        union all
        select 'function', n.nspname || '.' || p.proname, r.role, 'X'
        from ({PROJECT_SCHEMAS}) as n
        join pg_proc as p on p.pronamespace = n.oid, roles as r
        where r.oid <> 0 and has_function_privilege(r.oid, p.oid, 'EXECUTE')
            and not exists (select from pg_depend as d where d.objid = p.oid and d.deptype = 'e')
    )
    select kind, name, role, string_agg(letter, '' order by letter)
    from found
    group by kind, name, role
    order by array_position(array['schema', 'view', 'table', 'partition', 'sequence', 'function'], kind), name, role
"""


def matrix(db: Connection[Any]) -> str:
    """A line for each object that anybody but the owner may do anything with."""
    lines: dict[str, list[str]] = {}
    for kind, name, role, letters in db.execute(PRIVILEGES).fetchall():
        lines.setdefault(f"{kind:<9} {name}", []).append(f"{role.removeprefix('ecp_')}={letters}")
    return "".join(f"{what:<46} {' '.join(rights)}\n" for what, rights in lines.items())


def test_every_right_is_in_the_matrix_and_no_other(db: Connection[Any]) -> None:
    """Write it anew with ECP_WRITE_MATRIX=1, and read the difference."""
    found = matrix(db)
    if os.environ.get("ECP_WRITE_MATRIX"):
        MATRIX.write_text(found)
    assert found == MATRIX.read_text()


@pytest.mark.parametrize(
    "more",
    [
        "grant update (name) on signals.streams to ecp_analyst",
        "grant execute on function signals.halt to ecp_tenant",
        "grant usage on sequence signals.streams_stream_id_seq to ecp_api",
        "grant select on signals.protection_events to ecp_gateway",
        "grant create on schema access to ecp_operator",
        "grant execute on function signals.halt to public",
        "grant ecp_operator to ecp_analyst",
    ],
)
def test_one_right_more_is_noticed(db: Connection[Any], more: LiteralString) -> None:
    with db.transaction(force_rollback=True):
        db.execute(more)
        assert matrix(db) != MATRIX.read_text()


# P1: what becomes of those who try -----------------------------------------------------------------------------------


@contextmanager
def logged_in(plane: Plane, user: LiteralString) -> Iterator[Connection[Any]]:
    """As those who know nothing but this role's name: there is no other role to go back to."""
    with psycopg.connect(plane.url, user=user, autocommit=True) as connection:
        yield connection


REFUSED = {
    "42501",  # no right
    "25006",  # the transaction only reads
    "2F003",  # dblink without a password
    "55000",  # such a view is not one that could be written through
}


@pytest.mark.parametrize(
    "attempt",
    [
        "insert into analytics.streams (stream) values ('x')",
        "update analytics.streams set stream = 'x'",
        "delete from analytics.subscriptions",
        "truncate signals.signals",
        "create table public.loot (n integer)",
        "create schema loot",
        "create view analytics.mine as select 1",
        "create or replace view analytics.streams as select 1",
        "alter view analytics.streams reset (security_barrier)",
        "alter view analytics.streams owner to ecp_analyst",
        "drop view analytics.streams",
        "create policy mine on signals.streams using (true)",
        "set role ecp_operator",
        "set role ecp_owner",
        "set role ecp_reader",
        "set role postgres",
        "set session authorization ecp_tenant",
        "alter role ecp_analyst superuser",
        "alter role ecp_analyst bypassrls",
        "create role loot",
        "select * from signals.streams",
        "select key_inner from signals.streams",
        "select * from access.licenses",
        "select * from access.tenant_tables",
        "select * from ops.migrations",
        "select * from signals.overdue",
        "select * from pg_authid",
        "select * from pg_catalog.pg_user_mapping",
        "select pg_read_file('/etc/passwd')",
        "select pg_ls_dir('/')",
        "select pg_read_binary_file('pg_hba.conf')",
        "select lo_import('/etc/passwd')",
        "select lo_export(1, '/tmp/loot')",
        "select lo_from_bytea(0, 'loot')",
        "select lo_create(0)",
        "select pg_advisory_lock('pg_class'::regclass::oid::integer, 0)",
        "select pg_try_advisory_xact_lock_shared(1)",
        "copy analytics.streams to '/tmp/loot'",
        "copy analytics.streams to program 'cat > /tmp/loot'",
        "select signals.halt('GLOBAL', null, 'x', 'x')",
        "select access.issue_license(1, 'api')",
        "select access.act_for('ecp_x')",
        "select access.binding(1)",
        "select access.caller()",
        "select access.secure_tables()",
        "select ops.verify()",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
        "select pg_switch_wal()",
        "select pg_reload_conf()",
        "alter system set jit = off",
        "set session_replication_role = replica",
        "set log_statement = 'none'",
        "do $$ begin execute 'set role postgres'; end $$",
        "create function public.f() returns integer language c as '/tmp/x', 'y'",
        "create extension file_fdw",
    ],
)
def test_an_analyst_who_tries_is_refused(plane: Plane, attempt: LiteralString) -> None:
    """Also when he has taken off what his role has set for him."""
    with logged_in(plane, "ecp_analyst") as analyst:
        for own_settings in ("select 1", "set default_transaction_read_only = off; set statement_timeout = 0"):
            analyst.execute(own_settings)
            with pytest.raises(psycopg.Error) as raised:
                analyst.execute(attempt)
            assert raised.value.sqlstate in REFUSED, raised.value
        assert analyst.execute("select current_user, session_user").fetchone() == ("ecp_analyst", "ecp_analyst")


def test_what_an_extension_offers_everybody_is_no_way_out(own_plane: Plane) -> None:
    own_plane.admin.execute("create extension dblink; create extension lo")
    with logged_in(own_plane, "ecp_analyst") as analyst:
        for attempt in (
            "select * from public.dblink('dbname=postgres user=postgres', 'select 1') as x (n integer)",
            "select public.dblink_connect('dbname=postgres user=postgres')",
            "select lo_import('/etc/passwd')",
        ):
            with pytest.raises(psycopg.Error) as raised:
                analyst.execute(attempt.encode())
            assert raised.value.sqlstate in REFUSED, raised.value


def test_who_has_a_right_cannot_pass_it_on(db: Connection[Any]) -> None:
    with psycopg.connect(dsn(db), user="ecp_analyst", autocommit=True) as analyst:
        analyst.execute("grant select on analytics.streams to public")  # a warning, and nothing else
    assert matrix(db) == MATRIX.read_text()


def dsn(db: Connection[Any]) -> str:
    return f"host={db.info.host} port={db.info.port} dbname={db.info.dbname}"


def test_an_analyst_is_held_back_by_his_role(empty_url: str) -> None:
    with deploy.connect(empty_url) as connection:
        deploy.deploy(connection, tree.read())
    with psycopg.connect(empty_url, user="ecp_analyst", autocommit=True) as analyst:
        for setting, expected in (
            ("default_transaction_read_only", "on"),
            ("statement_timeout", "30s"),
            ("lock_timeout", "1s"),
            ("idle_in_transaction_session_timeout", "1min"),
            ("max_parallel_workers_per_gather", "0"),
            ("temp_file_limit", "2GB"),
        ):
            assert analyst.execute("select current_setting(%s)", [setting]).fetchone() == (expected,)
        for attempt in ("create temp table loot (n integer)", "set temp_file_limit = -1"):
            analyst.execute("set default_transaction_read_only = off")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(attempt.encode())


# Two tenants: nothing of the one reaches the other -------------------------------------------------------------------


@dataclass(frozen=True)
class Tenant:
    """A firm that publishes and follows, and a word that is in everything it wrote."""

    account: int
    token: str
    word: str
    master: Master
    copier: Copier


def firm(plane: Plane, word: str, number: int, lane: int) -> Tenant:
    """Its names, symbols and numbers are its own, so that a value of it is known wherever it turns up."""
    account = plane.account("provider", "subscriber", name=f"{word}-firm", lane=lane)
    master = plane.master(lane=lane)
    plane.admin.execute(
        "update access.accounts set name = %s where account_id = %s", [f"{word}-provider", master.account]
    )
    plane.admin.execute(
        "update signals.streams set account_id = %s, name = %s where stream_id = %s",
        [account, f"{word}-stream", master.stream],
    )
    plane.define(master.stream, word.upper())
    copier = plane.copier(master, account=account, lane=lane)
    plane.admin.execute("update signals.portfolios set name = %s where account_id = %s", [f"{word}-portfolio", account])
    Bank(plane).pays(copier, number, flat=2)
    plane.answer("select trust.reset(%s, 'subscriber', 90, %s, %s)", account, f"{word}-why", f"{word}-actor")
    for position in range(number, number + 3):
        given = {"symbol": word.upper(), "magic": number, "price": f"{number}.5"}
        assert master.does("OPEN", position, **given).verdict == "ACCEPTED"
    master.does("OPEN", number, symbol="NOTHING", magic=number)
    for delivery in copier.receives():
        copier.reports(delivery.delivery_seq, ticket=number * 10 + delivery.delivery_seq, price=f"{number}.6")
    copier.reports(99, code=f"{word}-code")
    plane.transition(copier.subscription, "user_pause", actor=f"{word}-actor")
    return Tenant(account, plane.license(account, "api").token, word, master, copier)


@pytest.fixture
def tenants(plane: Plane) -> tuple[Tenant, Tenant]:
    return firm(plane, "acme", 7411, lane=1), firm(plane, "zeta", 8522, lane=2)


@contextmanager
def acting(plane: Plane, tenant: Tenant) -> Iterator[Connection[Any]]:
    with plane.connect("ecp_tenant") as connection, connection.transaction():
        connection.execute("select access.act_for(%s)", [tenant.token])
        yield connection


def of(tenant: Tenant) -> re.Pattern[str]:
    """What a text that tells something of this tenant has in it."""
    number = {"acme": "7411", "zeta": "8522"}[tenant.word]
    return re.compile(rf"{tenant.word}|{number}", re.IGNORECASE)


VIEWS: LiteralString = (
    "select c.relname::text from pg_class as c where c.relnamespace = 'analytics'::regnamespace and relkind = 'v'"
)


def rows(connection: Connection[Any], view: str) -> Counter[str]:
    found = connection.execute(sql.SQL("select t::text from {} as t").format(sql.Identifier("analytics", view)))
    return Counter(text for (text,) in found.fetchall())


def test_each_sees_what_is_his_the_house_sees_all_and_others_nothing(
    plane: Plane, tenants: tuple[Tenant, Tenant]
) -> None:
    views = plane.rows(VIEWS)
    assert len(views) >= 8
    mine, yours = tenants
    for view in views:
        with acting(plane, mine) as connection:
            seen = rows(connection, view)
        with acting(plane, yours) as connection:
            other = rows(connection, view)
        with plane.connect("ecp_analyst") as analyst:
            everything = rows(analyst, view)
        with plane.connect("ecp_tenant") as nobody:
            assert rows(nobody, view) == Counter(), view
        with plane.connect("ecp_api") as nobody:
            assert rows(nobody, view) == Counter(), view
        assert seen, view
        assert other, view
        assert not [row for row in seen if of(yours).search(row)], view
        assert not [row for row in other if of(mine).search(row)], view
        assert seen + other <= everything, view
        if view not in ("accounts", "balances", "latency", "licenses", "protection_events", "rejections"):
            # Of these some rows are the house's alone.
            assert seen + other == everything, view


def test_no_error_tells_what_its_reader_may_not_see(plane: Plane, tenants: tuple[Tenant, Tenant]) -> None:
    """A cast that fails names the value that it failed on; so it must not be tried on another's row."""
    mine, yours = tenants
    columns = plane.rows(
        "select table_name::text, column_name::text from information_schema.columns where table_schema = 'analytics'"
    )
    templates = (
        "select * from analytics.{view} where {column}::text::interval > interval '1 day'",
        "select * from analytics.{view} where 1 / (case when {column}::text ~* {word} then 0 else 1 end) = 1",
    )
    said = []
    with acting(plane, mine) as connection:
        for (view, column), template in itertools.product(columns, templates):
            query = sql.SQL(template).format(
                view=sql.Identifier(view), column=sql.Identifier(column), word=sql.Literal(of(yours).pattern)
            )
            try:
                with connection.transaction():
                    connection.execute(query)
            except psycopg.Error as error:
                said.append((view, column, error.sqlstate, str(error)))
    assert not [each for each in said if each[2] == "22012" or of(yours).search(each[3])]
    assert len(said) > 20


def test_what_a_tenant_may_call_tells_nothing_of_another(plane: Plane, tenants: tuple[Tenant, Tenant]) -> None:
    mine, yours = tenants
    functions = plane.rows(
        f"select n.nspname || '.' || p.proname, p.proargtypes::oid[]::regtype[]::text[] from pg_proc as p"
        f" join ({PROJECT_SCHEMAS}) as n on n.oid = p.pronamespace"
        " where has_function_privilege('ecp_api', p.oid, 'execute') order by 1"
    )
    assert [name for name, _ in functions] == [
        "access.act_for", "access.admit", "access.begin_request", "access.end_request", "access.exchange_license",
        "access.in_sight", "access.refresh", "access.revoke_license", "access.revoke_tokens", "access.rights",
        "access.rotate_license", "access.sees_all",
        "billing.statement", "core.error_registry", "core.now", "ops.deployment_fingerprint", "signals.explain",
        "signals.explain_delivery", "signals.note_event", "signals.transition", "signals.what_if",
        "signals.write_settings", "trust.report",
    ]  # fmt: skip
    others = plane.value("select array_agg(subscription_id) || array_agg(stream_id) from signals.subscriptions")
    for what in ("account", "stream", "portfolio", "subscription"):
        with acting(plane, mine) as connection:
            row = connection.execute("select access.in_sight(%s)", [what]).fetchone()
        assert row
        assert len(row[0]) == 1
        assert row[0][0] in [mine.account, mine.master.stream, mine.copier.portfolio, mine.copier.subscription], others
    foreign: dict[LiteralString, list[Any]] = {
        "select access.revoke_license(%s, 'x', 'x')": [yours.copier.license.license_id],
        "select access.rotate_license(%s)": [yours.copier.license.license_id],
        "select billing.statement(%s, 'USD', now() - interval '1 day', now())": [yours.account],
        "select signals.note_event(%s, 'TRG01')": [yours.copier.subscription],
        "select signals.transition(%s, 'end', 'x')": [yours.copier.subscription],
        "select signals.what_if(%s, '{}', now() - interval '1 day', now())": [yours.copier.subscription],
        "select signals.write_settings(%s, '{}', 'x')": [yours.copier.subscription],
        "select trust.report(%s)": [yours.account],
    }
    for call, arguments in foreign.items():
        nobodys = [uuid.uuid4() if isinstance(each, uuid.UUID) else 2**40 for each in arguments]
        said = []
        for named in (arguments, nobodys):
            with pytest.raises(psycopg.Error) as raised, acting(plane, mine) as connection:
                connection.execute(call, named)
            said.append((raised.value.sqlstate, raised.value.diag.message_primary))
        assert said[0] == said[1], call
    for call in ("select signals.explain(%s, 1, 1)", "select signals.explain_delivery(%s, 1)"):
        with acting(plane, mine) as connection:
            assert connection.execute(call, [mine.copier.subscription]).fetchall(), call
            assert connection.execute(call, [yours.copier.subscription]).fetchall() == [], call
    forged = yours.token[:-4] + "0000"
    with pytest.raises(psycopg.Error) as raised, acting(plane, mine) as connection:
        connection.execute("select access.act_for(%s)", [forged])
    assert not of(yours).search(str(raised.value))


def test_a_policy_that_lets_through_would_be_seen(own_plane: Plane) -> None:
    """Otherwise the tests above prove nothing."""
    mine, yours = firm(own_plane, "acme", 7411, lane=1), firm(own_plane, "zeta", 8522, lane=2)
    own_plane.admin.execute("create policy hole on signals.streams to ecp_reader using (true)")
    own_plane.admin.execute("create policy hole on signals.stream_heads to ecp_reader using (true)")
    own_plane.admin.execute("create policy hole on access.accounts to ecp_reader using (true)")
    with acting(own_plane, mine) as connection:
        assert [row for row in rows(connection, "streams") if of(yours).search(row)]


def test_the_plane_s_own_statements_are_planned_as_if_there_were_no_policies(db: Connection[Any]) -> None:
    """With conditions that a policy would keep from being looked up by, were there anything to hide."""
    tables = [name for (name,) in db.execute("select relation::text from access.tenant_tables order by 1").fetchall()]

    def plans() -> list[Any]:
        db.execute("set role ecp_owner")
        found = [
            db.execute(
                f"explain (verbose) select * from {table} as t where length(t::text) > 1 and t.ctid = '(0,1)'".encode()
            )
            for table in tables
        ]
        lines = [cursor.fetchall() for cursor in found]
        db.execute("reset role")
        return lines

    forced = plans()
    for table in tables:
        db.execute(f"alter table {table} disable row level security".encode())
    assert forced == plans()


# P4: connections are shared, what they see is not --------------------------------------------------------------------

REQUESTS = int(os.environ.get("ECP_TENANT_REQUESTS", "400"))


def test_requests_of_two_tenants_over_shared_connections_see_no_foreign_row(
    plane: Plane, tenants: tuple[Tenant, Tenant], drawn_seed: int
) -> None:
    """Whatever the request before has left on the connection: nothing, an error, a cancelled statement, a mark."""
    plane.admin.execute("update signals.streams set name = name || '-' || stream_id")
    seen: Counter[str] = Counter()
    foreign: list[Any] = []
    query: LiteralString = (
        "select provider from analytics.streams union all select subscriber from analytics.state_changes"
    )

    def request(connection: Connection[Any], chance: Random) -> None:
        tenant = chance.choice(tenants)
        kind = chance.choice(["asks", "asks", "asks", "nobody", "fails", "is cancelled", "leaves a mark", "steps back"])
        allowed = {f"{tenant.word}-firm"}
        try:
            with connection.transaction():
                if kind == "nobody":
                    allowed = set()
                else:
                    connection.execute("select access.act_for(%s)", [tenant.token])
                if kind == "leaves a mark":
                    connection.execute("select set_config('ecp.caller', current_setting('ecp.caller'), false)")
                if kind == "steps back":
                    other = tenants[tenants.index(tenant) - 1]
                    with connection.transaction(force_rollback=True):
                        connection.execute("select access.act_for(%s)", [other.token])
                names = {name for (name,) in connection.execute(query).fetchall()}
                if kind == "fails":
                    connection.execute("select 1 / 0")
                if kind == "is cancelled":
                    threading.Timer(0.002, connection.cancel).start()
                    connection.execute("select pg_sleep(10)")
                if names != allowed:
                    foreign.append((kind, tenant.word, names))
        except (psycopg.errors.DivisionByZero, psycopg.errors.QueryCanceled):
            pass
        seen[kind] += 1

    def work(connection: Connection[Any], seed: int) -> None:
        chance = Random(seed)
        for _ in range(REQUESTS // 4):
            request(connection, chance)

    connections = [plane.connect("ecp_tenant") for _ in range(4)]
    run_together(*(partial(work, each, drawn_seed + n) for n, each in enumerate(connections)))
    for connection in connections:
        connection.close()
    assert foreign == []
    assert len(seen) == 6


# P3: a search path that lies -----------------------------------------------------------------------------------------

# What counts is a sequence: it keeps what a call has done that fails afterwards.
TRAPS: LiteralString = """
    create schema attacker;
    create sequence attacker.captures;
    create function attacker.trap() returns void language plpgsql as $$
    begin
        if current_user operator(pg_catalog.=) 'ecp_owner'::name then
            perform pg_catalog.nextval('attacker.captures'::pg_catalog.regclass);
        end if;
    end $$;
"""


def lay_traps(plane: Plane) -> None:
    """Functions and operators of pg_catalog, of the same types and so preferred by who looks into this schema first.
    They answer what the real ones answer."""
    plane.admin.execute(TRAPS)
    functions = plane.rows("""
        select quote_ident(p.proname), pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid), (
            select string_agg('$' || n, ', ' order by n) from generate_series(1, p.pronargs) as n
        )
        from pg_proc as p
        where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and not p.proretset and p.provariadic = 0
            and p.proname = any (string_to_array(
                'now clock_timestamp transaction_timestamp sha256 encode decode convert_to lower upper length'
                ' octet_length regexp_match substring left substr div floor round power trim_scale mod'
                ' gen_random_uuid uuid_send nextval set_config current_setting pg_backend_pid date_trunc extract'
                ' timezone to_regclass replace get_byte to_hex lpad position', ' '))
            and pg_get_function_identity_arguments(p.oid) !~ 'any|internal|cstring'
    """)
    assert len(functions) > 60
    for name, arguments, result, passed in functions:
        plane.admin.execute(
            f"create function attacker.{name}({arguments}) returns {result} language plpgsql as"
            f" $$ begin perform attacker.trap(); return pg_catalog.{name}({passed or ''}); end $$".encode()
        )
    operators = plane.rows("""
        select o.oprname::text, o.oprleft::regtype::text, o.oprright::regtype::text, o.oprresult::regtype::text
        from pg_operator as o
        where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprkind = 'b'
            and o.oprname in ('=', '<>', '<', '<=', '>', '>=', '+', '-', '*', '||')
            and (o.oprleft = o.oprright or o.oprright = 'interval'::regtype)
            and o.oprleft = any (
                '{bigint,text,uuid,integer,smallint,bytea,numeric,timestamptz,interval}'::regtype[]::oid[]
            )
    """)
    assert len(operators) > 40
    for number, (name, left, right, result) in enumerate(operators):
        plane.admin.execute(
            f"create function attacker.operator_{number}({left}, {right}) returns {result} language plpgsql as"
            f" $$ begin perform attacker.trap(); return $1 operator(pg_catalog.{name}) $2; end $$;"
            f"create operator attacker.{name}"
            f" (function = attacker.operator_{number}, leftarg = {left}, rightarg = {right})".encode()
        )
    plane.admin.execute(
        "grant usage on schema attacker to public; grant usage on sequence attacker.captures to public;"
        " grant execute on all functions in schema attacker to public"
    )
    for session in (plane.gateway, plane.operator, plane.admin):
        session.execute("set search_path = attacker, pg_temp, pg_catalog")


def captured(plane: Plane) -> bool:
    found: bool = plane.value("select is_called from attacker.captures")
    return found


def test_no_definer_is_led_astray_by_the_search_path_of_its_caller(own_plane: Plane) -> None:
    lay_traps(own_plane)
    everything_happens(own_plane)
    account = own_plane.account()
    with own_plane.connect("ecp_tenant") as tenant, tenant.transaction():
        tenant.execute("set local search_path = attacker, pg_temp, pg_catalog")
        tenant.execute("select access.act_for(%s)", [own_plane.license(account, "api").token])
        assert tenant.execute("select access.in_sight('account')").fetchone() == ([account],)
    definers = own_plane.rows(
        f"select format('select %%I.%%I(%%s)', n.nspname, p.proname, array_to_string(array("
        f"  select pg_catalog.format('null::%%s', format_type(t, null)) from unnest(p.proargtypes::oid[]) as t), ', '))"
        f" from pg_proc as p join ({PROJECT_SCHEMAS}) as n on n.oid = p.pronamespace where p.prosecdef"
    )
    assert len(definers) > 40
    for call in definers:
        with suppress(psycopg.Error):
            own_plane.admin.execute(call.encode())
    assert not captured(own_plane)


def test_one_without_a_path_of_its_own_is_led_astray(own_plane: Plane) -> None:
    """Otherwise the test above proves nothing."""
    lay_traps(own_plane)
    own_plane.admin.execute("alter function access.create_account reset search_path")
    own_plane.account()
    assert captured(own_plane)
