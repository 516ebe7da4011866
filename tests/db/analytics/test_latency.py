"""Percentiles of every stage, by hour and stream."""

import pytest

from tests.db.plane import Copier, Master, Plane, microseconds

pytestmark = pytest.mark.core


def test_each_stage_is_measured_from_where_the_one_before_ended(plane: Plane, master: Master, copier: Copier) -> None:
    sent = master.signal("OPEN", 1)
    plane.tick(milliseconds=5)
    master.send(sent)
    plane.tick(milliseconds=20)
    (delivery,) = copier.receives()
    arrived = microseconds(plane.now)
    plane.tick(milliseconds=50)
    copier.reports(delivery.delivery_seq, received_us=arrived, executed_us=arrived + 40_000)
    rows = plane.rows("select stage, samples, p50_ms, p99_ms, max_ms from analytics.latency order by stage")
    assert rows == [
        ("DECIDED", 1, 20, 20, 20),
        ("EXECUTED", 1, 40, 40, 40),
        ("RECEIVED", 1, 5, 5, 5),
        ("REPORTED", 1, 50, 50, 50),
        ("WHOLE", 1, 75, 75, 75),
    ]


def test_percentiles_are_of_the_hour(plane: Plane, master: Master) -> None:
    for delay in range(1, 102):
        sent = master.signal("MODIFY", 1)
        plane.tick(milliseconds=delay)
        master.send(sent)
    plane.tick(hours=1)
    master.does("MODIFY", 1)
    query = "select samples, p50_ms, p95_ms, p99_ms, max_ms from analytics.latency order by hour"
    assert plane.admin.execute(query.encode()).fetchall() == [(101, 51, 96, 100, 101), (1, 0, 0, 0, 0)]
