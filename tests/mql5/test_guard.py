"""The execution guard in MQL5 beside its rules, spelled out here, and beside the follower of ops.demo, on the same
deliveries in the same order."""

import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import ecp_pb2 as pb
from ops.demo import guard as demo
from tests.mql5.script import run

NOW = 1_700_000_000_000_000
PRICE = 107_219_000
PIP = 10_000
RAISES = (pb.OPEN, pb.PLACE)
STATES = ["SYNCED", "DEGRADED_GAP", "LOCKED_NO_FUNDS", "PAUSED_TOXIC", "PAUSED_BY_USER", "ENDED", "SOMETHING_NEW"]
UNSIGNED, SIGNED, FORGED = range(3)


@dataclass
class Case:
    """A delivery, and what is so when it is looked at."""

    seq: int = 1
    subscription: int = 9
    gap_fill: bool = False
    action: int = pb.OPEN
    side: int = pb.BUY
    price: int = PRICE
    max_deviation: int = 0
    sent: int = NOW
    expires: int = 0
    worst: int = 0
    now: int = NOW
    quote: int = PRICE
    needed: str = "0"
    free: str = "0"
    signature: int = UNSIGNED
    pip: int = PIP

    def __str__(self) -> str:
        return (
            f"delivery {self.subscription} {self.seq} {int(self.gap_fill)} {self.action} {self.side} {self.price} "
            f"{self.max_deviation} {self.sent} {self.expires} {self.worst} {self.now} {self.quote} {self.needed} "
            f"{self.free} {self.signature} {self.pip}"
        )

    def delivery(self) -> pb.Delivery:
        return pb.Delivery(
            subscription_id=self.subscription, delivery_seq=self.seq, gap_fill=self.gap_fill,
            action=pb.Action.Name(self.action), side=pb.Side.Name(self.side), price_e8=self.price,
            max_deviation_e8=self.max_deviation, sent_at_us=self.sent, expires_at_us=self.expires,
            worst_price_e8=self.worst,
        )  # fmt: skip


class Spec:
    """The rules, in their order: sequence, age, price, funds, signature, state."""

    def __init__(self, pips: float = 0, ttl_ms: int = 0) -> None:
        self.pips, self.ttl_ms = pips, ttl_ms
        self.last = 0
        self.state, self.told = "", 0

    def judge(self, case: Case) -> str:
        raises = case.action in RAISES
        stages = [
            self.sequence(case),
            "TRG01" if case.gap_fill or (raises and self.is_old(case)) else "",
            "TRG02" if case.action == pb.OPEN and self.has_moved(case) else "",
            "TRG05" if raises and not float(case.needed) <= float(case.free) else "",
            "TRS03" if case.signature == FORGED else "",
            self.status(case) if raises else "",
        ]
        return next(filter(None, stages), "ok")

    def sequence(self, case: Case) -> str:
        if case.subscription != 9:
            return "TRS17"
        return "" if case.seq == self.last + 1 else "TRS01" if case.seq <= self.last else "TRS02"

    def status(self, case: Case) -> str:
        is_decided_since = self.state in STATES[:-1] and case.seq > self.told
        return "" if is_decided_since or self.state == "SYNCED" else "TRG07"

    def is_old(self, case: Case) -> bool:
        own = self.ttl_ms and case.now - case.sent > 1000 * self.ttl_ms
        return case.now <= 0 or bool(case.expires and case.now > case.expires) or bool(own)

    def has_moved(self, case: Case) -> bool:
        moved = abs(case.quote - case.price)
        worse = case.quote - case.worst if case.side == pb.BUY else case.worst - case.quote
        return (
            case.quote <= 0
            or bool(case.max_deviation and moved > case.max_deviation)
            or bool(self.pips and (case.pip <= 0 or moved > self.pips * case.pip))
            or bool(case.worst and worse > 0)
        )


def _near(value: int, step: int) -> st.SearchStrategy[int]:
    """At the limit, beside it, and far from it."""
    return st.sampled_from([value, value + 1, value - 1, value + step, value - step, value + 100 * step])


CASES = st.builds(
    Case,
    subscription=st.sampled_from([9, 9, 9, 9, 9, 9, 9, 10]),
    gap_fill=st.sampled_from([False, False, False, True]),
    action=st.sampled_from([number for number in pb.Action.values() if number]),
    side=st.sampled_from([pb.BUY, pb.SELL]),
    max_deviation=st.sampled_from([0, 1, PIP, 50 * PIP]),
    sent=_near(NOW - 500_000, 1000),
    expires=st.one_of(st.just(0), _near(NOW, 500_000)),
    worst=st.one_of(st.just(0), _near(PRICE, PIP)),
    now=st.sampled_from([NOW, NOW, NOW, NOW, 0]),
    quote=st.one_of(_near(PRICE, PIP), st.sampled_from([0, -PRICE])),
    needed=st.sampled_from(["0", "100", "100.01", "nan"]),
    free=st.sampled_from(["100", "100", "0"]),
    signature=st.sampled_from([UNSIGNED, SIGNED, FORGED]),
    pip=st.sampled_from([PIP, PIP, PIP, 0]),
)
STEPS = st.one_of(
    st.tuples(st.just("delivery"), st.tuples(CASES, st.integers(-2, 2))),
    st.tuples(st.just("delivery"), st.tuples(CASES, st.just(1))),
    st.tuples(st.just("processed"), st.integers(0, 2)),
    st.tuples(st.just("told"), st.tuples(st.sampled_from(STATES), st.integers(-1, 2))),
    st.tuples(st.just("skip"), st.integers(-1, 3)),
)

