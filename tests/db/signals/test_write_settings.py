"""Copy settings: versions that never change, and rules that are named when they are broken."""

import json
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane, run_together

pytestmark = pytest.mark.core

# Of a version, not of its settings.
MANAGED = {"lane", "subscription_id", "version", "hours_minutes", "created_at", "actor"}

# Between them every key, with another value than its default.
EVERYTHING: list[dict[str, Any]] = [
    {
        "sizing": "RISK",
        "risk_percent": 1.5,
        "volume_min": 0.02,
        "volume_max": 4,
        "volume_step": 0.02,
        "below_minimum": "ROUND_UP",
        "above_maximum": "SKIP",
        "reverse": True,
        "copy_stops": False,
        "symbols": ["EURUSD", "XAUUSD"],
        "excluded_symbols": ["GBPUSD"],
        "sides": ["BUY"],
        "magics": [7, 8],
        "excluded_magics": [9],
        "hours": ["Mon-Fri 08:00-17:30"],
        "zone": "Europe/Berlin",
        "news_before": "00:30:00",
        "news_after": "00:15:00",
        "news_impact": "MEDIUM",
        "trades_per_day": 5,
        "late_join": "MAX_AGE",
        "late_join_max_age": "02:00:00",
        "capital": 10000,
        "max_deviation_points": 12,
        "ttl": "00:00:00.25",
    },
    {"sizing": "FIXED", "fixed_volume": 0.3},
    {"sizing": "EQUITY_RATIO", "multiplier": 2, "align_contract_size": True},
]


def settings(copier: Copier) -> dict[str, Any]:
    """The newest version, as JSON has it."""
    found: dict[str, Any] = copier.plane.value(
        "select to_jsonb(c) from signals.copy_settings as c where subscription_id = %s order by version desc limit 1",
        copier.subscription,
    )
    return found


def refused(copier: Copier, changes: Any) -> dict[str, Any]:
    """The DETAIL of the refusal of these changes."""
    with pytest.raises(psycopg.Error) as refusal:
        copier.plane.operator.execute(
            "select signals.write_settings(%s, %s)", [copier.subscription, json.dumps(changes, default=str)]
        )
    assert refusal.value.sqlstate == "TRS20", refusal.value
    detail: dict[str, Any] = json.loads(str(refusal.value.diag.message_detail))
    assert detail.pop("subscription") == copier.subscription
    return detail


def test_a_new_version_is_used_from_now_on_and_the_old_one_stays(plane: Plane, copier: Copier) -> None:
    assert plane.write_settings(copier.subscription, multiplier=2) == 2
    assert plane.write_settings(copier.subscription, multiplier=3) == 3
    assert plane.rows("select version, multiplier::int from signals.copy_settings order by 1") == [
        (1, 1),
        (2, 2),
        (3, 3),
    ]
    assert plane.value("select settings_version from signals.subscriptions") == 3


def test_what_is_not_said_stays_as_it_was(plane: Plane, copier: Copier) -> None:
    plane.write_settings(copier.subscription, multiplier=2, symbols=["EURUSD"])
    before = settings(copier)
    plane.write_settings(copier.subscription, trades_per_day=3)
    assert settings(copier) == before | {"version": 3, "trades_per_day": 3}


def test_null_takes_a_key_back(plane: Plane, copier: Copier) -> None:
    plane.write_settings(copier.subscription, hours=["Mon 08:00-09:00"], max_deviation_points=5)
    plane.write_settings(copier.subscription, hours=None, max_deviation_points=None)
    now = settings(copier)
    assert (now["hours"], now["hours_minutes"], now["max_deviation_points"]) == (None, None, None)


@pytest.mark.parametrize("given", EVERYTHING, ids=lambda given: given["sizing"])
def test_every_key_is_kept_as_it_was_given(plane: Plane, copier: Copier, given: dict[str, Any]) -> None:
    plane.write_settings(copier.subscription, **given)
    now = settings(copier)
    assert {key: now[key] for key in given} == given


def test_every_column_is_a_key(copier: Copier) -> None:
    """A setting that is added to the table and forgotten in the function is found by the test above, if it is here."""
    assert {key for given in EVERYTHING for key in given} == settings(copier).keys() - MANAGED


