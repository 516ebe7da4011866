"""Ingest: one verdict for each signal, decided by what came before it in its stream, and by the clock."""

import json
import threading
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from tests.db.plane import KEY, START, Master, Plane, Signal, held, microseconds, run_together, sign

pytestmark = pytest.mark.core

RAISING = ["OPEN", "PLACE"]
HALTS = [("GLOBAL", "TRS08"), ("STREAM", "TRS39"), ("ACCOUNT", "TRS40"), ("SYMBOL", "TRS41")]
MANAGING = ["MODIFY", "AMEND", "CLOSE", "PARTIAL_CLOSE", "CANCEL", "SNAPSHOT"]


def of(master: Master, action: str, **changes: Any) -> Signal:
    """A signal that is whole, whatever its action."""
    if action == "SNAPSHOT":
        changes.setdefault("book", "[]")
    return master.signal(action, 1, **changes)


class TestSequence:
    def test_the_next_signal_is_accepted_and_the_ack_names_the_one_after(self, plane: Plane, master: Master) -> None:
        first, second = master.does("OPEN"), master.does("CLOSE", 1)
        assert first == (1, "ACCEPTED", "ACCEPTED", None, 2, 1, plane.now)
        assert second[1:6] == ("ACCEPTED", "ACCEPTED", None, 3, 1)

    @pytest.mark.parametrize("action", RAISING + MANAGING)
    def test_every_action_has_its_place_in_the_stream(self, plane: Plane, master: Master, action: str) -> None:
        assert master.send(of(master, action))[0].verdict == "ACCEPTED"
        stored = plane.record("select * from signals.signals")
        assert (stored["action"], stored["epoch"], stored["seq"], stored["code"]) == (action, 1, 1, None)

    def test_the_signed_bytes_are_stored_as_they_came(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN", volume="0.37", price="1.07219", stop_loss="1.069", take_profit="1.079", magic=-5)
        master.send(signal)
        stored = plane.record("select * from signals.signals")
        assert (stored["payload"], stored["tag"]) == (signal.payload, signal.tag)
        numbers = [str(stored[name].normalize()) for name in ("volume", "price", "stop_loss", "take_profit")]
        assert numbers == ["0.37", "1.07219", "1.069", "1.079"]
        assert (stored["magic"], stored["sent_at"], stored["received_at"]) == (-5, plane.now, plane.now)

    def test_the_same_bytes_again_get_the_original_verdict(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        master.send(signal)
        later = master.does("CLOSE", 1)
        assert later.verdict == "ACCEPTED"
        plane.tick(hours=1)
        again = master.send(signal)[0]
        assert again[1:6] == ("DUPLICATE", "ACCEPTED", None, 3, 1)
        assert plane.value("select count(*) from signals.signals") == 2
        assert plane.events() == []

    def test_the_same_bytes_twice_in_a_batch_are_a_duplicate_too(self, master: Master) -> None:
        signal = master.signal("OPEN")
        assert [v.verdict for v in master.send(signal, signal, signal)] == ["ACCEPTED", "DUPLICATE", "DUPLICATE"]

    @pytest.mark.parametrize(
        ("changes", "verdict", "code"),
        [
            ({"sent_us": microseconds(START) - 501_000}, "STALE", "TRS04"),
            ({"sent_us": microseconds(START) + 1_001_000}, "FUTURE", "TRS05"),
            ({"volume": 0}, "MALFORMED", "TRS12"),
        ],
    )
    @pytest.mark.parametrize("together", [False, True])
    def test_a_refusal_is_as_final_as_an_acceptance(
        self, master: Master, changes: dict[str, Any], verdict: str, code: str, together: bool
    ) -> None:
        signal = master.signal("OPEN", **changes)
        sent = master.send(signal, signal) if together else [*master.send(signal), *master.send(signal)]
        assert sent[0][1:5] == (verdict, verdict, code, 2)
        assert sent[1][1:5] == ("DUPLICATE", verdict, code, 2)

    def test_a_signal_that_was_refused_when_stale_stays_refused_when_resent(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN", sent_us=microseconds(plane.now) - 501_000)
        master.send(signal)
        plane.tick(milliseconds=-400)
        assert master.send(signal)[0].original == "STALE"

    def test_other_bytes_under_a_used_number_are_a_replay(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        master.send(signal)
        answer = master.send(signal.but(volume="0.20"))[0]
        assert answer[1:5] == ("REPLAY", "REPLAY", "TRS01", 2)
        assert str(plane.value("select volume from signals.signals").normalize()) == "0.1"
        assert plane.events() == ["TRS01"]

    def test_other_bytes_under_a_number_used_in_the_same_batch_are_a_replay(self, master: Master) -> None:
        signal = master.signal("OPEN")
        assert [v.verdict for v in master.send(signal, signal.but(magic=9))] == ["ACCEPTED", "REPLAY"]

    @pytest.mark.parametrize("seq", [0, -1, -(2**63)])
    def test_a_number_before_the_first_is_a_replay(self, master: Master, seq: int) -> None:
        assert master.does("OPEN", seq=seq)[1:5] == ("REPLAY", "REPLAY", "TRS01", 1)

    def test_a_signal_after_a_hole_is_a_gap_and_changes_nothing(self, plane: Plane, master: Master) -> None:
        assert master.does("OPEN", seq=3)[1:5] == ("GAP", "GAP", "TRS02", 1)
        assert plane.value("select count(*) from signals.signals") == 0
        assert plane.value("select last_seq from signals.stream_heads") == 0

    def test_what_was_a_gap_is_accepted_once_the_hole_is_filled(self, master: Master) -> None:
        one, two, three = (master.signal("OPEN") for _ in range(3))
        assert [v.verdict for v in master.send(two, three)] == ["GAP", "GAP"]
        assert [v.verdict for v in master.send(one, two, three)] == ["ACCEPTED"] * 3

    @pytest.mark.parametrize("together", [False, True])
    def test_a_gap_is_counted_once_however_often_it_is_hit(self, plane: Plane, master: Master, together: bool) -> None:
        late = [master.signal("OPEN", seq=seq) for seq in (3, 4, 9, 3)]
        for batch in [late] if together else [[signal] for signal in late]:
            master.send(*batch)
        assert plane.events() == ["TRS02"]
        event = plane.record("select * from signals.protection_events")
        assert (event["seq"], event["detail"]["expected"]) == (3, 1)

    def test_the_next_gap_counts_again(self, plane: Plane, master: Master) -> None:
        for seq in (3, 1, 5, 6, 2, 3, 7, 8):
            master.does("OPEN", seq=seq)
        expected = plane.rows("select (detail ->> 'expected')::int from signals.protection_events order by 1")
        assert expected == [1, 2, 4]

    def test_a_number_beyond_everything_is_a_gap(self, master: Master) -> None:
        assert master.does("OPEN", seq=2**63 - 1).verdict == "GAP"

    def test_a_refused_signal_keeps_its_number_so_that_what_follows_is_no_gap(self, master: Master) -> None:
        batch = [master.signal("OPEN"), master.signal("OPEN", volume=0), master.signal("CLOSE", 1)]
        assert [v.verdict for v in master.send(*batch)] == ["ACCEPTED", "MALFORMED", "ACCEPTED"]

    def test_one_bad_signature_does_not_touch_its_neighbours(self, master: Master) -> None:
        one, two = master.signal("OPEN"), master.signal("OPEN")
        assert [v.verdict for v in master.send(one, two.forged(), two)] == ["ACCEPTED", "BAD_SIGNATURE", "ACCEPTED"]

    def test_streams_count_for_themselves(self, plane: Plane) -> None:
        one, two = plane.master(lane=4), plane.master(lane=4)
        verdicts = plane.ingest([one.signal("OPEN"), two.signal("OPEN"), one.signal("OPEN"), two.signal("OPEN", seq=5)])
        assert [(v.verdict, v.next_seq) for v in verdicts] == [
            ("ACCEPTED", 2),
            ("ACCEPTED", 2),
            ("ACCEPTED", 3),
            ("GAP", 2),
        ]


class TestEpoch:
    def test_an_epoch_that_is_over_is_a_replay_even_with_the_bytes_of_then(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        master.send(signal)
        master.resync(2)
        assert master.send(signal)[0][1:6] == ("REPLAY", "REPLAY", "TRS01", 1, 2)
        assert plane.events() == ["TRS01"]

    def test_an_epoch_that_has_not_begun_is_a_gap(self, master: Master) -> None:
        assert master.does("OPEN", epoch=2)[1:6] == ("GAP", "GAP", "TRS02", 1, 1)

    @pytest.mark.parametrize("epoch", [2**32 - 1, 2**63 - 1])
    def test_an_epoch_beyond_everything_is_a_gap(self, plane: Plane, master: Master, epoch: int) -> None:
        assert master.does("OPEN", epoch=epoch).verdict == "GAP"
        assert plane.value("select epoch from signals.protection_events") is None

    def test_numbers_begin_again_in_a_new_epoch(self, plane: Plane, master: Master) -> None:
        master.does("OPEN")
        master.resync(7)
        assert master.does("OPEN")[1:6] == ("ACCEPTED", "ACCEPTED", None, 2, 7)
        assert plane.rows("select epoch, seq from signals.signals order by 1") == [(1, 1), (7, 1)]


class TestWhoMaySignal:
    def test_an_unknown_stream_is_nobodys(self, plane: Plane, master: Master) -> None:
        assert master.does("OPEN", stream=999_999)[1:6] == ("NOT_ALLOWED", "NOT_ALLOWED", "TRS10", None, None)
        assert plane.events() == ["TRS10"]

    def test_no_stream_at_all_is_nobodys(self, master: Master) -> None:
        assert master.does("OPEN", stream=None).code == "TRS10"

    def test_a_stream_of_another_lane_is_unknown_here(self, plane: Plane) -> None:
        here, there = plane.master(lane=1), plane.master(lane=2)
        assert there.does("OPEN", lane=here.lane).code == "TRS10"

    @pytest.mark.parametrize("session", [None, uuid4()])
    def test_a_session_that_does_not_hold_the_stream_may_not_signal(
        self, plane: Plane, master: Master, session: Any
    ) -> None:
        assert master.does("OPEN", session=session).code == "TRA06"
        assert plane.value("select last_seq from signals.stream_heads") == 0

    def test_the_session_of_another_provider_may_not_signal_even_with_the_right_key(
        self, plane: Plane, master: Master
    ) -> None:
        assert master.does("OPEN", session=plane.master().session)[1:4] == ("NOT_ALLOWED", "NOT_ALLOWED", "TRA06")

    def test_the_second_publisher_fences_the_first(self, plane: Plane, master: Master) -> None:
        first = master.session
        second = plane.open_session(plane.license(master.account, "publish").token).session_id
        master.open_stream(second)
        assert master.does("OPEN", session=first, seq=1).code == "TRA06"
        assert master.does("OPEN", session=second, seq=1).verdict == "ACCEPTED"

    def test_where_a_stream_stands_is_told_to_its_publisher_only(self, master: Master) -> None:
        master.does("OPEN")
        verdict = master.does("OPEN", session=uuid4())
        assert (verdict.next_seq, verdict.epoch) == (None, None)

    def test_a_stranger_s_garbage_is_not_judged_as_the_provider_s(self, plane: Plane, master: Master) -> None:
        """A bad signature, a gap or a replay from who may not signal would cost the provider trust."""
        stranger = uuid4()
        for signal in (
            master.signal("OPEN", session=stranger, seq=9),
            master.signal("OPEN", session=stranger, epoch=0),
            master.signal("OPEN", session=stranger).forged(),
        ):
            assert master.send(signal)[0].verdict == "NOT_ALLOWED"
        assert set(plane.events()) == {"TRA06"}
        head = plane.record("select * from signals.stream_heads")
        assert (head["last_seq"], head["gap_seq"], head["tokens"]) == (0, 0, 100)

    def test_a_session_in_a_batch_does_not_lend_its_right_to_others(self, master: Master) -> None:
        batch = [master.signal("OPEN"), master.signal("OPEN", session=uuid4()), master.signal("OPEN", seq=2)]
        assert [v.verdict for v in master.send(*batch)] == ["ACCEPTED", "NOT_ALLOWED", "ACCEPTED"]


class TestSignature:
    def test_every_flipped_bit_of_bytes_or_tag_is_refused(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        whole, length = signal.payload + signal.tag, len(signal.payload)
        flipped = []
        for bit in range(8 * len(whole)):
            other = bytearray(whole)
            other[bit // 8] ^= 1 << bit % 8
            flipped.append(signal.but(given_payload=bytes(other[:length]), given_tag=bytes(other[length:])))
        verdicts = master.send(*flipped)
        assert {v[1:5] for v in verdicts} == {("BAD_SIGNATURE", "BAD_SIGNATURE", "TRS03", 1)}
        assert plane.value("select count(*) from signals.signals") == 0
        plane.reset_trust(master.account, "provider")
        assert master.send(signal)[0].verdict == "ACCEPTED"

    @pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
    def test_a_tag_of_another_length_is_refused(self, master: Master, length: int) -> None:
        signal = master.signal("OPEN")
        assert master.send(signal.but(given_tag=(signal.tag * 2)[:length]))[0].code == "TRS03"

    def test_another_stream_s_key_does_not_sign_here(self, master: Master) -> None:
        assert master.does("OPEN", key=bytes(32)).code == "TRS03"

    @pytest.mark.parametrize("column", ["given_payload", "given_tag"])
    def test_missing_bytes_are_refused(self, plane: Plane, master: Master, column: str) -> None:
        place = {"given_payload": 17, "given_tag": 18}[column]
        signal = master.signal("OPEN")
        call = "select code from signals.ingest({})".format(
            ", ".join(f"a{n}" if n != place else "array[null]::bytea[]" for n in range(22))
        )
        arguments = (
            f"select {signal.lane}::smallint a0, array['{signal.session}'::uuid] a1, array[{signal.stream}::bigint] a2,"
            " array[1::bigint] a3, array[1::bigint] a4, array['OPEN'] a5, array['EURUSD'] a6, array['BUY'] a7,"
            " array[1::bigint] a8, array[10000000::bigint] a9, array[110000000::bigint] a10, array[0::bigint] a11,"
            " array[0::bigint] a12, array[0::bigint] a13, array['MARKET'] a14, array[null]::jsonb[] a15,"
            f" array[{signal.sent_us}::bigint] a16, array['\\x{signal.payload.hex()}'::bytea] a17,"
            f" array['\\x{signal.tag.hex()}'::bytea] a18, array[0::bigint] a19, array[0::bigint] a20,"
            " array[null::bigint] a21"
        )
        found = plane.admin.execute(f"with a as ({arguments}) select ({call}) from a".encode()).fetchone()
        assert found == ("TRS03",)

    def test_bytes_that_are_signed_but_cannot_be_read_are_malformed_and_take_no_number(
        self, plane: Plane, master: Master
    ) -> None:
        unread = Signal(
            lane=master.lane, session=master.session, stream=master.stream, key=KEY, epoch=None, seq=None, action=None,
            position=None, symbol=None, side=None, volume=None, price=None, stop_loss=None, take_profit=None,
            magic=None, order_type=None, sent_us=None, given_payload=b"no signal",
        )  # fmt: skip
        assert master.send(unread)[0][1:5] == ("MALFORMED", "MALFORMED", "TRS09", 1)
        assert plane.events() == ["TRS09"]
        assert master.does("OPEN").verdict == "ACCEPTED"

    @pytest.mark.parametrize("sent_us", [None, -1, 2**63 - 1, -(2**63)])
    def test_a_time_that_is_none_is_malformed_and_takes_no_number(self, master: Master, sent_us: int | None) -> None:
        assert master.does("OPEN", sent_us=sent_us)[1:5] == ("MALFORMED", "MALFORMED", "TRS09", 1)
        assert master.does("OPEN", seq=1).verdict == "ACCEPTED"


class TestShape:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"volume": 0}, "TRS12"),
            ({"volume": "-0.10"}, "TRS12"),
            ({"volume": None}, "TRS12"),
            ({"volume": -(2**63)}, "TRS12"),
            ({"volume": "0.005"}, "TRS14"),
            ({"volume": "50.01"}, "TRS14"),
            ({"volume": 2**63 - 1}, "TRS14"),
            ({"volume": "0.015"}, "TRS13"),
            ({"volume": 1_000_001}, "TRS13"),
            ({"symbol": "GBPUSD"}, "TRS11"),
            ({"symbol": "eurusd"}, "TRS11"),
            ({"symbol": ""}, "TRS11"),
            ({"symbol": None}, "TRS11"),
            ({"position": None}, "TRS16"),
            ({"position": 0}, "TRS16"),
            ({"position": -1}, "TRS16"),
            ({"side": None}, "TRS09"),
            ({"side": "SIDE_UNSPECIFIED"}, "TRS09"),
            ({"side": "buy"}, "TRS09"),
            ({"price": 0}, "TRS15"),
            ({"price": "-1.1"}, "TRS15"),
            ({"price": None}, "TRS15"),
            ({"stop_loss": "-1"}, "TRS15"),
            ({"take_profit": "-1"}, "TRS15"),
            ({"action": "ACTION_UNSPECIFIED"}, "TRS09"),
            ({"action": None}, "TRS09"),
            ({"action": "open"}, "TRS09"),
        ],
    )
    @pytest.mark.parametrize("action", RAISING)
    def test_an_opening_lacks_nothing(self, plane: Plane, master: Master, action: str, changes: Any, code: str) -> None:
        signal = master.signal(action, 1).but(**changes)
        assert master.send(signal)[0][1:5] == ("MALFORMED", "MALFORMED", code, 2)
        assert plane.events() == [code]

    @pytest.mark.parametrize(
        ("action", "order_type", "code"),
        [
            ("OPEN", "MARKET", None),
            ("OPEN", None, None),
            ("OPEN", "LIMIT", "TRS09"),
            ("PLACE", "MARKET", "TRS09"),
            ("PLACE", None, "TRS09"),
            ("PLACE", "LIMIT", None),
            ("PLACE", "STOP", None),
            ("PLACE", "STOP_LIMIT", None),
        ],
    )
    def test_an_order_has_a_type_and_a_position_has_none(
        self, master: Master, action: str, order_type: str | None, code: str | None
    ) -> None:
        assert master.does(action, order_type=order_type).code == code

    @pytest.mark.parametrize("volume", ["0.01", "50", "49.99", "0.10"])
    def test_limits_are_inclusive(self, master: Master, volume: str) -> None:
        assert master.does("OPEN", volume=volume).verdict == "ACCEPTED"

    @pytest.mark.parametrize("action", [action for action in MANAGING if action != "SNAPSHOT"])
    @pytest.mark.parametrize("position", [None, 0, -1])
    def test_what_manages_a_position_names_it(self, master: Master, action: str, position: int | None) -> None:
        assert master.send(of(master, action).but(position=position))[0].code == "TRS16"

    @pytest.mark.parametrize(
        ("volume", "code"), [("0.05", None), (0, None), ("0.005", None), ("-0.05", "TRS12"), (None, "TRS12")]
    )
    def test_a_partial_close_says_what_remains_and_is_held_to_no_step(
        self, master: Master, volume: Any, code: str | None
    ) -> None:
        assert master.does("PARTIAL_CLOSE", 1, volume=volume).code == code

    @pytest.mark.parametrize("action", ["MODIFY", "AMEND"])
    @pytest.mark.parametrize("stop", ["stop_loss", "take_profit"])
    def test_stops_are_not_negative(self, master: Master, action: str, stop: str) -> None:
        assert master.send(of(master, action, **{stop: "-1"}))[0].code == "TRS15"

    @pytest.mark.parametrize("price", [0, "-1", None])
    def test_an_order_is_amended_to_a_price(self, master: Master, price: Any) -> None:
        assert master.send(of(master, "AMEND", price=price))[0].code == "TRS15"

    def test_a_snapshot_has_a_book_and_needs_nothing_else(self, plane: Plane, master: Master) -> None:
        assert master.does("SNAPSHOT").code == "TRS09"
        book = json.dumps([held(1)])
        bare: dict[str, Any] = {"position": None, "symbol": None, "side": None, "volume": 0, "price": 0}
        assert master.does("SNAPSHOT", book=book, **bare).verdict == "ACCEPTED"
        assert plane.value("select book from signals.signals where seq = 2") == [held(1)]

    @pytest.mark.parametrize("action", ["CLOSE", "CANCEL", "PARTIAL_CLOSE"])
    def test_what_cuts_exposure_is_held_to_nothing_that_it_can_do_without(self, master: Master, action: str) -> None:
        bare: dict[str, Any] = {"symbol": "NOWHERE", "side": None, "price": 0, "stop_loss": -1, "take_profit": -1}
        assert master.send(of(master, action, volume=0, **bare))[0].verdict == "ACCEPTED"


class TestTime:
    @pytest.mark.parametrize(
        ("age_us", "code"),
        [
            (0, None),
            (499_000, None),
            (500_000, None),
            (500_001, "TRS04"),
            (501_000, "TRS04"),
            (-1_000_000, None),
            (-1_000_001, "TRS05"),
            (-1_001_000, "TRS05"),
        ],
    )
    @pytest.mark.parametrize("action", RAISING)
    def test_openings_are_young_and_not_from_the_future(
        self, plane: Plane, master: Master, action: str, age_us: int, code: str | None
    ) -> None:
        assert master.does(action, sent_us=microseconds(plane.now) - age_us).code == code

    def test_the_stream_s_own_ttl_counts(self, plane: Plane) -> None:
        slow = plane.master(ttl_ms=60_000)
        assert slow.does("OPEN", sent_us=microseconds(plane.now) - 60_000_000).verdict == "ACCEPTED"
        assert slow.does("OPEN", sent_us=microseconds(plane.now) - 60_000_001).verdict == "STALE"

    @pytest.mark.parametrize("action", MANAGING)
    @pytest.mark.parametrize("hours", [-1000, 1000])
    def test_what_does_not_raise_exposure_is_never_too_old_or_too_early(
        self, plane: Plane, master: Master, action: str, hours: int
    ) -> None:
        sent_us = microseconds(plane.now) + hours * 3_600_000_000
        assert master.send(of(master, action, sent_us=sent_us))[0].verdict == "ACCEPTED"


class TestRate:
    def test_a_burst_is_allowed_and_no_more(self, plane: Plane) -> None:
        master = plane.master(rate=2, burst=3)
        verdicts = [v.verdict for v in master.send(*[master.signal("OPEN") for _ in range(5)])]
        assert verdicts == ["ACCEPTED"] * 3 + ["RATE_LIMITED"] * 2
        assert plane.events() == ["TRS06", "TRS06"]

    def test_the_rate_refills_what_the_burst_took(self, plane: Plane) -> None:
        master = plane.master(rate=2, burst=3)
        master.send(*[master.signal("OPEN") for _ in range(3)])
        plane.tick(milliseconds=499)
        assert master.does("OPEN").verdict == "RATE_LIMITED"
        plane.tick(milliseconds=1)
        assert [v.verdict for v in master.send(master.signal("OPEN"), master.signal("OPEN"))] == [
            "ACCEPTED",
            "RATE_LIMITED",
        ]

    def test_an_idle_stream_saves_up_no_more_than_its_burst(self, plane: Plane) -> None:
        master = plane.master(rate=2, burst=3)
        plane.tick(hours=1)
        verdicts = [v.verdict for v in master.send(*[master.signal("OPEN") for _ in range(4)])]
        assert verdicts == ["ACCEPTED"] * 3 + ["RATE_LIMITED"]

    @pytest.mark.parametrize("action", MANAGING)
    def test_what_does_not_raise_exposure_is_not_limited_and_uses_nothing_up(self, plane: Plane, action: str) -> None:
        master = plane.master(rate=1, burst=1)
        assert {v.verdict for v in master.send(*[of(master, action) for _ in range(20)])} == {"ACCEPTED"}
        assert master.does("OPEN").verdict == "ACCEPTED"
        assert master.send(of(master, action))[0].verdict == "ACCEPTED"

    def test_refused_openings_use_nothing_up(self, plane: Plane) -> None:
        master = plane.master(rate=1, burst=1)
        old = microseconds(plane.now) - 501_000
        batch = [master.signal("OPEN", sent_us=old), master.signal("OPEN", volume=0), master.signal("OPEN")]
        assert [v.verdict for v in master.send(*batch)] == ["STALE", "MALFORMED", "ACCEPTED"]

    def test_duplicates_use_nothing_up(self, plane: Plane) -> None:
        master = plane.master(rate=1, burst=2)
        signal = master.signal("OPEN")
        master.send(signal, signal, signal)
        master.send(signal)
        assert master.does("OPEN").verdict == "ACCEPTED"

    def test_a_clock_that_was_set_back_does_not_silence_the_stream(self, plane: Plane, master: Master) -> None:
        master.does("OPEN")
        plane.tick(hours=-1)
        assert master.does("OPEN").verdict == "ACCEPTED"
        assert plane.value("select tokens from signals.stream_heads") == 98
        plane.tick(seconds=1)
        master.does("CLOSE", 1)
        assert plane.value("select tokens from signals.stream_heads") == 100

    def test_one_stream_does_not_use_up_another_s(self, plane: Plane) -> None:
        one, two = plane.master(lane=6, rate=1, burst=1), plane.master(lane=6, rate=1, burst=1)
        batch = [one.signal("OPEN"), one.signal("OPEN"), two.signal("OPEN")]
        assert [v.verdict for v in plane.ingest(batch)] == ["ACCEPTED", "RATE_LIMITED", "ACCEPTED"]


class TestHalts:
    @pytest.mark.parametrize("action", RAISING)
    @pytest.mark.parametrize(("scope", "code"), HALTS)
    def test_a_halt_refuses_what_raises_exposure_and_says_which_it_was(
        self, plane: Plane, master: Master, action: str, scope: str, code: str
    ) -> None:
        plane.halt(scope, {"STREAM": master.stream, "ACCOUNT": master.account, "SYMBOL": "EURUSD"}.get(scope))
        assert master.does(action)[1:5] == ("HALTED", "HALTED", code, 2)
        assert plane.events() == [code]

    @pytest.mark.parametrize("action", MANAGING)
    @pytest.mark.parametrize("status", ["ACTIVE", "CLOSED"])
    def test_what_does_not_raise_exposure_passes_every_halt(
        self, plane: Plane, master: Master, action: str, status: str
    ) -> None:
        for scope, subject in [
            ("GLOBAL", None),
            ("STREAM", master.stream),
            ("ACCOUNT", master.account),
            ("SYMBOL", "EURUSD"),
        ]:
            plane.halt(scope, subject)
        plane.admin.execute("update signals.streams set status = %s", [status])
        assert master.send(of(master, action))[0].verdict == "ACCEPTED"

    @pytest.mark.parametrize("action", RAISING)
    def test_a_closed_stream_takes_no_new_exposure(self, plane: Plane, master: Master, action: str) -> None:
        plane.admin.execute("update signals.streams set status = 'CLOSED'")
        assert master.does(action)[1:5] == ("NOT_ALLOWED", "NOT_ALLOWED", "TRS22", 2)

    def test_a_halt_of_one_stream_leaves_the_others(self, plane: Plane, master: Master) -> None:
        other = plane.master()
        plane.halt("STREAM", other.stream)
        plane.halt("ACCOUNT", other.account)
        assert master.does("OPEN").verdict == "ACCEPTED"

    def test_a_halt_of_one_symbol_leaves_the_others(self, plane: Plane, master: Master) -> None:
        plane.define(master.stream, "GBPUSD")
        plane.halt("SYMBOL", "EURUSD")
        batch = [master.signal("OPEN", symbol=symbol) for symbol in ("EURUSD", "GBPUSD")]
        assert [verdict.verdict for verdict in master.send(*batch)] == ["HALTED", "ACCEPTED"]

    def test_an_opening_that_was_refused_while_halted_is_not_accepted_later(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        plane.halt()
        master.send(signal)
        plane.lift_halt()
        assert master.send(signal)[0][1:4] == ("DUPLICATE", "HALTED", "TRS08")


class TestRecords:
    def test_every_refusal_leaves_a_protection_event(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        master.send(signal)
        for refused in (
            master.signal("OPEN", seq=2, sent_us=0),
            master.signal("OPEN", seq=9),
            signal.forged(),
            signal.but(magic=1),
        ):
            master.send(refused)
        assert plane.events(lane=master.lane, origin="PLANE", stream_id=master.stream) == [
            "TRS01",
            "TRS02",
            "TRS03",
            "TRS04",
        ]

    def test_an_event_says_what_whose_and_what_was_expected(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", seq=4)
        event = plane.record("select * from signals.protection_events")
        assert (event["occurred_at"], event["epoch"], event["seq"]) == (plane.now, 1, 4)
        assert event["detail"] == {"verdict": "GAP", "session": str(master.session), "expected": 1}

    def test_what_is_accepted_or_a_duplicate_leaves_none(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        master.send(signal, signal)
        assert plane.events() == []

    def test_the_newest_accepted_signal_is_remembered_past_refusals(self, plane: Plane, master: Master) -> None:
        master.does("OPEN")
        master.does("OPEN", volume=0)
        head = plane.record("select * from signals.stream_heads")
        assert (head["last_seq"], head["accepted_epoch"], head["accepted_seq"]) == (2, 1, 1)

    def test_an_empty_batch_decides_nothing(self, plane: Plane) -> None:
        nothing = ", ".join(["'{}'"] * 21)
        assert plane.gateway.execute(f"select * from signals.ingest(1::smallint, {nothing})".encode()).fetchall() == []


# What can be wrong with an arrival, often enough that each meets each. None: the next number.
ARRIVALS = st.fixed_dictionaries(
    {
        "stream": st.integers(0, 1),
        "action": st.sampled_from(
            ["OPEN", "OPEN", "PLACE", "CLOSE", "MODIFY", "PARTIAL_CLOSE", "SNAPSHOT", "NONSENSE"]
        ),
        "step": st.sampled_from([1, 1, 1, 1, 0, -1, 2, 3]),
        "epoch": st.sampled_from([1, 1, 1, 1, 1, 0, 2]),
        "magic": st.sampled_from([0, 0, 0, 1]),
        "volume": st.sampled_from(["0.10", "0.10", "0.10", "0.015", 0]),
        "age_us": st.sampled_from([0, 0, 0, 500_000, 501_000, -1_000_001]),
        "forged": st.sampled_from([False] * 5 + [True]),
        "stranger": st.sampled_from([False] * 7 + [True]),
    }
)


def arrive(master: Master, reached: int, what: dict[str, Any]) -> Signal:
    signal = of(
        master,
        what["action"],
        seq=reached + what["step"],
        epoch=what["epoch"],
        magic=what["magic"],
        volume=what["volume"],
        sent_us=microseconds(START) - what["age_us"],
    )
    if what["stranger"]:
        signal = signal.but(session=uuid4())
    return signal.forged() if what["forged"] else signal


def standing(plane: Plane, masters: list[Master]) -> list[Any]:
    """Everything that these streams left in the database, without what differs between any two streams."""
    left: list[Any] = []
    for master in masters:
        left += plane.rows(
            "select epoch, last_seq, accepted_epoch, accepted_seq, gap_seq, tokens from signals.stream_heads"
            " where stream_id = %s",
            master.stream,
        )
        left += plane.rows(
            "select epoch, seq, verdict, code, action, volume, magic from signals.signals where stream_id = %s"
            " order by epoch, seq",
            master.stream,
        )
        left += plane.rows(
            "select code, epoch, seq, detail ->> 'expected', detail ->> 'verdict' from signals.protection_events"
            " where stream_id = %s order by 1, 2, 3, 4",
            master.stream,
        )
    left += plane.rows(
        "select code, points, score_before, score_after, epoch, seq from trust.events where account_id = %s"
        " order by event_id",
        masters[0].account,
    )
    left += plane.rows("select score from trust.scores where account_id = %s", masters[0].account)
    return left


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), arrivals=st.lists(ARRIVALS, min_size=1, max_size=25))
def test_verdicts_do_not_depend_on_how_signals_were_batched(
    plane: Plane, data: DataObject, arrivals: list[dict[str, Any]]
) -> None:
    """The same arrivals, one by one into two streams of a provider and in batches of any size into two of another."""
    providers = [plane.account("provider") for _ in range(2)]
    single, batched = (
        [plane.master(lane=1, account=account, rate=1, burst=3) for _ in range(2)] for account in providers
    )
    reached = [0, 0]
    expected, queue = [], []
    for what in arrivals:
        number = what["stream"]
        at = reached[number]
        (verdict,) = plane.ingest([arrive(single[number], at, what)])
        if verdict.next_seq is not None:
            reached[number] = verdict.next_seq - 1
        expected.append(verdict[1:])
        queue.append(arrive(batched[number], at, what))
    found = []
    while queue:
        size = data.draw(st.integers(1, len(queue)), label="batch")
        found += [verdict[1:] for verdict in plane.ingest(queue[:size])]
        queue = queue[size:]
    assert found == expected
    assert standing(plane, batched) == standing(plane, single)


def test_two_connections_that_send_the_same_stream_make_no_duplicate_and_no_hole(plane: Plane) -> None:
    master = plane.master(rate=1000, burst=1000)
    signals = [master.signal("OPEN") for _ in range(200)]
    answers: list[list[Any]] = [[], []]

    def send(number: int, size: int) -> None:
        with plane.connect("ecp_gateway") as connection:
            at = 0
            while at < len(signals):
                verdicts = plane.ingest(signals[at : at + size], connection)
                answers[number] += verdicts
                # What the other has not sent yet is a gap: begin again at the number that the plane expects.
                assert verdicts[-1].next_seq is not None
                at = verdicts[-1].next_seq - 1

    run_together(lambda: send(0, 7), lambda: send(1, 5))
    accepted = [v for v in answers[0] + answers[1] if v.verdict == "ACCEPTED"]
    assert len(accepted) == 200
    assert {v.verdict for v in answers[0] + answers[1]} <= {"ACCEPTED", "DUPLICATE"}
    assert plane.rows("select seq from signals.signals order by seq") == list(range(1, 201))
    assert plane.verify() == {}


def test_a_batch_that_waited_sees_what_it_waited_for(plane: Plane, master: Master) -> None:
    """The second statement of ingest needs a snapshot newer than its locks."""
    signal = master.signal("OPEN")
    answers: list[Any] = []
    with plane.connect("ecp_gateway") as first, plane.connect("ecp_gateway") as second:
        first.autocommit = False
        plane.ingest([signal], first)
        waiting = threading.Thread(target=lambda: answers.extend(plane.ingest([signal], second)))
        waiting.start()
        blocked = "select count(*) from pg_locks where not granted and pid = %s"
        while waiting.is_alive() and not plane.value(blocked, second.info.backend_pid):
            pass
        assert waiting.is_alive(), "it did not wait"
        plane.tick(seconds=1)
        first.commit()
        waiting.join()
    assert answers[0].verdict == "DUPLICATE"
    assert answers[0].decided_at == plane.now


def test_what_is_rolled_back_never_happened(plane: Plane, master: Master) -> None:
    signal = master.signal("OPEN")
    with plane.connect("ecp_gateway") as connection:
        connection.autocommit = False
        assert plane.ingest([signal], connection)[0].verdict == "ACCEPTED"
        connection.rollback()
    assert master.send(signal)[0].verdict == "ACCEPTED"


def test_the_tag_is_that_of_the_standard_library(master: Master) -> None:
    payload = bytes(range(256)) * 16
    signal = master.signal("OPEN", given_payload=payload, given_tag=sign(KEY, payload))
    assert master.send(signal)[0].verdict == "ACCEPTED"
