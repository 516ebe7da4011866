"""Kill switches: everything, a stream, an account or a symbol. What they do to signals is in test_ingest, too."""

import json
import threading
from typing import Any

import psycopg
import pytest

from tests.db.plane import Copier, Delivery, Master, Plane, told

pytestmark = pytest.mark.core

SWITCHES = ["GLOBAL", "STREAM", "PROVIDER", "SUBSCRIBER", "SYMBOL", "BROKER_SYMBOL"]


def named(switch: str, master: Master, copier: Copier) -> tuple[str, object]:
    """The halt that is meant: scope and subject. Of an account there are two sorts, and of a symbol."""
    return {
        "GLOBAL": ("GLOBAL", None),
        "STREAM": ("STREAM", master.stream),
        "PROVIDER": ("ACCOUNT", master.account),
        "SUBSCRIBER": ("ACCOUNT", copier.account),
        "SYMBOL": ("SYMBOL", "EURUSD"),
        "BROKER_SYMBOL": ("SYMBOL", "EURUSD.x"),
    }[switch]


@pytest.mark.parametrize("switch", SWITCHES)
def test_it_stops_openings_that_were_accepted_and_no_close(
    plane: Plane, master: Master, copier: Copier, switch: str
) -> None:
    copier.uploads("EURUSD.x")
    master.does("OPEN", 1)
    copier.receives()
    master.does("OPEN", 2)
    master.does("CLOSE", 1)
    plane.halt(*named(switch, master, copier))
    assert told(copier.receives()) == [("CLOSE", 1)]
    assert copier.reasons() == ["COPIED", "HALTED", "COPIED"]
    assert copier.status(2) == "MISSED"


@pytest.mark.parametrize("switch", SWITCHES)
def test_whoever_asks_why_is_told_which_switch_it_was(
    plane: Plane, master: Master, copier: Copier, switch: str
) -> None:
    copier.uploads("EURUSD.x")
    master.does("OPEN", 1)
    plane.halt(*named(switch, master, copier))
    copier.receives()
    name = plane.value("select name from signals.streams")
    why = plane.explain(copier.subscription, 1)
    halted = {
        "GLOBAL": "everything that raises exposure",
        "STREAM": f"stream {master.stream} ({name})",
        "PROVIDER": f"account {master.account}, the provider",
        "SUBSCRIBER": f"account {copier.account}, the subscriber",
        "SYMBOL": "symbol EURUSD",
        "BROKER_SYMBOL": "symbol EURUSD.x",
    }[switch]
    assert why["sentence"] == f"Skipped: an operator had halted {halted}."
    assert (why["outcome"], why["reason"], why["rule"], why["value"]) == ("SKIPPED", "HALTED", "halt", halted)


def test_of_what_was_refused_the_explanation_names_the_switch_too(plane: Plane, master: Master, copier: Copier) -> None:
    plane.halt("SYMBOL", "EURUSD")
    master.does("OPEN")
    why = plane.explain(copier.subscription, 1)
    assert (why["outcome"], why["reason"]) == ("REFUSED", "TRS41")
    assert "(HALTED). The symbol is halted by an operator" in why["sentence"]


def test_a_subscriber_that_is_halted_leaves_the_others(plane: Plane, master: Master, copier: Copier) -> None:
    other = plane.copier(master)
    plane.halt("ACCOUNT", copier.account)
    assert master.does("OPEN").verdict == "ACCEPTED"
    assert (told(copier.receives()), told(other.receives())) == ([], [("OPEN", 1)])


def test_a_provider_that_is_halted_publishes_nothing_through_a_stream_of_yesterday_or_of_tomorrow(
    plane: Plane, master: Master
) -> None:
    plane.halt("ACCOUNT", master.account)
    other = plane.master()
    plane.admin.execute("update signals.streams set account_id = %s", [master.account])
    assert [one.does("OPEN").code for one in (master, other)] == ["TRS40", "TRS40"]


def test_who_subscribes_to_a_halted_stream_is_halted_too(plane: Plane, master: Master) -> None:
    master.does("OPEN", 1)
    plane.halt("STREAM", master.stream)
    copier = plane.copier(master, late_join="ALL")
    copier.uploads("EURUSD")
    copier.resume()
    assert copier.receives() == []
    plane.lift_halt("STREAM", master.stream)
    copier.resume()
    assert [delivery.action for delivery in plane.deliveries([copier])] == ["OPEN"]


