"""What a terminal refused beside its reports."""

import json

import psycopg
import pytest

from tests.db.plane import Copier, Plane

pytestmark = pytest.mark.core

NOTE = "select signals.note_event(%s, %s, %s, %s)"


def test_it_is_kept_as_the_guard_s(plane: Plane, copier: Copier) -> None:
    token = plane.license(copier.account, "api").token
    with plane.connect("ecp_tenant") as tenant, tenant.transaction():
        tenant.execute("select access.act_for(%s)", [token])
        tenant.execute(NOTE, [copier.subscription, "TRG02", 7, json.dumps({"points": 31})])
        found = tenant.execute("select origin, code, name, stream, seq, detail from analytics.protection_events as e"
                               " join analytics.subscriptions using (subscription_id)").fetchall()  # fmt: skip
    stream = plane.value("select stream_name from signals.subscriptions")
    assert found == [("GUARD", "TRG02", "PRICE_DEVIATION", stream, 7, {"points": 31})]


def test_a_terminal_may_have_codes_of_its_own(plane: Plane, copier: Copier) -> None:
    plane.operator.execute(NOTE, [copier.subscription, "NO_MARGIN", None, None])
    assert plane.value("select code from signals.protection_events") == "NO_MARGIN"


@pytest.mark.parametrize("code", ["TRS01", "TRG99", "TR", "", "x" * 65, None])
def test_the_plane_s_codes_are_the_plane_s(plane: Plane, copier: Copier, code: str | None) -> None:
    with pytest.raises(psycopg.Error) as raised:
        plane.operator.execute(NOTE, [copier.subscription, code, None, None])
    assert raised.value.sqlstate == "TRS43"


def nested(levels: int) -> str:
    return "[" * levels + "1" + "]" * levels


@pytest.mark.parametrize(
    ("most", "more", "rule"),
    [
        (f'"{"x" * 4094}"', f'"{"é" * 2048}"', "detail_of_4096_bytes"),
        (nested(10), nested(11), "detail_of_10_levels"),
        (json.dumps({"a": [{"b": []}]}), json.dumps({"a": json.loads(nested(10))}), "detail_of_10_levels"),
    ],
)
def test_detail_is_short_and_flat(plane: Plane, copier: Copier, most: str, more: str, rule: str) -> None:
    plane.operator.execute(NOTE, [copier.subscription, "TRG01", None, most])
    with pytest.raises(psycopg.Error) as raised:
        plane.operator.execute(NOTE, [copier.subscription, "TRG01", None, more])
    assert (raised.value.sqlstate, rule in (raised.value.diag.message_detail or "")) == ("TRS43", True)


def test_a_subscription_that_does_not_exist(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as raised:
        plane.operator.execute(NOTE, [1, "TRG01", None, None])
    assert raised.value.sqlstate == "TRS17"
