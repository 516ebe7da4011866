"""The deploy tool brings a database to what the files say, all or nothing, and says when it cannot."""

import threading
from pathlib import Path

import psycopg
import pytest

from ops.errors import Refusal
from ops.schema import catalog, deploy, plan, tree
from tests.ops.conftest import Project

pytestmark = pytest.mark.core

TOTAL_TEXT = "create or replace function shop.total() returns text language sql stable as $$ select 'none' $$;"


def refused(code: str, project: Project) -> Refusal:
    before = project.snapshot()
    with pytest.raises(Refusal) as caught:
        project.deploy()
    assert caught.value.code == code
    assert project.snapshot() == before
    return caught.value


def test_deploys_everything_to_an_empty_database(project: Project) -> None:
    project.deploy()
    project.connection.execute("insert into shop.items values (1, 10), (2, 5)")
    assert project.scalar("select total from shop.report") == 15
    with pytest.raises(psycopg.errors.RaiseException):
        project.connection.execute("insert into shop.items values (3, -1)")
    owners = project.scalar(
        "select array_agg(distinct relowner::regrole::text) from pg_class where relnamespace = 'shop'::regnamespace"
    )
    assert owners == ["ecp_owner"]


def test_running_it_again_changes_nothing(project: Project) -> None:
    project.deploy()
    before = project.snapshot()
    assert project.deploy().empty
    assert project.snapshot() == before


def test_the_project_itself_deploys_twice_the_same(database_url: str) -> None:
    with deploy.connect(database_url) as connection:
        assert deploy.deploy(connection, tree.read()).empty
        deploy.require_current(connection)


def test_statements_are_never_compiled_and_analyze_is_brief(project: Project) -> None:
    project.deploy()
    assert project.scalar(
        "select setconfig from pg_db_role_setting s inner join pg_database d on d.oid = s.setdatabase"
        " where d.datname = current_database() and s.setrole = 0"
    ) == ["jit=off", "default_statistics_target=10"]


def test_a_dry_run_changes_nothing(project: Project) -> None:
    before = project.snapshot()
    todo = deploy.look(project.connection, tree.read(project.root))
    assert todo.lines == [
        "migrate  0001_shop",
        "create   shop.guard",
        "create   shop.total",
        "create   shop.report",
        "apply    policies/access/shop.sql",
    ]
    assert project.snapshot() == before


def test_a_changed_function_is_replaced(project: Project) -> None:
    project.deploy()
    project.write(
        "functions/shop/total.sql",
        "create or replace function shop.total() returns numeric language sql stable as $$ select 42.0 $$;",
    )
    assert project.deploy().lines == ["change   shop.total"]
    assert project.scalar("select total from shop.report") == 42


def test_a_changed_return_type_takes_its_dependents_along(project: Project) -> None:
    project.deploy()
    project.write("functions/shop/total.sql", TOTAL_TEXT)
    project.deploy()
    assert project.scalar("select total from shop.report") == "none"


def test_changed_parameters_leave_no_overload(project: Project) -> None:
    project.deploy()
    project.write(
        "functions/shop/total.sql",
        "create or replace function shop.total(p_at_least numeric default 0) returns numeric language sql stable\n"
        "as $$ select coalesce(sum(price), 0) from shop.items where price >= p_at_least $$;",
    )
    project.write("policies/access/shop.sql", "grant usage on schema shop to ecp_gateway;")
    project.deploy()
    assert project.scalar("select array_agg(oid::regprocedure::text) from pg_proc where proname = 'total'") == [
        "shop.total(numeric)"
    ]
    assert project.scalar("select total from shop.report") == 0


def test_a_view_can_lose_a_column(project: Project) -> None:
    project.write("functions/shop/report.sql", "create or replace view shop.report as select 1 as one, 2 as two;")
    project.deploy()
    project.write("functions/shop/report.sql", "create or replace view shop.report as select 2 as two;")
    project.deploy()
    assert project.scalar("select to_json(r)::text from shop.report as r") == '{"two":2}'


def test_a_view_can_become_a_function(project: Project) -> None:
    project.deploy()
    project.write(
        "functions/shop/report.sql",
        "create or replace function shop.report() returns numeric language sql as $$ select 7.0 $$;",
    )
    project.deploy()
    assert project.scalar("select shop.report()") == 7
    assert project.scalar("select to_regclass('shop.report')") is None


def test_a_dependent_that_no_file_can_bring_back_is_left_alone(project: Project) -> None:
    project.deploy()
    project.connection.execute("create view public.mine as select shop.total() as total")
    project.write("functions/shop/total.sql", TOTAL_TEXT)
    assert "public.mine" in refused("TRD07", project).message


