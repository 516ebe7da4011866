"""That a license ends soon is said once a week before, once a day before, and not again."""

from datetime import timedelta
from typing import Any

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def announce(plane: Plane) -> str | None:
    said: str | None = plane.value("select access.announce_expiry()")
    return said


def notices(plane: Plane) -> list[Any]:
    return plane.rows(
        "select detail ->> 'notice' from signals.protection_events where code = 'TRA12' order by occurred_at"
    )


def test_each_notice_is_given_once(plane: Plane) -> None:
    plane.license(plane.account(), "publish", life=timedelta(days=30))
    assert announce(plane) is None
    plane.tick(days=22, hours=23)
    assert announce(plane) is None
    plane.tick(hours=1)
    assert [announce(plane), announce(plane)] == ["1 licenses end soon", None]
    plane.tick(days=6)
    assert [announce(plane), announce(plane)] == ["1 licenses end soon", None]
    plane.tick(days=2)
    assert announce(plane) is None
    assert notices(plane) == ["first", "last"]


def test_the_event_says_which_license_of_whom(plane: Plane) -> None:
    account = plane.account("subscriber", lane=3)
    ending = plane.license(account, "subscribe", life=timedelta(days=2))
    announce(plane)
    event = plane.record("select lane, origin, code, detail from signals.protection_events")
    detail = event.pop("detail")
    assert event == {"lane": 3, "origin": "PLANE", "code": "TRA12"}
    assert (detail["license"], detail["account"], detail["purpose"]) == (str(ending.license_id), account, "subscribe")


def test_what_is_found_in_its_last_day_gets_only_the_last_notice(plane: Plane) -> None:
    plane.license(plane.account(), "publish", life=timedelta(hours=20))
    announce(plane)
    plane.tick(hours=1)
    announce(plane)
    assert notices(plane) == ["last"]


def test_a_missed_job_says_later_what_is_still_true(plane: Plane) -> None:
    plane.license(plane.account(), "publish", life=timedelta(days=30))
    plane.tick(days=26)
    announce(plane)
    assert notices(plane) == ["first"]


@pytest.mark.parametrize("fate", ["revoked", "rotated", "suspended", "expired"])
def test_nothing_is_said_of_what_is_over_or_has_a_successor(plane: Plane, fate: str) -> None:
    account = plane.account()
    ending = plane.license(account, "publish", life=timedelta(days=5))
    match fate:
        case "revoked":
            plane.operator.execute("select access.revoke_license(%s, 'a test', 'a drill')", [ending.license_id])
        case "rotated":
            plane.operator.execute("select access.rotate_license(%s)", [ending.license_id])
            plane.admin.execute(
                "update access.licenses set expires_at = expires_at + interval '1 year' where replaced_by is null"
            )
        case "suspended":
            plane.admin.execute("update access.accounts set status = 'SUSPENDED'")
        case _:
            plane.tick(days=6)
    assert announce(plane) is None


def test_when_is_the_choice_of_the_installation(own_plane: Plane) -> None:
    own_plane.license(own_plane.account(), "publish", life=timedelta(days=20))
    assert announce(own_plane) is None
    own_plane.operator.execute("select ops.change_setting('first_license_notice', '21 days', 'a test', 'holidays')")
    assert announce(own_plane) == "1 licenses end soon"
