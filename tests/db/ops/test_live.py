"""What happens now, in one row."""

from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def live(plane: Plane) -> dict[str, Any]:
    """As an operator reads it."""
    (row,) = plane.operator.cursor(row_factory=dict_row).execute("select * from ops.live").fetchall()
    return row


def test_a_plane_on_which_nothing_happens_has_a_row_too(plane: Plane) -> None:
    row = live(plane)
    assert (row["signals"], row["deliveries"], row["unanswered"]) == (0, 0, 0)
    assert (row["masters"], row["copiers"], row["streams"]) == (0, 0, 0)
    assert (row["verdicts"], row["states"], row["latency"], row["halts"]) == ({}, {}, [], [])


def test_it_counts_what_came_and_was_delivered_and_who_is_connected(
    plane: Plane, master: Master, copier: Copier
) -> None:
    master.does("OPEN")
    (delivery,) = copier.receives()
    copier.reports(delivery.delivery_seq)
    row = live(plane)
    assert (row["signals"], row["deliveries"]) == (1, 1)
    assert (row["masters"], row["copiers"], row["streams"]) == (1, 1, 1)
    assert (row["verdicts"], row["states"]) == ({"ACCEPTED": 1}, {"SYNCED": 1})
    assert [stage["stage"] for stage in row["latency"]] == ["RECEIVED", "DECIDED", "EXECUTED", "REPORTED"]
    assert all(stage["samples"] == 1 and stage["p50_ms"] <= stage["p99_ms"] for stage in row["latency"])


def test_a_close_that_nobody_answered_is_counted_until_it_is(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    (opening,) = copier.receives()
    assert live(plane)["unanswered"] == 0, "an opening may come too late, and nothing is lost"
    copier.reports(opening.delivery_seq)
    master.does("CLOSE", 1)
    (close,) = copier.receives()
    assert live(plane)["unanswered"] == 1
    copier.reports(close.delivery_seq)
    assert live(plane)["unanswered"] == 0


def test_what_is_older_than_a_minute_is_counted_and_not_measured(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    copier.receives()
    plane.tick(seconds=61)
    row = live(plane)
    assert (row["signals"], row["deliveries"]) == (1, 1)
    assert (row["verdicts"], row["latency"]) == ({}, [])
    assert (row["masters"], row["copiers"]) == (0, 0), "who was not heard of for a minute is gone"


def test_what_is_halted_is_there_with_its_alarm(plane: Plane, master: Master) -> None:
    plane.halt("STREAM", master.stream)
    row = live(plane)
    assert [halt["scope"] for halt in row["halts"]] == ["STREAM"]
    assert "HALTED" in [alarm["alarm"] for alarm in row["alarms"]]
