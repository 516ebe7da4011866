"""No hot statement leaves its lane: read off the functions, and shown by hiding all other lanes."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pglast
import psycopg
import pytest
from pglast import ast, enums, visitors

from ops.schema import tree
from tests.db.plane import Copier, Delivery, Heartbeat, Holding, Plane, held

pytestmark = pytest.mark.core

# Statements ----------------------------------------------------------------------------------------------------------


def lane_tables() -> set[str]:
    """The tables of which every row is in a lane, by the migrations."""
    found = set()
    for migration in tree.read().migrations:
        for raw in pglast.parse_sql(migration.text):
            table: Any = raw.stmt
            if isinstance(raw.stmt, ast.CreateStmt):
                columns = {element.colname for element in table.tableElts if is_required(element)}
                if "lane" in columns and table.relation.relname != "lanes":
                    found.add(f"{table.relation.schemaname}.{table.relation.relname}")
    return found


def is_required(element: Any) -> bool:
    return isinstance(element, ast.ColumnDef) and any(
        constraint.contype == enums.ConstrType.CONSTR_NOTNULL for constraint in element.constraints or ()
    )


LANE_TABLES = lane_tables()


def body_of(function: Any) -> str:
    (body,) = next(option.arg for option in function.options if option.defname == "as")
    text: str = body.sval
    return text


def statements(function: Any) -> Iterator[Any]:
    """The SQL statements in a function's body."""
    options = {option.defname: option.arg for option in function.options}
    body = body_of(function)
    if options["language"].sval == "sql":
        yield from (raw.stmt for raw in pglast.parse_sql(body))
        return
    # The parser knows no types but those of pg_catalog, and needs no others to find the statements.
    body = re.sub(r"^(\s*v_\w+) \w+\.\w+\[\];$", r"\1 text[];", body, flags=re.MULTILINE)
    body = re.sub(r"^(\s*v_\w+) \w+\.\w+;$", r"\1 record;", body, flags=re.MULTILINE)
    returns = function.returnType.names[-1].sval
    # RETURN takes a value where one value is returned, and only there.
    kind = "setof record" if function.returnType.setof else returns if returns == "void" else "text"
    wrapped = f"create function f() returns {kind} language plpgsql as $body$ {body} $body$;"
    for query in queries(pglast.parse_plpgsql(wrapped)):
        # An assignment is `variable := expression`, a condition an expression.
        text = re.sub(r"^\s*[\w.]+\s*:=", "", query)
        for candidate in (text, f"select {text}"):
            try:
                parsed = pglast.parse_sql(candidate)
            except pglast.parser.ParseError:
                continue
            yield from (raw.stmt for raw in parsed)
            break
        else:
            pytest.fail(f"cannot read {query}")