def test_a_removed_function_is_dropped(project: Project) -> None:
    project.deploy()
    project.remove("functions/shop/report.sql")
    project.remove("functions/shop/guard.sql")
    assert project.deploy().lines == [
        "drop     function shop.guard()",
        "drop     view shop.report",
        "forget   functions/shop/guard.sql",
        "forget   functions/shop/report.sql",
    ]
    assert project.scalar("select count(*) from pg_proc where proname = 'guard'") == 0
    assert project.scalar("select count(*) from pg_trigger where tgname = 'guard'") == 0
    assert project.scalar("select to_regclass('shop.report')") is None


def test_functions_that_depend_on_each_other_are_dropped_together(project: Project) -> None:
    project.deploy()
    project.remove("functions/shop/total.sql")
    project.remove("functions/shop/report.sql")
    project.write("policies/access/shop.sql", "")
    project.deploy()
    assert project.scalar("select array_agg(proname::text) from pg_proc where pronamespace = 'shop'::regnamespace") == [
        "guard"
    ]


def test_what_nobody_wrote_in_a_file_is_dropped(project: Project) -> None:
    project.deploy()
    project.connection.execute("create function shop.stray(int) returns int language sql as 'select 1'")
    assert project.deploy().lines == ["drop     function shop.stray(integer)"]


def test_an_orphan_in_use_is_refused(project: Project) -> None:
    project.deploy()
    project.connection.execute("alter table shop.items alter price set default shop.total()")
    project.remove("functions/shop/total.sql")
    project.remove("functions/shop/report.sql")
    project.write("policies/access/shop.sql", "")
    refusal = refused("TRD07", project)
    assert "shop.total()" in refusal.message
    assert "default value" in refusal.message


def test_a_trigger_taken_out_of_its_file_is_dropped(project: Project) -> None:
    project.deploy()
    text = (project.root / "functions/shop/guard.sql").read_text()
    project.write("functions/shop/guard.sql", text.partition("create or replace trigger")[0])
    project.deploy()
    assert project.scalar("select count(*) from pg_trigger where tgname = 'guard'") == 0
    assert project.scalar("select count(*) from pg_proc where proname = 'guard'") == 1


def test_a_grant_taken_out_of_its_file_is_revoked(project: Project) -> None:
    project.deploy()
    can = "select has_function_privilege('ecp_gateway', 'shop.total()', 'execute')"
    assert project.scalar(can) is True
    project.write("policies/access/shop.sql", "grant usage on schema shop to ecp_gateway;")
    project.deploy()
    assert project.scalar(can) is False


def test_a_policy_taken_out_of_its_file_is_dropped(project: Project) -> None:
    project.write("policies/access/rows.sql", "create policy mine on shop.items using (true);")
    project.deploy()
    project.write("policies/access/rows.sql", "create policy yours on shop.items using (true);")
    project.deploy()
    assert project.scalar("select array_agg(polname::text) from pg_policy") == ["yours"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("functions/shop/report.sql", "-- requires: shop/total\n\ncreate view shop.report as\nselect nothing;"),
        ("functions/shop/broken.sql", "select 1;\n\n\ncreat function shop.broken();"),
        ("migrations/0002_more.sql", "alter table shop.items\nadd name text;\n\nselect 1 / 0;"),
        ("policies/access/shop.sql", "grant usage on schema shop to nobody_at_all;"),
    ],
)
def test_one_failing_file_rolls_everything_back(project: Project, path: str, text: str) -> None:
    project.deploy()
    project.write("migrations/0003_last.sql", "create table shop.last (id int);")
    project.write("functions/shop/total.sql", TOTAL_TEXT)
    project.write(path, text)
    assert f"db/{path}:" in refused("TRD11", project).message
    assert project.scalar("select pg_typeof(shop.total())::text") == "numeric"
    assert project.scalar("select to_regclass('shop.last')") is None


def test_a_syntax_error_is_named_by_line(project: Project) -> None:
    project.write("functions/shop/broken.sql", "select 1;\n\n\ncreat function shop.broken();")
    with pytest.raises(Refusal, match=r"db/functions/shop/broken\.sql:4: syntax error") as caught:
        project.deploy()
    assert caught.value.code == "TRD11"


def test_a_file_that_makes_something_else_is_refused(project: Project) -> None:
    project.deploy()
    project.write("functions/shop/price.sql", "create function shop.cost() returns int language sql as 'select 1';")
    assert "shop.price" in refused("TRD10", project).message


def test_an_applied_migration_that_changed_is_refused(project: Project) -> None:
    project.deploy()
    project.write("migrations/0001_shop.sql", "create schema shop;")
    assert "0001_shop" in refused("TRD06", project).message


def test_an_applied_migration_that_vanished_is_refused(project: Project) -> None:
    project.deploy()
    project.remove("migrations/0001_shop.sql")
    assert "0001_shop" in refused("TRD06", project).message


def test_a_migration_before_an_applied_one_is_refused(project: Project) -> None:
    project.deploy()
    project.write("migrations/0000_before.sql", "select 1;")
    assert "0000_before" in refused("TRD06", project).message


