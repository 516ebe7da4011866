"""Streams: a provider's ordered source of signals."""

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
    ],
)
def test_a_stream_keeps_its_rules(plane: Plane, arguments: dict[str, Any], rule: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        create(plane, **arguments)
    assert refusal.value.diag.constraint_name == rule
    assert plane.value("select count(*) from signals.stream_heads") == 0


def test_a_stream_needs_a_key(plane: Plane) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation):
        create(plane, key=None)


@pytest.mark.parametrize("key", [b"", b"secret", b"x" * 15])
def test_a_key_that_could_be_guessed_is_refused(plane: Plane, key: bytes) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        create(plane, key=key)
    assert refusal.value.sqlstate == "TRS20"
    assert "streams_key_length" in str(refusal.value.diag.message_detail)


def test_names_are_unique(plane: Plane) -> None:
    create(plane)
    with pytest.raises(psycopg.errors.UniqueViolation) as refusal:
        create(plane)
    assert refusal.value.diag.constraint_name == "streams_name_unique"


def test_a_stream_needs_an_account(plane: Plane) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as refusal:
        create(plane, account=999_999)
    assert refusal.value.diag.constraint_name == "streams_account_fk"
