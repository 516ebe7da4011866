"""Explain: why a signal was, or was not, copied, in one row."""

from typing import Any

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def explained(plane: Plane, copier: Copier, seq: int = 1, epoch: int = 1) -> tuple[Any, ...]:
    row = plane.explain(copier.subscription, seq, epoch)
    return row["outcome"], row["reason"], row["sentence"]


def test_a_delivery_says_how_its_lot_came_about(plane: Plane, master: Master) -> None:
    copier = plane.copier(master, multiplier="0.333")
    master.does("OPEN", volume="0.10")
    copier.receives()
    row = plane.explain(copier.subscription, 1)
    assert (row["outcome"], row["reason"], row["verdict"], row["stream"]) == (
        "DELIVERED",
        "COPIED",
        "ACCEPTED",
        master.name,
    )
    assert (str(row["master_volume"]), str(row["volume"]), row["delivery_seq"]) == ("0.1", "0.03", 1)
    assert row["formula"] == "0.1 lots x 0.333 = 0.0333, down to step 0.01 = 0.03, within 0.01 to 100"
    assert row["settings_version"] == 1
    assert row["sentence"] == "Delivered as 1; no report yet."


def test_a_partial_close_says_how_its_remainder_came_about(plane: Plane, master: Master) -> None:
    copier = plane.copier(master, multiplier="0.5")
    master.does("OPEN", 1, volume="0.30")
    master.does("PARTIAL_CLOSE", 1, volume="0.10")
    copier.receives()
    formula = plane.explain(copier.subscription, 2)["formula"]
    assert formula == "0.1 of the master's 0.3 lots remain, so of the copy's 0.15: 0.05, down to step 0.01 = 0.05"


def test_a_report_is_part_of_the_story(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1, price="1.10000")
    master.does("CLOSE", 1)
    copier.receives()
    copier.reports(1, ticket=77, price="1.10005")
    copier.reports(2, "FAILED", code="TRG04")
    row = plane.explain(copier.subscription, 1)
    assert (row["report"], row["ticket"], str(row["fill_price"]), str(row["slippage"])) == (
        "EXECUTED",
        77,
        "1.10005",
        "0.00005",
    )
    assert row["sentence"] == "Copied: delivery 1 was executed, ticket 77."
    assert explained(plane, copier, 2) == (
        "DELIVERED",
        "COPIED",
        "Delivered as 2, but not executed (TRG04). The broker refused the order.",
    )


def test_a_broker_s_own_code_needs_no_entry_in_the_registry(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1, "FAILED", code="10019")
    assert explained(plane, copier)[2] == "Delivered as 1, but not executed (10019). "


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("ALREADY_COPIED", "Skipped: this position is copied already."),
        (
            "NOT_COPIED",
            "Skipped: the position it manages was never copied, or is closed already, "
            "or the settings leave out its stops.",
        ),
        ("BELOW_MINIMUM", "Skipped: 0.01 lots is below the minimum of 0.02."),
        ("TTL_EXPIRED", "Skipped: 500.001 ms old when decided, the subscription allows 500 ms."),
        ("SNAPSHOT_RECORDED", "Recorded: a snapshot of the master's book is not traded."),
        ("PAUSED_BY_USER", "Skipped: the subscription was PAUSED_BY_USER and took no new exposure."),
    ],
)
def test_every_skip_has_its_sentence(plane: Plane, master: Master, reason: str, sentence: str) -> None:
    copier = plane.copier(master, volume_min="0.02")
    master.does("OPEN", 1)
    copier.receives()
    match reason:
        case "ALREADY_COPIED":
            master.does("OPEN", 1)
        case "NOT_COPIED":
            master.does("CLOSE", 2)
        case "BELOW_MINIMUM":
            master.does("OPEN", 2, volume="0.01")
        case "TTL_EXPIRED":
            master.does("OPEN", 2)
            plane.tick(microseconds=500_001)
        case "SNAPSHOT_RECORDED":
            master.does("SNAPSHOT", book="[]")
        case _:
            plane.transition(copier.subscription, "user_pause")
            master.does("OPEN", 2)
    copier.receives()
    assert explained(plane, copier, 2) == ("SKIPPED", reason, sentence)


def test_a_refused_signal_says_why_the_plane_refused_it(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", volume="0.015")
    assert explained(plane, copier) == (
        "REFUSED",
        "TRS13",
        "Not copied: the plane refused the signal (MALFORMED). The volume is not a multiple of the symbol's step.",
    )


def test_what_is_not_dispatched_yet_is_pending(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    assert explained(plane, copier) == ("PENDING", None, "Accepted; not dispatched yet.")


def test_what_came_before_the_subscription_is_not_its(plane: Plane, master: Master) -> None:
    master.does("OPEN")
    master.does("CLOSE", 1)
    assert explained(plane, plane.copier(master)) == (
        "BEFORE_SUBSCRIPTION",
        None,
        "Not copied: the subscription began after this signal.",
    )


def test_what_was_open_before_the_subscription_is_explained_by_late_join(plane: Plane, master: Master) -> None:
    master.does("OPEN", 1)
    plane.tick(hours=1)
    stays_out, declines, joins = (
        plane.copier(master),
        plane.copier(master, late_join="MAX_AGE", late_join_max_age="30 minutes"),
        plane.copier(master, late_join="ALL"),
    )
    for copier in (stays_out, declines, joins):
        copier.uploads("EURUSD")
        copier.resume()
    assert explained(plane, stays_out) == (
        "BEFORE_SUBSCRIPTION",
        None,
        "Not copied: the subscription began after this signal.",
    )
    assert explained(plane, declines) == (
        "SKIPPED",
        "LATE_JOIN",
        "Skipped by late join: opened 3600.0 s ago, the settings allow MAX_AGE 00:30:00.",
    )
    assert explained(plane, joins) == ("DELIVERED", "CAUGHT_UP", "Caught up (resume). Delivered as 1; no report yet.")


def test_what_came_after_the_end_is_not_its(plane: Plane, master: Master, copier: Copier) -> None:
    plane.transition(copier.subscription, "end")
    master.does("OPEN")
    copier.receives()
    assert explained(plane, copier) == ("AFTER_END", None, "Not copied: the subscription had ended.")


def test_what_is_not_its_a_subscriber_learns_nothing_of(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    master.does("OPEN", 2, volume="0.015")
    copier.receives()
    plane.transition(copier.subscription, "end")
    master.does("OPEN", 3)
    token = plane.license(copier.account, "api").token
    ask = "select outcome, action, symbol, side, master_volume from signals.explain(%s, 1, %s)"
    with plane.connect("ecp_tenant") as tenant, tenant.transaction():
        tenant.execute("select access.act_for(%s)", [token])
        delivered, refused, ended = (
            tenant.execute(ask, [copier.subscription, seq]).fetchone() or () for seq in (1, 2, 3)
        )
    assert delivered[:4] == ("DELIVERED", "OPEN", "EURUSD", "BUY")
    assert refused == ("REFUSED", None, None, None, None)
    assert ended == ("AFTER_END", None, None, None, None)
    assert plane.explain(copier.subscription, 3)["symbol"] == "EURUSD"


def test_what_never_was_is_unknown(plane: Plane, copier: Copier) -> None:
    assert explained(plane, copier, 99) == ("UNKNOWN", None, "The plane holds no such signal of this stream.")


def test_an_unknown_subscription_has_nothing_to_explain(plane: Plane) -> None:
    assert plane.operator.execute("select * from signals.explain(999999, 1, 1)").fetchall() == []
