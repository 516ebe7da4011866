"""The master's strategy is deterministic, and its intents are what an account could have done."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ops.demo.bars import E8, Bar, read
from ops.demo.strategy import LARGEST, LOT_STEP, SLOW, SMALLEST, Crossover, Intent
from ops.paths import EURUSD_BARS

POINT = 1000
START = datetime(2024, 1, 1, tzinfo=UTC)


def bars_from(closes: list[int], swing: int) -> list[Bar]:
    """Bars that open where the one before closed, and reach `swing` beyond."""
    opens = [closes[0], *closes[:-1]]
    return [
        Bar(START + timedelta(hours=n), first, max(first, last) + swing, max(min(first, last) - swing, POINT), last)
        for n, (first, last) in enumerate(zip(opens, closes, strict=True))
    ]


def played(bars: list[Bar]) -> list[Intent]:
    strategy = Crossover(POINT)
    intents = [intent for bar in bars for intent in strategy.on_bar(bar)]
    intents += strategy.close(bars[-1].close)
    assert strategy.held is None
    return intents


@given(
    closes=st.lists(st.integers(50_000, 150_000).map(lambda points: points * POINT), min_size=SLOW + 1, max_size=300),
    swing=st.integers(0, 2_000).map(lambda points: points * POINT),
)
def test_intents_follow_from_each_other_whatever_the_prices(closes: list[int], swing: int) -> None:
    held: Intent | None = None
    opened = 0
    for intent in played(bars_from(closes, swing)):
        assert intent.price > 0
        assert intent.stop_loss > 0
        assert intent.stop_loss % POINT == 0
        if intent.action == "OPEN":
            opened += 1
            assert held is None
            assert intent.position_id == opened
            assert SMALLEST <= intent.volume <= LARGEST
            assert intent.volume % LOT_STEP == 0
            held = intent
            continue
        assert held is not None
        assert (intent.position_id, intent.side) == (held.position_id, held.side)
        direction = 1 if intent.side == "BUY" else -1
        match intent.action:
            case "MODIFY":
                assert (intent.stop_loss - held.stop_loss) * direction > 0
                assert intent.volume == held.volume
            case "PARTIAL_CLOSE":
                assert 0 < intent.volume < held.volume
                assert intent.volume % LOT_STEP == 0
            case "CLOSE":
                assert intent.volume == held.volume
        held = None if intent.action == "CLOSE" else intent
    assert held is None


def test_the_same_bars_make_the_same_intents() -> None:
    bars = list(read(EURUSD_BARS))
    first = played(bars)
    assert first == played(bars)
    assert all(intent.volume % LOT_STEP == 0 for intent in first)
    assert Counter(intent.action for intent in first) == {
        "OPEN": 168,
        "CLOSE": 168,
        "MODIFY": 589,
        "PARTIAL_CLOSE": 86,
    }


def trend(then: list[int]) -> list[Bar]:
    """Down to settle the averages, then up so that they cross, then `then`; closes in points."""
    return bars_from([(100_000 - 10 * n) * POINT for n in range(40)] + [points * POINT for points in then], 10 * POINT)


def test_nothing_is_decided_before_the_slow_average_is_there() -> None:
    assert played(bars_from([E8 + n * POINT for n in range(SLOW)], POINT)) == []


def test_a_crossing_closes_and_opens_the_other_way_at_the_open_of_the_next_bar() -> None:
    bars = trend([99_610 + 20 * n for n in range(30)])
    opened, *_, closed, reopened, _ = [i for i in played(bars) if i.action in ("OPEN", "CLOSE")]
    assert (opened.side, opened.price) == ("SELL", bars[SLOW].open)
    assert closed.action == "CLOSE"
    assert (reopened.action, reopened.side) == ("OPEN", "BUY")
    assert reopened.price in [bar.open for bar in bars]


def test_a_stop_is_left_at_its_price_and_beyond_a_gap_at_the_open() -> None:
    within = trend([99_600, 99_700])
    stopped = played(within)[-1]
    before = [i for i in played(within) if i.action != "CLOSE"][-1]
    assert (stopped.action, stopped.price) == ("CLOSE", before.stop_loss)

    gap = [*trend([99_600]), Bar(START + timedelta(days=9), E8 * 2, E8 * 2, E8 * 2, E8 * 2)]
    assert played(gap)[-1].price == E8 * 2
