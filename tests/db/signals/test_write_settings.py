"""Copy settings: versions that never change, and rules that are named when they are broken."""

import json
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Copier, Plane

pytestmark = pytest.mark.core

NAN, INFINITY = Decimal("NaN"), Decimal("Infinity")


def write(plane: Plane, subscription: int, **changes: Any) -> int:
    given = {
        "multiplier": Decimal(1),
        "volume_min": Decimal("0.01"),
        "volume_max": Decimal(100),
        "volume_step": Decimal("0.01"),
        "max_deviation_points": None,
        "ttl_ms": 500,
    } | changes
    row = plane.operator.execute(
        "select signals.write_settings(%s, %s, %s, %s, %s, %s, %s)", [subscription, *given.values()]
    ).fetchone()
    assert row
    return int(row[0])


def test_a_new_version_is_used_from_now_on_and_the_old_one_stays(plane: Plane, copier: Copier) -> None:
    assert write(plane, copier.subscription, multiplier=Decimal(2)) == 2
    assert write(plane, copier.subscription, multiplier=Decimal(3)) == 3
    assert plane.rows("select version, multiplier::int from signals.copy_settings order by 1") == [
        (1, 1),
        (2, 2),
        (3, 3),
    ]
    assert plane.value("select settings_version from signals.subscriptions") == 3


def test_an_unknown_subscription_has_no_settings(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        write(plane, 999_999)
    assert refusal.value.sqlstate == "TRS17"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        *(({"multiplier": value}, "multiplier_range") for value in (Decimal(0), Decimal(-1), Decimal(1001))),
        *(({"multiplier": value}, "multiplier_range") for value in (NAN, INFINITY, -INFINITY)),
        *(({"volume_min": value}, "volume_range") for value in (Decimal(0), Decimal("-0.01"), Decimal(101))),
        *(({"volume_min": value}, "volume_on_step") for value in (NAN, INFINITY, Decimal("0.015"))),
        *(({"volume_max": value}, "volume_range") for value in (Decimal(0), Decimal(1000000001))),
        *(({"volume_max": value}, "volume_on_step") for value in (NAN, INFINITY, Decimal("1.005"))),
        *(({"volume_step": value}, "volume_step_range") for value in (Decimal(0), Decimal("-0.01"))),
        *(({"volume_step": value}, "volume_on_step") for value in (NAN, INFINITY, Decimal("0.03"))),
        *(({"max_deviation_points": value}, "max_deviation_positive") for value in (0, -1)),
        *(({"ttl_ms": value}, "ttl_range") for value in (0, -1, 3_600_001, 2**31 - 1)),
        *(
            ({name: None}, f"{column}_not_null")
            for name, column in [
                ("multiplier", "multiplier"),
                ("volume_min", "volume_min"),
                ("volume_max", "volume_max"),
                ("volume_step", "volume_step"),
                ("ttl_ms", "ttl"),
            ]
        ),
    ],
)
def test_a_broken_rule_is_named_and_nothing_is_written(
    plane: Plane, copier: Copier, change: dict[str, Any], rule: str
) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        write(plane, copier.subscription, **change)
    assert refusal.value.sqlstate == "TRS20"
    detail = json.loads(str(refusal.value.diag.message_detail))
    assert detail == {"subscription": copier.subscription, "rule": f"copy_settings_{rule}"}
    assert plane.value("select settings_version from signals.subscriptions") == 1
    assert write(plane, copier.subscription) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"multiplier": Decimal(1000)},
        {"volume_min": Decimal(100)},
        {"volume_max": Decimal("0.01")},
        {"max_deviation_points": 1},
        {"max_deviation_points": 2**31 - 1},
        {"ttl_ms": 3_600_000},
        {"ttl_ms": 1},
    ],
)
def test_the_edges_of_the_rules_are_inside(plane: Plane, copier: Copier, change: dict[str, Any]) -> None:
    assert write(plane, copier.subscription, **change) == 2
