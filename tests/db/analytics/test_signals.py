"""What a stream has in it, accepted or refused, and where it stands."""

import pytest

from tests.db.plane import Master, Plane

pytestmark = pytest.mark.core


def test_every_signal_that_took_its_place(plane: Plane, master: Master) -> None:
    master.does("OPEN", 1)
    late = master.signal("OPEN", 2)
    plane.tick(seconds=2)
    master.send(late)
    rows = plane.rows("select seq, verdict, code, receive_ms from analytics.signals order by seq")
    assert rows == [(1, "ACCEPTED", None, 0), (2, "STALE", "TRS04", 2000)]
    assert plane.rows("select stream, status, epoch, last_seq, ttl_ms from analytics.streams") == [
        (master.name, "ACTIVE", 1, 2, 500)
    ]


def test_neither_key_nor_signature_is_shown(plane: Plane) -> None:
    shown = plane.rows("""
        select a.attrelid::regclass::text || '.' || a.attname
        from pg_attribute as a
        inner join pg_class as c on c.oid = a.attrelid and c.relnamespace = 'analytics'::regnamespace
        where a.atttypid = 'bytea'::regtype or a.attname ~ 'key|hash|secret|token|^tag$|payload|session|license|peer'
    """)
    # The part of a license's token that is no secret.
    assert shown == ["analytics.licenses.license_id"]
