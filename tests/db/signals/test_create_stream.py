"""Streams: a provider's ordered source of signals."""

import json
from typing import Any

import psycopg
import pytest

from tests.db.plane import KEY, Plane

pytestmark = pytest.mark.core


def create(plane: Plane, account: int | None = None, **arguments: Any) -> int:
    given = {"account": plane.account() if account is None else account, "name": "trend", "key": KEY} | arguments
    named = ", ".join(f"p_{name} => %({name})s" for name in given)
    row = plane.operator.execute(f"select signals.create_stream({named})".encode(), given).fetchone()
    assert row
    return int(row[0])


def test_a_stream_begins_in_epoch_one_before_its_first_signal(plane: Plane) -> None:
    stream = create(plane)
    head = plane.record("select * from signals.stream_heads where stream_id = %s", stream)
    assert (head["epoch"], head["last_seq"], head["tokens"], head["session_id"]) == (1, 0, 100, None)
    row = plane.record("select * from signals.streams")
    assert (row["ttl"].total_seconds(), row["rate_per_second"], row["burst"]) == (0.5, 100, 100)
    assert row["lane"] == head["lane"]


def test_the_key_itself_is_not_kept(plane: Plane) -> None:
    create(plane)
    assert KEY.hex() not in plane.value("select s::text from signals.streams as s")


def test_a_lane_can_be_chosen(plane: Plane) -> None:
    stream = create(plane, lane=6)
    assert plane.rows("select lane from signals.stream_heads where stream_id = %s", stream) == [6]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"name": ""}, "streams_name_shape"),
        ({"name": "two words"}, "streams_name_shape"),
        ({"name": "-x"}, "streams_name_shape"),
        ({"name": "x" * 65}, "streams_name_shape"),
        ({"name": "trend\n"}, "streams_name_shape"),
        ({"ttl_ms": 0}, "streams_ttl_positive"),
        ({"ttl_ms": -5}, "streams_ttl_positive"),
        ({"rate": 0}, "streams_rate_positive"),
        ({"burst": 0}, "streams_rate_positive"),
        *(({"key": key}, "streams_key_length") for key in (b"", b"secret", b"x" * 15)),
        ({"key": None}, "streams_key_inner_not_null"),
        ({"ttl_ms": None}, "streams_ttl_not_null"),
        ({"lane": 1000}, "streams_lane_fk"),
    ],
)
def test_a_stream_keeps_its_rules(plane: Plane, arguments: dict[str, Any], rule: str) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        create(plane, **arguments)
    assert refusal.value.sqlstate == "TRS32"
    assert json.loads(str(refusal.value.diag.message_detail))["rule"] == rule
    assert plane.value("select count(*) from signals.stream_heads") == 0


def test_names_are_unique(plane: Plane) -> None:
    create(plane)
    with pytest.raises(psycopg.Error) as refusal:
        create(plane)
    assert refusal.value.sqlstate == "TRS32"
    assert json.loads(str(refusal.value.diag.message_detail)) == {"stream": "trend", "rule": "streams_name_unique"}


def test_only_active_providers_have_streams(plane: Plane) -> None:
    suspended = plane.account("provider")
    plane.admin.execute("update access.accounts set status = 'SUSPENDED'")
    for account in (suspended, plane.account("subscriber"), 999_999):
        with pytest.raises(psycopg.Error) as refusal:
            create(plane, account=account)
        assert refusal.value.sqlstate == "TRA08"
