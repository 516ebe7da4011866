"""A small db/ folder and an empty database for every test of the deploy tool."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from ops.schema import deploy, tree
from ops.schema.plan import Plan
from tests.db.plane import Plane


@dataclass(frozen=True)
class Project:
    """A db/ folder under construction and a database that it is deployed to."""

    root: Path
    connection: Connection[Any]

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def deploy(self, **options: Any) -> Plan:
        return deploy.deploy(self.connection, tree.read(self.root), **options)

    def scalar(self, query: str) -> Any:
        row = self.connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def snapshot(self) -> list[Any]:
        """All that a deploy could have changed: every row version of the catalogs that it writes. Not the rows
        themselves, whose statistics autovacuum updates in place."""
        catalogs = ["pg_proc", "pg_class", "pg_trigger", "pg_policy", "pg_namespace", "pg_extension", "pg_default_acl"]
        if self.scalar("select to_regclass('ops.deployment')") is not None:
            catalogs += ["ops.migrations", "ops.objects", "ops.deployment"]
        return [
            self.scalar(f"select string_agg(concat(ctid, xmin), ';' order by ctid) from {name}") for name in catalogs
        ]


@pytest.fixture
def project(tmp_path: Path, empty_url: str) -> Iterator[Project]:
    """One migration with a table, one function over it, one view, one trigger and one policy file."""
    with deploy.connect(empty_url) as connection:
        found = Project(tmp_path / "db", connection)
        found.write(
            "migrations/0001_shop.sql",
            "create schema shop; create table shop.items (item_id bigint primary key, price numeric not null);",
        )
        found.write(
            "functions/shop/total.sql",
            "create or replace function shop.total() returns numeric language sql stable\n"
            "begin atomic select coalesce(sum(price), 0) from shop.items; end;",
        )
        found.write(
            "functions/shop/report.sql",
            "-- requires: shop/total\ncreate or replace view shop.report as select shop.total() as total;",
        )
        found.write(
            "functions/shop/guard.sql",
            "create or replace function shop.guard() returns trigger language plpgsql as $$\n"
            "begin\n  if new.price < 0 then\n    raise exception 'negative price';\n  end if;\n  return new;\nend $$;\n"
            "create or replace trigger guard before insert on shop.items\n"
            "for each row execute function shop.guard();",
        )
        found.write(
            "policies/access/shop.sql",
            "grant usage on schema shop to ecp_gateway; grant execute on function shop.total() to ecp_gateway;",
        )
        yield found


@pytest.fixture
def own_plane(database_url: str) -> Iterator[Plane]:
    """The project's own db/, deployed in a database of this test's own, under a clock that stands still."""
    with Plane(database_url) as found:
        yield found
