"""One object, one file, at the path you would guess: signals.ingest is in db/functions/signals/ingest.sql and is
tested in tests/db/signals/test_ingest.py. What would be too much for one file has a folder beside it, with a file for
each subject of its own: tests/db/signals/reconcile/test_netting.py."""

from pathlib import Path
from typing import Any

import pglast
import pytest
from pglast import ast, enums
from psycopg import Connection

from ops.paths import DB, ROOT
from ops.schema import catalog, deploy, tree

pytestmark = pytest.mark.core

FILES = [pytest.param(source, id=source.name) for source in tree.read().functions]
CLIENTS = "array['ecp_gateway', 'ecp_api', 'ecp_operator', 'ecp_analyst', 'ecp_auditor', 'ecp_tenant']"


def made_by(statement: Any) -> str:
    """The object that a statement of a function file makes or belongs to; of others, what kind it is."""
    match type(statement).__name__:
        case "ViewStmt":
            return f"{statement.view.schemaname}.{statement.view.relname}"
        case "CommentStmt" if statement.objtype == enums.ObjectType.OBJECT_TRIGGER:
            return "comment on a trigger"
        case "CreateFunctionStmt" | "CreateTrigStmt":
            name = statement.funcname
        case "DefineStmt" if statement.kind == enums.ObjectType.OBJECT_AGGREGATE:
            name = statement.defnames
        case "CommentStmt" if isinstance(statement.object, ast.ObjectWithArgs):
            name = statement.object.objname
        case "CommentStmt" if statement.objtype == enums.ObjectType.OBJECT_COLUMN:
            name = statement.object[:-1]
        case "CommentStmt":
            name = statement.object
        case kind:
            return kind
    return ".".join(part.sval for part in name)


@pytest.mark.parametrize("source", FILES)
def test_a_file_holds_its_object_and_nothing_else(source: tree.Source) -> None:
    made = [made_by(raw.stmt) for raw in pglast.parse_sql(source.text)]
    assert set(made) <= {source.object, "comment on a trigger"}
    assert source.object in made


@pytest.mark.parametrize("source", FILES)
def test_a_definer_pins_its_search_path(source: tree.Source) -> None:
    """By the text, so that it fails before anything is deployed."""
    for raw in pglast.parse_sql(source.text):
        function: Any = raw.stmt
        if not isinstance(function, ast.CreateFunctionStmt):
            continue
        options = [(option.defname, option.arg) for option in function.options or ()]
        if any(name == "security" and value.boolval for name, value in options):
            paths = [value.args for name, value in options if name == "set" and value.name == "search_path"]
            assert [[schema.val.sval for schema in path] for path in paths] == [["pg_catalog", "pg_temp"]]


@pytest.mark.parametrize("source", FILES)
def test_identifiers_and_keywords_are_lower_case(source: tree.Source) -> None:
    for token in pglast.parser.scan(source.text):
        if token.kind != "NO_KEYWORD" or token.name == "IDENT":
            word = source.text.encode()[token.start : token.end + 1].decode()
            assert word.startswith('"') or word == word.lower()


def test_every_object_has_its_file_and_every_file_its_object(database_url: str) -> None:
    with deploy.connect(database_url) as connection:
        there = {entity.object for entity in catalog.entities(connection)}
    assert there == {source.object for source in tree.read().functions}


def test_what_clients_call_is_tested_at_the_path_you_would_guess(db: Connection[Any]) -> None:
    called = db.execute(
        f"""
        select distinct n.nspname, p.proname
        from pg_proc as p
        join ({catalog.PROJECT_SCHEMAS}) as n on n.oid = p.pronamespace
        cross join unnest({CLIENTS}) as role(name)
        where has_function_privilege(role.name, p.oid, 'execute')
        order by 1, 2
        """
    ).fetchall()
    assert called
    missing = [f"tests/db/{schema}/test_{name}.py" for schema, name in called if not _test_file(schema, name).exists()]
    assert not missing


def test_every_test_of_an_object_has_its_object() -> None:
    objects = {source.name for source in tree.read().functions}
    tests = {
        f"{path.parent.name}/{path.stem.removeprefix('test_')}" for path in (ROOT / "tests/db").glob("*/test_*.py")
    }
    subjects = {f"{path.parent.parent.name}/{path.parent.name}" for path in (ROOT / "tests/db").glob("*/*/test_*.py")}
    assert tests <= objects
    assert subjects <= tests


def test_migrations_and_policies_leave_functions_to_their_files() -> None:
    for path in [*DB.glob("migrations/*.sql"), *DB.glob("policies/**/*.sql")]:
        for raw in pglast.parse_sql(path.read_text()):
            assert not isinstance(raw.stmt, (ast.CreateFunctionStmt, ast.ViewStmt, ast.CreateTrigStmt)), path.name


def _test_file(schema: str, name: str) -> Path:
    return ROOT / "tests" / "db" / schema / f"test_{name}.py"
