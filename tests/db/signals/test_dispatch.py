"""Dispatch: a decision for every subscription and signal, with the numbers behind it; deliveries that count by one."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.db.plane import Copier, Delivery, Master, Plane, Position, e8, microseconds, run_together, told

pytestmark = pytest.mark.core

PAUSES = {
    "PAUSED_BY_USER": ["user_pause"],
    "DEGRADED_GAP": ["gap"],
    "LOCKED_NO_FUNDS": ["no_funds"],
    "PAUSED_TOXIC": ["toxic"],
}


class TestWhatIsDelivered:
    def test_an_opening_reaches_the_copier_whole(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, multiplier="0.5", max_deviation_points=20, ttl="400 ms")
        master.does("OPEN", 77, volume="0.30", price="1.07219", stop_loss="1.069", take_profit="1.079", magic=-3)
        sent = microseconds(plane.now)
        assert copier.receives() == [
            Delivery(
                copier.subscription, 1, master.stream, 1, 1, False, False, "OPEN", "EURUSD", "BUY", 77,
                15_000_000, 107_219_000, 106_900_000, 107_900_000, 20_000, sent, sent + 400_000, -3, "MARKET",
                copier.session, 0, 0, 0,
            )
        ]  # fmt: skip

    def test_a_halt_stops_what_was_accepted_before_it(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        copier.receives()
        master.does("CLOSE", 1)
        master.does("OPEN", 2)
        plane.halt()
        assert told(copier.receives()) == [("CLOSE", 1)]
        reasons = plane.rows("select reason from signals.decisions order by seq")
        assert reasons == ["COPIED", "COPIED", "HALTED"]

    def test_stops_orders_and_closes_follow(self, master: Master, copier: Copier) -> None:
        master.does("PLACE", 5, order_type="STOP_LIMIT", side="SELL")
        master.does("AMEND", 5, price="1.2", stop_loss="1.3")
        master.does("MODIFY", 5, stop_loss="1.25", take_profit="1.0")
        master.does("CANCEL", 5)
        got = copier.receives()
        assert [each.action for each in got] == ["PLACE", "AMEND", "MODIFY", "CANCEL"]
        assert [each.delivery_seq for each in got] == [1, 2, 3, 4]
        assert (got[0].order_type, got[1].price_e8, got[2].stop_loss_e8) == ("STOP_LIMIT", 120_000_000, 125_000_000)
        assert {each.side for each in got} == {"SELL"}
        assert [each.expires_at_us == 0 for each in got] == [False, True, True, True]

    def test_what_manages_a_copy_speaks_of_the_copy_s_symbol_and_side(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1, side="SELL")
        copier.receives()
        master.does("CLOSE", 1, symbol="NOWHERE", side=None, price=0, volume=0)
        (close,) = copier.receives()
        assert (close.symbol, close.side, close.volume_e8, close.price_e8) == ("EURUSD", "SELL", 0, 0)

    def test_refused_signals_are_not_dispatched_and_leave_no_hole(self, master: Master, copier: Copier) -> None:
        master.does("OPEN")
        master.does("OPEN", volume=0)
        master.does("OPEN")
        assert [(each.seq, each.delivery_seq) for each in copier.receives()] == [(1, 1), (3, 2)]

    def test_a_snapshot_is_recorded_and_not_traded(self, master: Master, copier: Copier) -> None:
        master.does("SNAPSHOT", book="[]", position=None)
        assert copier.receives() == []
        assert copier.reasons() == ["SNAPSHOT_RECORDED"]

    def test_every_follower_has_its_own_decision_and_count(self, plane: Plane, master: Master) -> None:
        copiers = [plane.copier(master, lane=2, multiplier=multiplier) for multiplier in ("1", "0.01", "2")]
        for _ in range(2):
            master.does("OPEN")
        got = plane.pump(2)
        assert sorted((each.subscription_id, each.delivery_seq, each.volume_e8) for each in got) == [
            (copiers[0].subscription, 1, 10_000_000),
            (copiers[0].subscription, 2, 10_000_000),
            (copiers[2].subscription, 1, 20_000_000),
            (copiers[2].subscription, 2, 20_000_000),
        ]
        assert copiers[1].reasons() == ["BELOW_MINIMUM"] * 2

    def test_streams_of_a_lane_are_dispatched_together(self, plane: Plane) -> None:
        masters = [plane.master(lane=1), plane.master(lane=1)]
        account = plane.account("subscriber", lane=3)
        copiers = [plane.copier(master, account=account) for master in masters]
        for master in masters:
            master.does("OPEN", 1)
        assert {each.subscription_id: each.stream_id for each in plane.pump(3)} == {
            copier.subscription: master.stream for copier, master in zip(copiers, masters, strict=True)
        }

    def test_digits_and_points_make_the_deviation(self, plane: Plane, master: Master) -> None:
        plane.define(master.stream, "USDJPY", digits=3)
        copier = plane.copier(master, max_deviation_points=15)
        master.does("OPEN", symbol="USDJPY", price="151.250")
        master.does("CLOSE", 1)
        opening, close = copier.receives()
        assert (opening.max_deviation_e8, close.max_deviation_e8) == (1_500_000, 0)


class TestReverse:
    @pytest.mark.parametrize(
        ("action", "order_type", "side", "expected"),
        [
            ("OPEN", "MARKET", "BUY", ("MARKET", "SELL")),
            ("OPEN", "MARKET", "SELL", ("MARKET", "BUY")),
            ("PLACE", "LIMIT", "BUY", ("STOP", "SELL")),
            ("PLACE", "STOP", "SELL", ("LIMIT", "BUY")),
        ],
    )
    def test_side_order_and_stops_turn_round(
        self, plane: Plane, master: Master, action: str, order_type: str, side: str, expected: tuple[str, str]
    ) -> None:
        copier = plane.copier(master, reverse=True)
        master.does(action, 1, order_type=order_type, side=side, price="1.1", stop_loss="1.05", take_profit="1.2")
        (got,) = copier.receives()
        assert (got.order_type, got.side) == expected
        assert (got.stop_loss_e8, got.take_profit_e8, got.price_e8) == (e8("1.2"), e8("1.05"), e8("1.1"))

    def test_what_cannot_be_turned_round_is_not_copied(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, reverse=True)
        master.does("PLACE", 1, order_type="STOP_LIMIT")
        assert copier.receives() == []
        assert copier.reasons() == ["REVERSE_UNSUPPORTED"]

    @pytest.mark.parametrize("action", ["MODIFY", "AMEND"])
    @pytest.mark.parametrize("together", [False, True])
    def test_changes_of_stops_turn_round_too(self, plane: Plane, master: Master, action: str, together: bool) -> None:
        copier = plane.copier(master, reverse=True)
        master.does("PLACE", 1)
        if not together:
            copier.receives()
        master.does(action, 1, stop_loss="1.06", take_profit="1.21")
        got = copier.receives()[-1]
        assert (got.action, got.stop_loss_e8, got.take_profit_e8) == (action, e8("1.21"), e8("1.06"))

    def test_a_copy_stays_what_it_was_when_the_setting_changes(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, reverse=True)
        master.does("OPEN", 1)
        copier.receives()
        plane.write_settings(copier.subscription, reverse=False)
        master.does("MODIFY", 1, stop_loss="1.06", take_profit="1.21")
        master.does("OPEN", 2)
        got = copier.receives()
        assert [(each.action, each.side) for each in got] == [("MODIFY", "SELL"), ("OPEN", "BUY")]
        assert got[0].stop_loss_e8 == e8("1.21")


class TestStops:
    def test_who_wants_none_gets_none(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, copy_stops=False)
        master.does("PLACE", 1, stop_loss="1.05", take_profit="1.2")
        master.does("MODIFY", 1, stop_loss="1.06")
        master.does("AMEND", 1, price="1.08", stop_loss="1.07", take_profit="1.3")
        got = copier.receives()
        assert [each.action for each in got] == ["PLACE", "AMEND"]
        assert [(each.stop_loss_e8, each.take_profit_e8) for each in got] == [(0, 0), (0, 0)]
        assert got[1].price_e8 == e8("1.08")
        assert plane.verify() == {}

    def test_a_stop_that_the_master_takes_back_is_taken_back(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1, stop_loss="1.05")
        copier.receives()
        copier.reports(1)
        master.does("MODIFY", 1, stop_loss=0)
        assert [each.stop_loss_e8 for each in copier.receives()] == [0]
        copier.reports(2)
        assert copier.catches_up() == []


class TestPending:
    def test_an_order_that_was_filled_is_not_opened_again(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("PLACE", 1)
        master.does("OPEN", 1)
        master.does("CLOSE", 1)
        assert [each.action for each in copier.receives()] == ["PLACE", "CLOSE"]
        assert copier.reasons() == ["COPIED", "ALREADY_COPIED", "COPIED"]
        assert plane.verify() == {}

    def test_one_that_was_missed_is_opened_when_it_is_filled(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        master.does("PLACE", 1)
        plane.tick(seconds=2)
        copier.receives()
        master.does("OPEN", 1)
        assert [each.action for each in copier.receives()] == ["OPEN"]
        assert copier.reasons() == ["TTL_EXPIRED", "COPIED"]
        assert plane.verify() == {}


class TestStates:
    @pytest.mark.parametrize("state", PAUSES)
    def test_every_state_but_synced_stops_new_exposure_and_nothing_else(
        self, plane: Plane, master: Master, copier: Copier, state: str
    ) -> None:
        master.does("OPEN", 1)
        copier.receives()
        for cause in PAUSES[state]:
            plane.transition(copier.subscription, cause)
        master.does("OPEN", 2)
        master.does("PLACE", 3)
        master.does("MODIFY", 1, stop_loss="1.0")
        master.does("PARTIAL_CLOSE", 1, volume="0.05")
        master.does("CLOSE", 2)
        master.does("CLOSE", 1)
        assert told(copier.receives()) == [
            ("MODIFY", 1),
            ("PARTIAL_CLOSE", 1),
            ("CLOSE", 1),
        ]
        assert copier.reasons() == ["COPIED", state, state, "COPIED", "COPIED", "NOT_COPIED", "COPIED"]

    def test_a_subscription_that_ended_still_gets_its_closes(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        master.does("OPEN", 1)
        copier.receives()
        plane.transition(copier.subscription, "end")
        plane.tick(seconds=1)
        master.does("OPEN", 2)
        master.does("CLOSE", 2)
        master.does("MODIFY", 1)
        master.does("CLOSE", 1)
        assert told(copier.receives()) == [("MODIFY", 1), ("CLOSE", 1)]
        assert copier.reasons() == ["COPIED", "COPIED", "COPIED"]
        assert plane.verify() == {}

    def test_what_arrived_before_the_end_is_answered_for_even_when_decided_after_it(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        master.does("OPEN", 1)
        master.does("CLOSE", 1)
        plane.tick(milliseconds=1)
        plane.transition(copier.subscription, "end")
        assert copier.receives() == []
        assert copier.reasons() == ["ENDED", "NOT_COPIED"]
        assert plane.verify() == {}

    def test_a_subscription_begins_after_the_newest_signal(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", 1)
        late = plane.copier(master)
        master.does("CLOSE", 1)
        master.does("OPEN", 2)
        assert [(each.action, each.seq) for each in late.receives()] == [("OPEN", 3)]
        assert late.reasons() == ["NOT_COPIED", "COPIED"]

    def test_a_second_subscription_of_a_lane_does_not_get_what_the_first_was_owed(
        self, plane: Plane, master: Master
    ) -> None:
        first = plane.copier(master, lane=2)
        master.does("OPEN", 1)
        second = plane.copier(master, lane=2)
        master.does("OPEN", 2)
        got = plane.pump(2)
        assert [(each.subscription_id, each.seq) for each in got] == [
            (first.subscription, 1),
            (first.subscription, 2),
            (second.subscription, 2),
        ]

    def test_a_new_epoch_goes_on_where_the_old_one_ended(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        master.resync(2)
        master.does("CLOSE", 1)
        assert [(each.epoch, each.seq, each.delivery_seq) for each in copier.receives()] == [(1, 1, 1), (2, 1, 2)]


class TestPositions:
    @pytest.mark.parametrize("action", ["MODIFY", "AMEND", "CLOSE", "PARTIAL_CLOSE", "CANCEL"])
    def test_what_was_never_opened_is_not_managed(self, master: Master, copier: Copier, action: str) -> None:
        master.does(action, 9, volume="0.05")
        assert copier.receives() == []
        assert copier.reasons() == ["NOT_COPIED"]

    @pytest.mark.parametrize("together", [False, True])
    @pytest.mark.parametrize("second", ["OPEN", "PLACE"])
    def test_a_position_is_opened_once(self, master: Master, copier: Copier, together: bool, second: str) -> None:
        master.does("OPEN", 1)
        if not together:
            copier.receives()
        master.does(second, 1)
        copier.receives()
        assert copier.reasons() == ["COPIED", "ALREADY_COPIED"]

    @pytest.mark.parametrize("together", [False, True])
    def test_an_opening_that_was_too_small_does_not_take_the_position(
        self, plane: Plane, master: Master, together: bool
    ) -> None:
        copier = plane.copier(master, multiplier="0.1")
        for volume in ("0.05", "0.20", "0.30"):
            master.does("OPEN", 1, volume=volume)
            if not together:
                copier.receives()
        copier.receives()
        assert copier.reasons() == ["BELOW_MINIMUM", "COPIED", "ALREADY_COPIED"]
        assert copier.copy()["opened_volume"] == Decimal("0.02")

    def test_a_copy_that_the_guard_refused_is_not_managed(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        (opening,) = copier.receives()
        copier.reports(opening.delivery_seq, "REJECTED", code="TRG02")
        master.does("MODIFY", 1)
        master.does("CLOSE", 1)
        assert copier.receives() == []
        assert copier.reasons() == ["COPIED", "NOT_COPIED", "NOT_COPIED"]

    def test_a_copy_that_is_closed_is_not_closed_again_and_one_that_is_closing_is(
        self, master: Master, copier: Copier
    ) -> None:
        master.does("OPEN", 1)
        master.does("CLOSE", 1)
        opening, close = copier.receives()
        copier.reports(opening.delivery_seq)
        master.does("CLOSE", 1)
        assert [each.action for each in copier.receives()] == ["CLOSE"]
        copier.reports(close.delivery_seq)
        master.does("CLOSE", 1)
        assert copier.receives() == []


class TestCursor:
    def test_repeating_a_call_changes_nothing(self, plane: Plane, master: Master, copier: Copier) -> None:
        for action in ("OPEN", "MODIFY", "CLOSE"):
            master.does(action, 1)
        positions = plane.routes(copier.lane)
        fed = plane.feed(positions)
        first = plane.dispatch(copier.lane, positions, fed)
        assert len(first) == 3
        before = plane.rows("select d::text from signals.decisions as d order by seq")
        assert plane.dispatch(copier.lane, positions, fed) == []
        assert plane.rows("select d::text from signals.decisions as d order by seq") == before

    def test_a_call_that_overlaps_the_last_one_decides_only_what_is_new(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        positions = plane.routes(copier.lane)
        master.does("OPEN", 1)
        plane.dispatch(copier.lane, positions, plane.feed(positions))
        master.does("CLOSE", 1)
        got = plane.dispatch(copier.lane, positions, plane.feed(positions))
        assert [(each.seq, each.delivery_seq) for each in got] == [(2, 2)]

    def test_a_call_from_beyond_the_cursor_is_an_error_and_decides_nothing(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        master.does("OPEN", 1)
        master.does("CLOSE", 1)
        ahead = [Position(master.lane, master.stream, 1, 1)]
        with pytest.raises(psycopg.Error) as refusal:
            plane.dispatch(copier.lane, ahead, plane.feed(ahead))
        assert refusal.value.sqlstate == "TRS21"
        assert copier.reasons() == []
        assert [each.action for each in copier.receives()] == ["OPEN", "CLOSE"]

    def test_the_cursor_moves_past_what_nobody_gets(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("CLOSE", 9)
        plane.pump(copier.lane)
        assert plane.routes(copier.lane) == [(master.lane, master.stream, 1, 1)]
        assert plane.verify() == {}

    def test_a_lane_without_followers_decides_nothing(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        positions = plane.routes(copier.lane)
        elsewhere = (copier.lane + 1) % 8
        assert plane.dispatch(elsewhere, positions, plane.feed(positions)) == []
        assert copier.reasons() == []

    def test_an_empty_call_decides_nothing(self, plane: Plane, copier: Copier) -> None:
        assert plane.dispatch(copier.lane, [], []) == []
        assert plane.dispatch(copier.lane, plane.routes(copier.lane), []) == []

    def test_other_gateways_are_woken(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN")
        with plane.connect("ecp_gateway") as listener:
            listener.execute("listen ecp_deliveries")
            copier.receives()
            assert [note.payload for note in listener.notifies(timeout=5, stop_after=1)] == [str(copier.lane)]

    def test_two_dispatchers_at_once_deliver_everything_once(self, plane: Plane) -> None:
        master = plane.master(lane=1, rate=1000, burst=1000)
        copiers = [plane.copier(master, lane=2) for _ in range(3)]
        got: list[Delivery] = []

        def publish() -> None:
            with plane.connect("ecp_gateway") as connection:
                for position in range(1, 41):
                    batch = [master.signal(action, position) for action in ("OPEN", "MODIFY", "CLOSE")]
                    plane.ingest(batch, connection)

        def dispatch(limit: int) -> None:
            with plane.connect("ecp_gateway") as connection:
                while plane.routes(2, connection)[0].seq < 120:
                    positions = plane.routes(2, connection)
                    if fed := plane.feed(positions, limit, connection):
                        try:
                            got.extend(plane.dispatch(2, positions, fed, connection))
                        except psycopg.Error as error:
                            if error.sqlstate != "TRS21":
                                raise

        run_together(publish, lambda: dispatch(7), lambda: dispatch(1000))
        for copier in copiers:
            counted = sorted(each.delivery_seq for each in got if each.subscription_id == copier.subscription)
            assert counted == list(range(1, 121))
        assert plane.verify() == {}


SCRIPT = st.lists(
    st.fixed_dictionaries(
        {
            "action": st.sampled_from(["OPEN", "OPEN", "PLACE", "MODIFY", "PARTIAL_CLOSE", "CLOSE", "CANCEL"]),
            "position": st.integers(1, 3),
            "volume": st.sampled_from(["0.30", "0.20", "0.10", "0.02", "0.01"]),
            "age_ms": st.sampled_from([0, 0, 0, 450]),
        }
    ),
    min_size=1,
    max_size=15,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), script=SCRIPT)
def test_decisions_do_not_depend_on_how_signals_were_batched(
    plane: Plane, data: st.DataObject, script: list[dict[str, Any]]
) -> None:
    """The same signals, fed one by one to the subscribers of one lane and in batches of any size to another's."""
    master = plane.master(rate=1000, burst=1000)
    wishes: list[dict[str, Any]] = [{}, {"multiplier": "0.1"}, {"volume_min": "0.02", "ttl": "400 ms"}]
    single, batched = ([plane.copier(master, lane=lane, **each) for each in wishes] for lane in (2, 3))
    for what in script:
        sent_us = microseconds(plane.now - timedelta(milliseconds=what["age_ms"]))
        master.does(what["action"], what["position"], volume=what["volume"], sent_us=sent_us)
    plane.pump(2, limit=1)
    while fed := plane.feed([p for p in plane.routes(3) if p.stream_id == master.stream]):
        size = data.draw(st.integers(1, len(fed)), label="batch")
        plane.dispatch(3, [p for p in plane.routes(3) if p.stream_id == master.stream], fed[:size])
    for one, other in zip(single, batched, strict=True):
        assert state_of(plane, one) == state_of(plane, other)


def state_of(plane: Plane, copier: Copier) -> list[Any]:
    return [
        *plane.rows(
            "select epoch, seq, delivery_seq, reason, action, symbol, side, position_id, volume, inputs::text"
            " from signals.decisions where subscription_id = %s order by epoch, seq",
            copier.subscription,
        ),
        *plane.rows(
            "select position_id, master_volume, opened_volume, target_volume, status from signals.copies"
            " where subscription_id = %s order by 1",
            copier.subscription,
        ),
    ]