PLAYS = st.lists(STEPS, min_size=20, max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pips=st.sampled_from([0, 0.1, 1, 50]),
    ttl_ms=st.sampled_from([0, 500]),
    steps=st.lists(STEPS, min_size=20, max_size=60),
)
def test_it_rules_as_is_written(tmp_path: Path, pips: float, ttl_ms: int, steps: list[tuple[str, Any]]) -> None:
    spec = Spec(pips, ttl_ms)
    lines, expected = [f"guard 9 {pips} {ttl_ms}"], []
    for kind, drawn in steps:
        match kind:
            case "delivery":
                case, ahead = drawn
                case.seq = max(spec.last + ahead, 0)
                lines.append(str(case))
                expected.append(spec.judge(case))
            case "processed":
                seq = spec.last + drawn
                lines.append(f"processed {seq}")
                spec.last += drawn == 1
            case "told":
                state, ahead = drawn
                spec.state, spec.told = state, max(spec.last + ahead, 0)
                lines.append(f"told {state} {spec.told}")
            case _:
                seq = max(spec.last + drawn, 0)
                lines.append(f"skip {seq}")
                spec.last = max(spec.last, seq - 1)
    assert run("Guard", tmp_path, {"cases.txt": "\n".join(lines)}) == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(CASES, min_size=1, max_size=40))
def test_it_rules_as_the_follower_of_the_demo(tmp_path: Path, cases: list[Case]) -> None:
    """Who has no limits of his own: of what the demo's guard looks at, with a price, a clock and enough money."""
    sequence = demo.Sequence()
    lines, expected = ["guard 9 0 0", "told SYNCED 0"], []
    for case in cases:
        case.subscription, case.needed, case.signature, case.now = 9, "0", UNSIGNED, NOW
        case.quote, case.seq = abs(case.quote) or PRICE, sequence.last + 1
        lines += [str(case), f"processed {case.seq}"]
        assert sequence.place(case.seq) == "next"
        sequence.last = case.seq
        code = None
        if case.gap_fill or case.action in demo.RAISES_EXPOSURE:
            code = demo.refusal(case.delivery(), plane_time_us=case.now, price=case.quote)
        expected.append(code or "ok")
    assert run("Guard", tmp_path, {"cases.txt": "\n".join(lines)}) == expected


# Each limit by itself: what is at it passes, what is beyond it does not.
LIMITS = [
    ({"subscription": 10}, "TRS17"),
    ({"seq": 0}, "TRS01"),
    ({"seq": 2}, "TRS02"),
    ({"gap_fill": True}, "TRG01"),
    ({"gap_fill": True, "action": pb.CLOSE}, "TRG01"),
    ({"now": 0}, "TRG01"),
    ({"expires": NOW}, "ok"),
    ({"expires": NOW - 1}, "TRG01"),
    ({"sent": NOW - 500_000}, "ok"),
    ({"sent": NOW - 500_001}, "TRG01"),
    ({"quote": 0}, "TRG02"),
    ({"quote": -PRICE}, "TRG02"),
    ({"quote": 0, "action": pb.PLACE}, "ok"),
    ({"max_deviation": 100, "quote": PRICE + 100}, "ok"),
    ({"max_deviation": 100, "quote": PRICE + 101}, "TRG02"),
    ({"max_deviation": 100, "quote": PRICE - 101}, "TRG02"),
    ({"quote": PRICE + 50 * PIP}, "ok"),
    ({"quote": PRICE + 50 * PIP + 1}, "TRG02"),
    ({"pip": 0}, "TRG02"),
    ({"worst": PRICE}, "ok"),
    ({"worst": PRICE - 1}, "TRG02"),
    ({"worst": PRICE + 1}, "ok"),
    ({"worst": PRICE, "side": pb.SELL}, "ok"),
    ({"worst": PRICE + 1, "side": pb.SELL}, "TRG02"),
    ({"worst": PRICE - 1, "side": pb.SELL}, "ok"),
    ({"needed": "100", "free": "100"}, "ok"),
    ({"needed": "100.01", "free": "100"}, "TRG05"),
    ({"needed": "nan", "free": "100"}, "TRG05"),
    ({"needed": "100", "free": "nan"}, "TRG05"),
    ({"needed": "100.01", "free": "100", "action": pb.PLACE}, "TRG05"),
    ({"signature": SIGNED}, "ok"),
    ({"signature": FORGED}, "TRS03"),
    ({"signature": FORGED, "action": pb.CLOSE}, "TRS03"),
]