def test_a_migration_can_require_a_function(project: Project) -> None:
    project.write(
        "migrations/0002_default.sql",
        "-- requires: shop/free\nalter table shop.items alter price set default shop.free();",
    )
    project.write(
        "functions/shop/free.sql",
        "create or replace function shop.free() returns numeric language sql as $$ select 0.0 $$;",
    )
    project.deploy()
    assert project.scalar("insert into shop.items (item_id) values (1) returning price") == 0


def test_an_index_can_be_made_concurrently(project: Project) -> None:
    project.write("migrations/0002_name.sql", "alter table shop.items add name text;")
    project.write(
        "migrations/0003_index.sql",
        "-- no-transaction\ncreate index concurrently if not exists items_by_name on shop.items (name);",
    )
    project.write("migrations/0004_note.sql", "alter table shop.items add note text;")
    project.deploy()
    assert project.scalar("select indisvalid from pg_index where indexrelid = 'shop.items_by_name'::regclass") is True
    assert project.scalar("select array_agg(name order by name) from ops.migrations") == [
        "0001_shop", "0002_name", "0003_index", "0004_note",
    ]  # fmt: skip


def test_migrations_see_the_number_of_lanes(project: Project) -> None:
    project.write(
        "migrations/0002_lanes.sql", "create table shop.lanes as select current_setting('ecp.lanes')::int as lanes;"
    )
    project.deploy(lanes=3)
    assert project.scalar("select lanes from shop.lanes") == 3


def test_a_change_by_hand_is_refused_until_it_is_disowned(project: Project) -> None:
    project.deploy()
    project.connection.execute(
        "create or replace function shop.total() returns numeric language sql stable as $$ select 666.0 $$"
    )
    refusal = refused("TRD05", project)
    assert "shop.total" in refusal.message
    assert plan.drift(catalog.read(project.connection)) == ["functions/shop/total.sql"]

    command = refusal.hint[refusal.hint.index("delete from") :]
    project.connection.execute(command.encode())
    project.deploy()
    assert project.scalar("select shop.total()") == 0


@pytest.mark.parametrize(
    "change",
    [
        "create or replace view shop.report as select 1.0 as total",
        "alter table shop.items disable trigger guard",
        "grant execute on function shop.guard() to public",
        "alter function shop.guard() security definer",
        "create function shop.total(int) returns int language sql as 'select 1'",
    ],
)
def test_every_kind_of_change_by_hand_is_seen(project: Project, change: str) -> None:
    project.deploy()
    project.connection.execute(change.encode())
    refused("TRD05", project)


def test_what_was_dropped_by_hand_is_brought_back(project: Project) -> None:
    project.deploy()
    project.connection.execute("drop view shop.report")
    assert project.deploy().lines == ["restore  shop.report"]
    assert project.scalar("select total from shop.report") == 0


def test_two_deploys_at_once_take_turns(project: Project, empty_url: str) -> None:
    """The first is held in its migration, by a lock on a table, until the second has begun to wait for its turn."""
    project.deploy()
    project.write("migrations/0002_add.sql", "alter table shop.items add name text;")
    files = tree.read(project.root)
    results: dict[str, plan.Plan] = {}

    def run(name: str) -> None:
        with deploy.connect(empty_url) as connection:
            results[name] = deploy.deploy(connection, files)

    def await_row(query: str) -> None:
        while not project.scalar(query):
            pass

    first, second = (threading.Thread(target=run, args=[name]) for name in ("first", "second"))
    with psycopg.connect(empty_url) as blocker:
        blocker.execute("lock table shop.items in access share mode")
        first.start()
        await_row("select count(*) from pg_locks where relation = 'shop.items'::regclass and not granted")
        second.start()
        await_row(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and query like 'select pg_try_advisory_lock%'"
        )
    first.join()
    second.join()
    assert [migration.name for migration in results["first"].migrations] == ["0002_add"]
    assert results["second"].empty


def test_a_lock_that_others_keep_is_waited_for_only_so_long(
    project: Project, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "LOCK_TIMEOUT", "10ms")
    monkeypatch.setattr(deploy, "ATTEMPTS", 2)
    project.deploy()
    project.write("migrations/0002_add.sql", "alter table shop.items add name text;")
    with psycopg.connect(empty_url) as blocker:
        blocker.execute("lock table shop.items in access share mode")
        refused("TRD08", project)
    project.deploy()


def test_an_old_server_is_refused() -> None:
    deploy.check_version(170000)
    with pytest.raises(Refusal, match="PostgreSQL 16") as caught:
        deploy.check_version(160009)
    assert caught.value.code == "TRD03"


def test_a_gateway_can_tell_what_it_connects_to(project: Project) -> None:
    with pytest.raises(Refusal) as caught:
        deploy.require_current(project.connection)
    assert caught.value.code == "TRD04"
    project.deploy()
    with pytest.raises(Refusal) as caught:
        deploy.require_current(project.connection)
    assert caught.value.code == "TRD05"


def test_no_server_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught, deploy.connect(f"postgresql://postgres@/ecp?host={tmp_path}"):
        pass
    assert caught.value.code == "TRD01"