def test_the_defaults_are_those_of_the_columns(plane: Plane, copier: Copier) -> None:
    """What subscriptions had got before there were settings by name, and what they get now, is the same."""
    columns = "multiplier, volume_min, volume_max, volume_step, ttl, created_at"
    plane.admin.execute(
        f"insert into signals.copy_settings (lane, subscription_id, version, {columns})"
        f" select lane, subscription_id, 2, {columns} from signals.copy_settings"
    )
    before = plane.value("select to_jsonb(c) from signals.copy_settings as c where version = 1")
    assert settings(copier) == before | {"version": 2, "actor": "operator"}


def test_who_changed_them_and_when_is_kept(plane: Plane, copier: Copier) -> None:
    plane.tick(minutes=5)
    plane.operator.execute("select signals.write_settings(%s, '{}', 'ada')", [copier.subscription])
    row = plane.record("select * from signals.copy_settings where version = 2")
    assert (row["actor"], row["created_at"]) == ("ada", plane.now)
    assert plane.value("select actor from signals.copy_settings where version = 1") == f"account {copier.account}"


def test_decisions_that_were_made_stay_as_they_were(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    plane.pump(copier.lane)
    before = plane.rows("select to_jsonb(d) from signals.decisions as d")
    plane.write_settings(copier.subscription, multiplier=3, symbols=["XAUUSD"], reverse=True)
    assert plane.pump(copier.lane) == []
    assert plane.rows("select to_jsonb(d) from signals.decisions as d") == before
    (again,) = plane.deliveries([copier])
    assert (again.side, again.volume_e8) == ("BUY", 10_000_000)


def test_two_changes_at_once_are_two_versions(plane: Plane, copier: Copier) -> None:
    def change(key: str, value: int) -> None:
        with plane.connect("ecp_operator") as connection:
            connection.execute("select signals.write_settings(%s, %s)", [copier.subscription, json.dumps({key: value})])

    run_together(lambda: change("multiplier", 2), lambda: change("trades_per_day", 2))
    now = settings(copier)
    assert (now["version"], now["multiplier"], now["trades_per_day"]) == (3, 2, 2)


def test_an_unknown_subscription_has_no_settings(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.write_settings(999_999)
    assert refusal.value.sqlstate == "TRS17"


@pytest.mark.parametrize("key", ["colour", "ttl_ms", "Multiplier", "", *sorted(MANAGED)])
def test_a_key_that_is_no_setting_is_named(copier: Copier, key: str) -> None:
    assert refused(copier, {"multiplier": 2, key: 1}) == {"rule": "key_known", "key": key}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("multiplier", "much"),
        ("multiplier", [1]),
        ("multiplier", True),
        ("max_deviation_points", 1.5),
        ("trades_per_day", 2**31),
        ("reverse", "perhaps"),
        ("ttl", "soon"),
        ("ttl", "infinitely"),
        ("symbols", "EURUSD"),
        ("symbols", {"EURUSD": True}),
        ("magics", ["one"]),
    ],
)
def test_a_value_of_another_type_is_named(copier: Copier, key: str, value: Any) -> None:
    assert refused(copier, {key: value}) == {"rule": "value_type", "key": key}


@pytest.mark.parametrize("given", [[], ["multiplier"], 7, "multiplier", True])
def test_settings_are_an_object(copier: Copier, given: Any) -> None:
    assert refused(copier, given) == {"rule": "value_type"}


@pytest.mark.parametrize("zone", ["UTC", "BROKER", "Europe/Berlin", "Etc/GMT+5", "Asia/Kolkata"])
def test_zones_are_those_that_have_a_name(plane: Plane, copier: Copier, zone: str) -> None:
    assert plane.write_settings(copier.subscription, zone=zone) == 2


@pytest.mark.parametrize("zone", ["Europe/Londn", "CEST", "Foo/Bar3", "utc", "+02:00", ""])
def test_a_zone_that_nobody_knows_is_refused(copier: Copier, zone: str) -> None:
    assert refused(copier, {"zone": zone}) == {"rule": "zone_known", "key": "zone"}


