"""Resync: the only way to a new epoch, signed like a signal."""

from typing import Any
from uuid import uuid4

import pytest

from tests.db.plane import Master, Plane

pytestmark = pytest.mark.core


def head(plane: Plane) -> tuple[int, int]:
    row = plane.record("select epoch, last_seq from signals.stream_heads")
    return row["epoch"], row["last_seq"]


def test_a_new_epoch_begins_at_one(plane: Plane, master: Master) -> None:
    master.does("OPEN")
    assert master.resync(2) == {"code": None, "epoch": 2, "next_seq": 1, "decided_at": plane.now}
    assert head(plane) == (2, 0)
    assert plane.events() == []


def test_epochs_may_be_left_out_but_not_used_up(plane: Plane, master: Master) -> None:
    assert master.resync(1001)["code"] is None
    assert master.resync(2002)["code"] == "TRS19"
    assert master.resync(2**31 - 1)["code"] == "TRS19"
    assert head(plane) == (1001, 0)


def test_a_resync_whose_answer_was_lost_is_answered_again(plane: Plane, master: Master) -> None:
    assert master.resync(2) == master.resync(2) == {"code": None, "epoch": 2, "next_seq": 1, "decided_at": plane.now}
    master.does("OPEN")
    assert master.resync(2)["code"] == "TRS19"


@pytest.mark.parametrize(("age_s", "code"), [(60, None), (61, "TRS04"), (-1, None), (-2, "TRS05")])
def test_an_intent_is_signed_for_now(plane: Plane, master: Master, age_s: int, code: str | None) -> None:
    sent_us = int(plane.now.timestamp() * 1_000_000) - age_s * 1_000_000
    assert master.resync(2, sent_us=sent_us)["code"] == code


@pytest.mark.parametrize("epoch", [5, 4, 1, 0, -1, -(2**63)])
def test_an_epoch_never_falls_and_never_stands(plane: Plane, master: Master, epoch: int) -> None:
    master.resync(5)
    master.does("OPEN")
    answer = master.resync(epoch)
    assert (answer["code"], answer["epoch"], answer["next_seq"]) == ("TRS19", 5, 2)
    assert head(plane) == (5, 1)
    assert plane.events() == ["TRS19"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"epoch": None}, "TRS09"),
        ({"epoch": 2**31}, "TRS09"),
        ({"epoch": 2**63 - 1}, "TRS09"),
        ({"sent_us": None}, "TRS09"),
        ({"sent_us": -1}, "TRS09"),
        ({"intent": b"another intent"}, "TRS03"),
        ({"intent": None}, "TRS03"),
        ({"tag": bytes(32)}, "TRS03"),
        ({"tag": b""}, "TRS03"),
        ({"tag": None}, "TRS03"),
        ({"session": uuid4()}, "TRA06"),
        ({"session": None}, "TRA06"),
    ],
)
def test_what_is_not_whole_signed_or_allowed_changes_nothing_and_is_recorded(
    plane: Plane, master: Master, change: dict[str, Any], code: str
) -> None:
    master.does("OPEN")
    assert master.resync(**({"epoch": 2} | change))["code"] == code
    assert head(plane) == (1, 1)
    assert plane.events() == [code]


@pytest.mark.parametrize("stream", [None, 999_999])
def test_an_unknown_stream_has_no_epochs(master: Master, stream: int | None) -> None:
    assert master.resync(2, stream=stream)["code"] == "TRS10"


def test_a_stream_of_another_lane_is_unknown_here(master: Master) -> None:
    assert master.resync(2, lane=(master.lane + 1) % 8)["code"] == "TRS10"


def test_a_stranger_s_forgery_is_not_the_provider_s(plane: Plane, master: Master) -> None:
    master.resync(2, session=uuid4(), tag=bytes(32))
    assert plane.events() == ["TRA06"]


def test_a_new_epoch_begins_with_gaps_uncounted(plane: Plane, master: Master) -> None:
    master.does("OPEN", seq=5)
    master.resync(2)
    master.does("OPEN", seq=5)
    assert plane.events() == ["TRS02", "TRS02"]


def test_the_newest_accepted_signal_is_still_that_of_the_old_epoch(plane: Plane, master: Master) -> None:
    master.does("OPEN")
    master.resync(2)
    row = plane.record("select accepted_epoch, accepted_seq from signals.stream_heads")
    assert row == {"accepted_epoch": 1, "accepted_seq": 1}
    assert plane.verify() == {}