def queries(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "query" and isinstance(value, str):
                yield value
            else:
                yield from queries(value)
    elif isinstance(node, list):
        for value in node:
            yield from queries(value)


class Strays(visitors.Visitor):
    """Collects the tables with a lane that a statement names without saying which."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.strays: list[str] = []

    def visit_SelectStmt(self, _: Any, node: Any) -> None:
        tables, conditions = self.sources(node.fromClause)
        self.check(tables, [*conditions, node.whereClause])

    def visit_UpdateStmt(self, _: Any, node: Any) -> None:
        tables, conditions = self.sources([node.relation, *(node.fromClause or ())])
        self.check(tables, [*conditions, node.whereClause])

    def visit_DeleteStmt(self, _: Any, node: Any) -> None:
        tables, conditions = self.sources([node.relation, *(node.usingClause or ())])
        self.check(tables, [*conditions, node.whereClause])

    def visit_InsertStmt(self, _: Any, node: Any) -> None:
        name = f"{node.relation.schemaname}.{node.relation.relname}"
        if name not in LANE_TABLES:
            return
        self.seen.append(name)
        if node.cols is None:
            pytest.fail(f"cannot read the columns that are inserted into {name}")
        place = [column.name for column in node.cols].index("lane")
        for row in self.rows(node.selectStmt):
            if not self.is_lane(row[place]):
                self.strays.append(f"insert into {name}")

    def rows(self, select: Any) -> Iterator[Any]:
        """What is inserted: the rows of VALUES, or the target list of every arm of a UNION."""
        if select.op != enums.SetOperation.SETOP_NONE:
            yield from self.rows(select.larg)
            yield from self.rows(select.rarg)
        elif select.valuesLists:
            yield from select.valuesLists
        elif select.targetList is None:
            pytest.fail("an insert without columns")
        else:
            targets = [target.val for target in select.targetList]
            # An arm in parentheses, for its ORDER BY, is select * from the arm.
            yield targets

    def sources(self, items: Any) -> tuple[dict[str, str], list[Any]]:
        tables: dict[str, str] = {}
        conditions: list[Any] = []
        for item in items or ():
            match type(item).__name__:
                case "JoinExpr":
                    inner, more = self.sources([item.larg, item.rarg])
                    tables |= inner
                    conditions += [*more, item.quals]
                case "RangeVar" if f"{item.schemaname}.{item.relname}" in LANE_TABLES:
                    name = f"{item.schemaname}.{item.relname}"
                    tables[item.alias.aliasname if item.alias else item.relname] = name
        return tables, conditions

    def check(self, tables: dict[str, str], conditions: list[Any]) -> None:
        laned = {alias for condition in conditions for alias in self.laned(condition, tables)}
        self.seen += tables.values()
        self.strays += [f"{table} as {alias}" for alias, table in tables.items() if alias not in laned]

    def laned(self, condition: Any, tables: dict[str, str]) -> Iterator[str]:
        """The aliases of which a conjunction says: alias.lane = p_lane, or the lane of a subquery, which said so."""
        match type(condition).__name__:
            case "BoolExpr" if condition.boolop == enums.BoolExprType.AND_EXPR:
                for part in condition.args:
                    yield from self.laned(part, tables)
            case "A_Expr" if [part.sval for part in condition.name] == ["="]:
                for one, other in ((condition.lexpr, condition.rexpr), (condition.rexpr, condition.lexpr)):
                    names = self.names(one)
                    if names[1:] == ["lane"] and (self.is_lane(other) or self.is_found(other, tables)):
                        yield names[0]

    def is_lane(self, node: Any) -> bool:
        return self.names(node) == ["p_lane"]

    def is_found(self, node: Any, tables: dict[str, str]) -> bool:
        names = self.names(node)
        return names[1:] == ["lane"] and names[0] not in tables

    @staticmethod
    def names(node: Any) -> list[str]:
        if type(node).__name__ != "ColumnRef":
            return []
        return [getattr(part, "sval", "*") for part in node.fields]


def strays(function: Any) -> tuple[list[str], list[str]]:
    visitor = Strays()
    for statement in statements(function):
        visitor(statement)
    return visitor.seen, visitor.strays


def hot_functions() -> dict[str, Any]:
    found = {}
    for source in tree.read().functions:
        for raw in pglast.parse_sql(source.text):
            function: Any = raw.stmt
            if isinstance(function, ast.CreateFunctionStmt) and (function.parameters or [None])[0] is not None:
                parameters: Any = function.parameters
                if parameters[0].name == "p_lane":
                    found[source.name] = function
    return found


HOT = hot_functions()
# Subscribing is not hot: it reads the log of the master, in the lane that the cursor names.
HOT.pop("signals/rebuild_book")


def test_the_hot_functions_are_the_ones_that_take_a_lane_first() -> None:
    expected = {"ingest", "resync", "heads", "routes", "feed", "dispatch", "deliveries", "resume", "report"}
    expected |= {"decide", "fold_book", "catch_up", "note_equity", "watch_equity", "reconcile", "settle_hedging"}
    assert {f"signals/{name}" for name in expected} <= set(HOT)


@pytest.mark.parametrize("name", HOT)
def test_every_table_with_lanes_is_asked_for_one(name: str) -> None:
    seen, stray = strays(HOT[name])
    names_a_table = any(re.search(rf"{re.escape(table)}\b(?!\[)", body_of(HOT[name])) for table in LANE_TABLES)
    assert seen or not names_a_table, "nothing was read: this test does not understand the function"
    assert stray == []


@pytest.mark.parametrize(
    "body",
    [
        "select * from signals.signals as s",
        "select * from signals.signals as s where s.lane = 3",
        "select * from signals.signals as s where s.lane = p_lane or s.seq = 1",
        "select * from signals.streams as s inner join signals.signals as x on x.stream_id = s.stream_id"
        " where s.lane = p_lane",
        "select 1 where exists (select from signals.signals as s where s.seq = 1)",
        "update signals.stream_heads as h set tokens = 1 where h.stream_id = 1",
        "delete from signals.stream_heads as h",
        "update signals.copies as c set ticket = 1 from signals.reports as r where c.lane = r.lane",
        "update signals.copies as c set ticket = 1 from (select 3 as x) as r where c.lane = r.x",
        "insert into signals.reports (lane, status) select 3, 'x'",
        "with x as (select * from signals.copies as c) select * from x",
    ],
)
def test_a_statement_that_leaves_its_lane_is_noticed(body: str) -> None:
    text = f"create function f(p_lane smallint) returns void language sql as $$ {body} $$"
    assert strays(pglast.parse_sql(text)[0].stmt)[1]
    text = f"create function f(p_lane smallint) returns void language plpgsql as $$ begin {body}; end $$"
    assert strays(pglast.parse_sql(text)[0].stmt)[1]


# Rows ----------------------------------------------------------------------------------------------------------------

MASTER, NEAR, FAR = 1, 2, 3


def hide_other_lanes(plane: Plane) -> None:
    """From now on a session of the gateway sees, and writes, rows of the one lane that it has said."""
    for table in sorted(LANE_TABLES):
        plane.admin.execute(
            f"""
            alter table {table} enable row level security;
            alter table {table} force row level security;
            create policy one_lane on {table} as restrictive
                using (coalesce(nullif(current_setting('test.lane', true), ''), lane::text) = lane::text);
            """.encode()
        )


def under(plane: Plane, lane: int | None) -> Plane:
    """The plane, with its gateway session confined to a lane; None: to none."""
    plane.gateway.execute("select set_config('test.lane', %s, false)", ["" if lane is None else str(lane)])
    return plane


def without_ids(deliveries: list[Delivery], copiers: list[Copier]) -> list[Any]:
    numbers = {copier.subscription: number for number, copier in enumerate(copiers)}
    return [
        each.__dict__ | {"subscription_id": numbers[each.subscription_id], "stream_id": None, "session_id": None}
        for each in deliveries
    ]


def everything_happens(plane: Plane) -> list[Any]:
    """A flow that takes every hot call through most of what it can answer; each under its own lane."""
    under(plane, None)
    masters = [plane.master(lane=MASTER, rate=1, burst=6) for _ in range(2)]
    first, second = masters
    copiers = [
        plane.copier(first, lane=NEAR),
        plane.copier(first, lane=NEAR, multiplier="0.1"),
        plane.copier(first, lane=FAR, multiplier="2"),
        plane.copier(second, lane=FAR),
    ]
    seen: list[Any] = []

    def published(*signals: Any) -> None:
        seen.extend(verdict[1:] for verdict in under(plane, MASTER).ingest(signals))

    def dispatched() -> None:
        for lane in (NEAR, FAR):
            for position in [each for each in under(plane, lane).routes(lane) if each.stream_lane == MASTER]:
                fed = under(plane, MASTER).feed([position])
                assert {row[0] for row in fed} <= {position.stream_id}
                seen.extend(without_ids(under(plane, lane).dispatch(lane, [position], fed), copiers))

    opening = first.signal("OPEN", 1, volume="0.30")
    published(opening, opening, first.signal("MODIFY", 1), second.signal("OPEN", 1), opening.but(magic=1))
    published(opening, first.signal("OPEN", 2, volume=0), first.signal("OPEN", 9, seq=9), opening.forged())
    dispatched()
    dispatched()
    for copier in copiers:
        batch = [
            copier.report(1, volume="0.01"),
            copier.report(1, ticket=6),
            copier.report(2, "FAILED"),
            copier.report(99),
        ]
        seen.extend(verdict[1:] for verdict in under(plane, copier.lane).report(batch))
    published(first.signal("PARTIAL_CLOSE", 1, volume="0.10"), second.signal("CLOSE", 1))
    under(plane, None).reset_trust(first.account, "provider")
    published(*(first.signal("OPEN", position) for position in range(10, 18)))
    seen.append(first.resync(2))
    seen.append(first.resync(2)["code"])
    published(first.signal("OPEN", 3), first.signal("CLOSE", 1))
    for copier in copiers:
        under(plane, copier.lane)
        for last in (99, 0):
            answer = copier.resume(last)
            seen.append((answer["code"], answer["state"], answer["delivery_seq"], answer["stream"] is None))
    dispatched()
    for lane in (NEAR, FAR):
        there = [copier for copier in copiers if copier.lane == lane]
        seen.extend(without_ids(under(plane, lane).deliveries(there, after=1), copiers))
    heads = under(plane, MASTER).gateway.execute("select * from signals.heads(%s::smallint)", [MASTER]).fetchall()
    seen.append([next(head[1:] for head in heads if head[0] == master.stream) for master in masters])
    for action in ("AMEND", "SNAPSHOT"):
        published(first.signal(action, 3, stop_loss="1.05", book=json.dumps([held(1), held(20)])))
    dispatched()
    for copier in copiers:
        portfolio = under(plane, None).value(
            "select portfolio_id from signals.subscriptions where subscription_id = %s", copier.subscription
        )
        plane.protect(portfolio, "DRAWDOWN", "500", action="CLOSE_ALL")
        newest = copier.newest
        beats = [
            Heartbeat(copier.lane, copier.session, portfolio, equity=equity, subscription=copier.subscription)
            for equity in ("10000", "9400")
        ]
        under(plane, copier.lane)
        seen.append(plane.note_equity(beats))
        books = copier.books(Holding(8, 3, volume="0.01"), Holding(9), last=newest)
        seen.append([books[name] for name in ("code", "settled", "differences", "delivery_seq")])
        caught = plane.gateway.execute("select signals.deliveries(%s::smallint, %s, %s, true, 99)",
            [copier.lane, [copier.subscription], [newest]]).fetchall()  # fmt: skip
        seen.append(len(caught))
    under(plane, None)
    seen.append(plane.differences(stream_id=first.stream))
    for copier in copiers:
        seen.append(copier.reasons())
        seen.append(
            plane.rows("select status from signals.copies where subscription_id = %s order by 1", copier.subscription)
        )
    seen.append(plane.verify())
    return seen


def test_a_whole_flow_is_the_same_when_every_other_lane_is_hidden(own_plane: Plane) -> None:
    expected = everything_happens(own_plane)
    assert len(expected) > 60
    verdicts = {each[0] for each in expected if isinstance(each, tuple)}
    assert {"ACCEPTED", "DUPLICATE", "REPLAY", "GAP", "BAD_SIGNATURE", "MALFORMED", "RATE_LIMITED"} <= verdicts
    hide_other_lanes(own_plane)
    assert everything_happens(own_plane) == expected


def test_under_another_lane_the_same_calls_find_nothing(own_plane: Plane) -> None:
    """Otherwise nothing was hidden, and the test above proves nothing."""
    hide_other_lanes(own_plane)
    master = own_plane.master(lane=MASTER)
    copier = own_plane.copier(master, lane=NEAR)
    master.does("OPEN", 1)
    positions = own_plane.routes(NEAR)
    fed = own_plane.feed(positions)
    under(own_plane, FAR)
    assert own_plane.routes(NEAR) == []
    assert own_plane.feed(positions) == []
    assert own_plane.dispatch(NEAR, positions, fed) == []
    assert copier.resume()["code"] == "TRA06"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        master.send(master.signal("OPEN", 2))