def test_hours_that_cannot_be_read_are_refused(copier: Copier) -> None:
    assert refused(copier, {"hours": ["Mon-Fri 8 to 5"]}) == {"rule": "hours", "key": "hours"}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        *(({"multiplier": value}, "multiplier_range") for value in (0, -1, 1001, "NaN", "Infinity", "-Infinity")),
        *(({"volume_min": value}, "volume_range") for value in (0, -0.01, 101)),
        *(({"volume_min": value}, "volume_on_step") for value in ("NaN", "Infinity", 0.015)),
        *(({"volume_max": value}, "volume_range") for value in (0, 1000000001)),
        *(({"volume_max": value}, "volume_on_step") for value in ("NaN", "Infinity", 1.005)),
        *(({"volume_step": value}, "volume_step_range") for value in (0, -0.01)),
        *(({"volume_step": value}, "volume_on_step") for value in ("NaN", "Infinity", 0.03)),
        *(({"max_deviation_points": value}, "max_deviation_positive") for value in (0, -1)),
        *(({"ttl": value}, "ttl_range") for value in ("0", "-5 ms", "3600001 ms", "infinity")),
        ({"sizing": "HUNCH"}, "sizing_known"),
        ({"sizing": "FIXED"}, "fixed_volume_with_its_mode"),
        ({"fixed_volume": 1}, "fixed_volume_with_its_mode"),
        *(({"sizing": "FIXED", "fixed_volume": value}, "fixed_volume_range") for value in (0, -1, "NaN")),
        ({"sizing": "RISK"}, "risk_percent_with_its_mode"),
        ({"risk_percent": 1}, "risk_percent_with_its_mode"),
        *(({"sizing": "RISK", "risk_percent": value}, "risk_percent_range") for value in (0, 100.1, "NaN")),
        *(
            ({"sizing": mode, key: 1, "align_contract_size": True}, "alignment_needs_master_volume")
            for mode, key in (("FIXED", "fixed_volume"), ("RISK", "risk_percent"))
        ),
        ({"below_minimum": "CAP"}, "below_minimum_known"),
        ({"above_maximum": "ROUND_UP"}, "above_maximum_known"),
        *(({"symbols": value}, "symbols_listed") for value in ([], ["EURUSD", None])),
        ({"symbols": ["EURUSD"], "excluded_symbols": ["EURUSD"]}, "symbols_not_both"),
        *(({"sides": value}, "sides_known") for value in ([], ["BUY", "HOLD"])),
        *(({"magics": value}, "magics_listed") for value in ([], [1, None])),
        ({"magics": [1, 2], "excluded_magics": [2]}, "magics_not_both"),
        ({"hours": []}, "hours_not_empty"),
        ({"news_before": "1 hour"}, "news_whole"),
        ({"news_before": "-1 hour", "news_after": "0"}, "news_range"),
        ({"news_before": "0", "news_after": "25 hours"}, "news_range"),
        ({"news_impact": "huge"}, "news_impact_known"),
        ({"trades_per_day": 0}, "trades_per_day_positive"),
        ({"late_join": "SOMETIMES"}, "late_join_known"),
        ({"late_join": "MAX_AGE"}, "late_join_age_with_its_policy"),
        ({"late_join_max_age": "1 hour"}, "late_join_age_with_its_policy"),
        ({"late_join": "MAX_AGE", "late_join_max_age": "0"}, "late_join_max_age_positive"),
        *(({"capital": value}, "capital_range") for value in (0, -1, "NaN", 1e13)),
        *(
            ({key: None}, f"{key}_not_null")
            for key in (
                *("multiplier", "volume_min", "volume_max", "volume_step", "ttl", "sizing", "align_contract_size"),
                *("below_minimum", "above_maximum", "reverse", "copy_stops", "zone", "news_impact", "late_join"),
            )
        ),
    ],
)
def test_a_broken_rule_is_named_and_nothing_is_written(
    plane: Plane, copier: Copier, changes: dict[str, Any], rule: str
) -> None:
    assert refused(copier, changes) == {"rule": f"copy_settings_{rule}"}
    assert plane.value("select settings_version from signals.subscriptions") == 1
    assert plane.write_settings(copier.subscription) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"multiplier": 1000},
        {"volume_min": 100},
        {"volume_max": 0.01},
        {"max_deviation_points": 1},
        {"max_deviation_points": 2**31 - 1},
        {"ttl": "1 hour"},
        {"ttl": "1 ms"},
        {"sizing": "RISK", "risk_percent": 100},
        {"news_before": "0", "news_after": "1 day"},
        {"trades_per_day": 1},
    ],
)
def test_the_edges_of_the_rules_are_inside(plane: Plane, copier: Copier, changes: dict[str, Any]) -> None:
    assert plane.write_settings(copier.subscription, **changes) == 2


def test_numbers_are_not_rounded_on_their_way(plane: Plane, copier: Copier) -> None:
    exact = "0." + "3" * 40
    plane.write_settings(copier.subscription, multiplier=exact)
    assert plane.value("select multiplier from signals.copy_settings where version = 2") == Decimal(exact)