@pytest.mark.parametrize("switch", SWITCHES)
def test_an_opening_that_was_decided_before_is_counted_and_not_executed_after_it(
    plane: Plane, master: Master, switch: str
) -> None:
    copier = plane.copier(master, ttl="1 hour")
    copier.uploads("EURUSD.x")
    master.does("OPEN", 1)
    plane.pump(copier.lane)
    master.does("CLOSE", 1)
    plane.pump(copier.lane)
    owed = [(delivery.action, delivery.gap_fill) for delivery in plane.deliveries([copier])]
    assert owed == [("OPEN", False), ("CLOSE", False)]
    plane.halt(*named(switch, master, copier))
    owed = [(delivery.action, delivery.gap_fill) for delivery in plane.deliveries([copier])]
    assert owed == [("OPEN", True), ("CLOSE", False)]


def test_of_several_the_widest_is_named(plane: Plane, master: Master) -> None:
    found = []
    for scope, subject in [
        ("SYMBOL", "EURUSD"),
        ("ACCOUNT", master.account),
        ("STREAM", master.stream),
        ("GLOBAL", None),
    ]:
        plane.halt(scope, subject)
        found.append(master.does("OPEN").code)
    assert found == ["TRS41", "TRS40", "TRS39", "TRS08"]


class TestAtOnce:
    def test_a_batch_that_waits_while_it_is_called_is_judged_by_it(self, plane: Plane, master: Master) -> None:
        """What counts is what is committed when the batch has its locks, not when it was sent."""
        codes: list[str | None] = []
        with plane.connect("ecp_gateway") as waiting, psycopg.connect(plane.url) as holder:
            holder.execute("select from signals.stream_heads where stream_id = %s for update", [master.stream])

            def publish() -> None:
                codes.extend(verdict.code for verdict in plane.ingest([master.signal("OPEN")], waiting))

            batch = threading.Thread(target=publish)
            batch.start()
            while not plane.value(
                "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", waiting.info.backend_pid
            ):
                pass
            plane.halt("STREAM", master.stream)
            holder.commit()
            batch.join(60)
        assert codes == ["TRS39"]

    def test_a_dispatch_that_waits_for_a_wallet_while_it_is_called_is_judged_by_it(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        wallet = plane.value("select billing.open_wallet(%s, 'USD')", copier.account)
        plan = plane.value(
            "select billing.write_plan(%s, %s, 'a test')", master.stream, '{"currency": "USD", "flat": "1"}'
        )
        plane.operator.execute("select billing.deposit(%s, 'USD', 100, 'a test', 'a test')", [copier.account])
        plane.operator.execute("select billing.assign_plan(%s, %s, 'a test')", [copier.subscription, plan])
        master.does("OPEN")
        decided: list[Delivery] = []
        with plane.connect("ecp_gateway") as waiting, psycopg.connect(plane.url) as holder:
            holder.execute("select from billing.ledger_accounts where ledger_account_id = %s for update", [wallet])

            def dispatch() -> None:
                decided.extend(plane.pump(copier.lane, connection=waiting))

            batch = threading.Thread(target=dispatch)
            batch.start()
            while not plane.value(
                "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", waiting.info.backend_pid
            ):
                pass
            plane.halt("GLOBAL")
            holder.commit()
            batch.join(60)
        assert decided == []
        assert copier.reasons() == ["HALTED"]

    def test_it_waits_for_nobody_who_trades(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        with plane.connect("ecp_gateway") as busy, busy.transaction():
            plane.pump(copier.lane, connection=busy)
            plane.ingest([master.signal("OPEN", 2)], busy)
            plane.operator.execute("set lock_timeout = '1ms'")
            for switch in SWITCHES[:-1]:
                plane.halt(*named(switch, master, copier))
            plane.operator.execute("reset lock_timeout")
        assert master.does("OPEN", 3).code == "TRS08"


class TestWhoAndWhy:
    def test_it_is_told_to_whoever_is_on_duty(self, plane: Plane, master: Master) -> None:
        plane.halt("STREAM", master.stream)
        plane.tick(seconds=3)
        plane.halt()
        name = plane.value("select name from signals.streams")
        rows = plane.operator.execute("select * from ops.halts order by since").fetchall()
        assert rows == [
            (
                "STREAM",
                str(master.stream),
                "a drill",
                "a test",
                plane.value("select core.now() - interval '3 seconds'"),
                name,
            ),
            ("GLOBAL", None, "a drill", "a test", plane.now, None),
        ]

    @pytest.mark.parametrize("view", ["analytics.streams", "ops.stream_states"])
    @pytest.mark.parametrize("switch", ["GLOBAL", "STREAM", "PROVIDER"])
    def test_the_stream_shows_it(self, plane: Plane, master: Master, copier: Copier, view: str, switch: str) -> None:
        def shown() -> tuple[Any, ...] | None:
            query = f"select status, status_reason, status_at from {view}"
            return plane.operator.execute(query.encode()).fetchone()

        assert shown() == ("ACTIVE", None, None)
        plane.halt(*named(switch, master, copier))
        assert shown() == ("HALTED", "a drill", plane.now)
        plane.admin.execute("update signals.streams set status = 'CLOSED'")
        assert shown() == ("CLOSED", None, None), "closed is closed"

    def test_halting_again_changes_who_and_why_and_not_since_when(self, plane: Plane) -> None:
        plane.halt()
        plane.tick(seconds=3)
        plane.operator.execute("select signals.halt('GLOBAL', null, 'it is serious', 'another')")
        rows = plane.rows("select reason, actor, core.now() - since from ops.halts")
        assert [(reason, actor, age.total_seconds()) for reason, actor, age in rows] == [
            ("it is serious", "another", 3)
        ]
        befores = plane.rows(
            "select before ->> 'reason' from audit.records where kind = 'signals.halt' order by record_id"
        )
        assert befores == [None, "a drill"]

    def test_it_is_recorded(self, plane: Plane, master: Master) -> None:
        plane.halt("STREAM", master.stream)
        row = plane.record(
            "select subject, actor, reason, before, after from audit.records where kind = 'signals.halt'"
        )
        assert row["subject"] == {"scope": "STREAM", "subject": str(master.stream)}
        assert (row["actor"], row["reason"], row["before"]) == ("a test", "a drill", None)
        assert row["after"]["since"].startswith(plane.now.date().isoformat())


@pytest.mark.usefixtures("master")
@pytest.mark.parametrize(
    ("scope", "subject", "rule"),
    [
        ("LANE", "1", "halts_scope_known"),
        (None, None, "halts_scope_not_null"),
        ("GLOBAL", "1", "halts_subject_fits"),
        ("STREAM", None, "halts_subject_fits"),
        ("STREAM", "EURUSD", "halts_subject_fits"),
        ("STREAM", "999999", "subject_known"),
        ("STREAM", "9" * 19, "halts_subject_fits"),
        ("ACCOUNT", "-1", "halts_subject_fits"),
        ("ACCOUNT", "999999", "subject_known"),
        ("SYMBOL", "", "halts_subject_fits"),
        ("SYMBOL", "EURUDS", "subject_known"),
    ],
)  # fmt: skip
def test_what_is_not_there_cannot_be_halted(plane: Plane, scope: str | None, subject: str | None, rule: str) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.operator.execute("select signals.halt(%s, %s, 'a drill', 'a test')", [scope, subject])
    assert refusal.value.sqlstate == "TRS42"
    assert f'"rule": "{rule}"' in (refusal.value.diag.message_detail or "")
    assert plane.rows("select from ops.halts") == []
    assert plane.rows("select from audit.records where kind = 'signals.halt'") == []


@pytest.mark.parametrize(("reason", "actor"), [(None, "a test"), ("a drill", None), (" ", "a test"), ("a drill", "")])
def test_it_must_be_said_who_and_why(plane: Plane, reason: str | None, actor: str | None) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.operator.execute("select signals.halt('GLOBAL', null, %s, %s)", [reason, actor])
    assert refusal.value.sqlstate == "TRS42"
    assert plane.rows("select from ops.halts") == []


def test_who_listens_hears_of_a_halt_and_of_its_end(plane: Plane) -> None:
    with plane.connect("ecp_gateway") as listener:
        listener.execute("listen ecp_alerts")
        plane.halt("GLOBAL", None)
        plane.lift_halt("GLOBAL", None)
        notes = [json.loads(note.payload) for note in listener.notifies(timeout=5, stop_after=2)]
    assert [note["what"] for note in notes] == ["halt", "lift_halt"]
    assert all(note["scope"] == "GLOBAL" for note in notes)
