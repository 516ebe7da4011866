"""The economic calendar."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def schedule(plane: Plane, **changes: Any) -> int:
    given = {"currency": "USD", "at": plane.now, "impact": "HIGH", "title": "Payrolls"} | changes
    row = plane.operator.execute("select signals.schedule_news(%s, %s, %s, %s)", list(given.values())).fetchone()
    assert row
    return int(row[0])


def test_news_is_entered(plane: Plane) -> None:
    news = schedule(plane)
    row = plane.record("select * from signals.news")
    assert row == {"news_id": news, "currency": "USD", "at": plane.now, "impact": "HIGH", "title": "Payrolls"}


def test_the_same_news_again_only_changes_its_impact(plane: Plane) -> None:
    assert schedule(plane, impact="LOW") == schedule(plane)
    assert plane.rows("select impact from signals.news") == ["HIGH"]
    assert schedule(plane, at=plane.now + timedelta(days=1)) != schedule(plane)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"currency": "usd"}, "currency_shape"),
        ({"currency": None}, "currency_not_null"),
        ({"impact": "SOME"}, "impact_known"),
        ({"title": ""}, "title_length"),
        ({"title": "x" * 201}, "title_length"),
        ({"at": None}, "at_not_null"),
    ],
)
def test_news_keeps_its_rules(plane: Plane, changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        schedule(plane, **changes)
    assert refusal.value.sqlstate == "TRS29"
    assert json.loads(str(refusal.value.diag.message_detail))["rule"] == f"news_{rule}"
