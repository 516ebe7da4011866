"""Trading hours as people write them, and as the minutes of the week that dispatch compares."""

import json
from typing import Any

import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core

DAY = 1440


def minutes(plane: Plane, *hours: str | None) -> list[tuple[int, int]]:
    found = plane.value("select signals.week_minutes(%s::text[])", list(hours))
    return [(each.lower, each.upper) for each in found]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (["Mon 00:00-00:01"], [(0, 1)]),
        (["Tue 08:00-17:30"], [(DAY + 480, DAY + 1050)]),
        (["Mon-Sun 00:00-24:00"], [(0, 7 * DAY)]),
        (["Mon,Wed 07:00-09:00"], [(420, 540), (2 * DAY + 420, 2 * DAY + 540)]),
        (["Mon-Tue,Thu 01:00-02:00"], [(60, 120), (DAY + 60, DAY + 120), (3 * DAY + 60, 3 * DAY + 120)]),
        (["Sun 22:00-24:00"], [(6 * DAY + 1320, 7 * DAY)]),
        (["Mon 00:00-24:00", "Tue 00:00-01:00"], [(0, DAY + 60)]),
        (["Mon 08:00-10:00", "Mon 09:00-11:00"], [(480, 660)]),
        ([], []),
    ],
)
def test_hours_become_minutes_since_monday(plane: Plane, hours: list[str], expected: list[tuple[int, int]]) -> None:
    assert minutes(plane, *hours) == expected


def test_days_wrap_over_the_end_of_the_week(plane: Plane) -> None:
    assert minutes(plane, "Fri-Mon 08:00-09:00") == [(d * DAY + 480, d * DAY + 540) for d in (0, 4, 5, 6)]


def test_hours_wrap_over_midnight_and_over_the_end_of_the_week(plane: Plane) -> None:
    assert minutes(plane, "Mon 22:00-02:00") == [(1320, DAY + 120)]
    assert minutes(plane, "Mon 22:00-00:00") == [(1320, DAY)]
    assert minutes(plane, "Sun 22:00-02:00") == [(0, 120), (6 * DAY + 1320, 7 * DAY)]


def test_no_hours_are_no_limit(plane: Plane) -> None:
    assert plane.value("select signals.week_minutes(null)") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon",
        "08:00-17:00",
        "Mon 8:00-17:00",
        "Mon 08:00-24:01",
        "Mon 24:00-25:00",
        "Mon 08:60-09:00",
        "Mon 08:00-08:00",
        "mon 08:00-09:00",
        "Mon-Fri-Sun 08:00-09:00",
        "Mon, Tue 08:00-09:00",
        "Mon  08:00-09:00",
        "Mon 08:00-09:00 ",
        "Mon 08:00-09:00\nTue 08:00-09:00",
        "Montag 08:00-09:00",
        None,
    ],
)
def test_what_is_no_time_of_the_week_is_named(plane: Plane, text: Any) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        minutes(plane, "Mon 08:00-09:00", text)
    assert refusal.value.sqlstate == "TRS20"
    assert json.loads(str(refusal.value.diag.message_detail)) == {"rule": "hours", "text": text}