@pytest.mark.parametrize(("fields", "code"), LIMITS)
def test_each_limit_by_itself(tmp_path: Path, fields: dict[str, Any], code: str) -> None:
    """Who has 50 pips and half a second of his own."""
    lines = f"guard 9 50 500\ntold SYNCED 5\n{Case(**fields)}"
    assert run("Guard", tmp_path, {"cases.txt": lines}) == [code]


@pytest.mark.parametrize("quote", [0, -PRICE])
def test_without_a_price_nothing_is_opened_even_where_there_is_no_limit(tmp_path: Path, quote: int) -> None:
    lines = f"guard 9 0 0\ntold SYNCED 5\n{Case(quote=quote)}"
    assert run("Guard", tmp_path, {"cases.txt": lines}) == ["TRG02"]


@pytest.mark.parametrize("state", STATES[1:-1])
def test_a_state_speaks_of_what_was_decided_before_it_was_told(tmp_path: Path, state: str) -> None:
    lines = [
        f"guard 9 0 0\ntold {state} 1",
        str(Case()),
        "processed 1",
        str(Case(seq=2)),
        str(Case(seq=2, action=pb.PLACE)),
    ]
    assert run("Guard", tmp_path, {"cases.txt": "\n".join(lines)}) == ["TRG07", "ok", "ok"]


# Too late, too far, too poor, and forged.
WRONG: dict[str, Any] = {"expires": NOW - 1, "quote": 2 * PRICE, "max_deviation": 1, "needed": "1"}


@pytest.mark.parametrize("action", sorted(set(pb.Action.values()) - {0, *RAISES}))
def test_what_manages_or_cuts_exposure_is_never_refused_for_age_price_money_or_state(
    tmp_path: Path, action: int
) -> None:
    case = Case(action=action, **WRONG)
    lines = ["guard 9 0.1 1", *(f"told {state} 5\n{case}" for state in STATES)]
    assert run("Guard", tmp_path, {"cases.txt": "\n".join(lines)}) == ["ok"] * len(STATES)


def test_the_first_stage_that_has_something_to_say_says_it(tmp_path: Path) -> None:
    everything = {**WRONG, "signature": FORGED}
    lines = ["guard 9 0 0", "told LOCKED_NO_FUNDS 5", str(Case(seq=3, **everything))]
    for name in ("seq", "expires", "quote", "needed", "signature"):
        everything.pop(name, None)
        lines.append(str(Case(**everything)))
    assert run("Guard", tmp_path, {"cases.txt": "\n".join(lines)}) == [
        "TRS02",
        "TRG01",
        "TRG02",
        "TRG05",
        "TRS03",
        "TRG07",
    ]


def test_before_the_plane_has_said_anything_that_is_understood_nothing_is_opened(tmp_path: Path) -> None:
    lines = ["guard 9 0 0", "state", str(Case()), "told SOMETHING_NEW 0", "state", str(Case())]
    assert run("Guard", tmp_path, {"cases.txt": "\n".join(lines)}) == ["GUARD_UNTOLD 0", "TRG07"] * 2


def test_what_is_missing_degrades_until_it_comes(tmp_path: Path) -> None:
    lines = ["guard 9 0 0", "told SYNCED 0", "state", "missing", "state", "processed 1", "state"]
    said = run("Guard", tmp_path, {"cases.txt": "\n".join(lines)})
    assert said == ["GUARD_SYNCED 0", "GUARD_DEGRADED_GAP 0", "GUARD_SYNCED 1"]


def test_a_tag_that_cannot_be_checked_is_a_forged_one_like_any_that_is_not_right(tmp_path: Path) -> None:
    key, payload = bytes(range(32)), b"what was signed"
    tag = hmac.digest(key, payload, "sha256")
    wrong = [tag[:at] + bytes([tag[at] ^ 1]) + tag[at + 1 :] for at in (0, 15, 31)] + [tag[:-1], tag + b"\0"]
    lines = ["guard 9 0 0", f"verify {payload.hex()} -", f"verify {payload.hex()} {tag.hex()}", f"key {key.hex()}"]
    lines += [f"verify {payload.hex()} -", f"verify {payload.hex()} {tag.hex()}", f"verify {b'else'.hex()} {tag.hex()}"]
    lines += [f"verify {payload.hex()} {bad.hex()}" for bad in wrong]
    assert run("Guard", tmp_path, {"cases.txt": "\n".join(lines)}) == [
        "GUARD_UNSIGNED", "GUARD_FORGED", "GUARD_UNSIGNED", "GUARD_SIGNED", *["GUARD_FORGED"] * 6,
    ]  # fmt: skip
