"""Bars out of any OHLC or tick file, streamed; prices are integers in 1e-8, as on the wire."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from ops.demo.layout import OHLC, SAMPLE, Layout, Row, Unreadable, detect, split, time_text
from ops.errors import Refusal

E8 = 10**8
# Room for the arithmetic around a price in a signed 64-bit integer of 1e-8.
PRICE_LIMIT = Decimal(10**9)


class BadBars(Refusal):
    """A price file that cannot be used: the message has file, line and reason."""


class Bar(NamedTuple):
    """A bar, or a tick as a bar in which nothing moved."""

    time: datetime
    open: int
    high: int
    low: int
    close: int


@dataclass(frozen=True)
class Survey:
    """What a file holds, after every row that will be played was read once; `swing` is the average true range."""

    count: int
    first: datetime
    last: datetime
    digits: int
    swing: int

    @property
    def point(self) -> int:
        """The smallest step of a price, in 1e-8."""
        return int(E8 // 10**self.digits)


def survey(path: Path, limit: int | None = None) -> Survey:
    """Read the file to its end, or `limit` bars: nobody shall trade on one that breaks in the middle.

    Raises BadBars.
    """
    count, digits, swings = 0, 0, 0
    first = last = None
    for bar in islice(read(path), limit):
        first = first or bar
        swings += true_range(bar, last or bar)
        last = bar
        count += 1
        while digits < 8 and any(price % 10 ** (8 - digits) for price in bar[1:]):
            digits += 1
    if first is None or last is None:
        raise BadBars("TRD15", f"{path}: there are no bars in it", "give a file with a row for each bar or tick")
    return Survey(count, first.time, last.time, digits, swings // count)


def true_range(bar: Bar, before: Bar) -> int:
    """How far the price moved in the bar, the step from the bar before it included."""
    return max(bar.high, before.close) - min(bar.low, before.close)


def read(path: Path) -> Iterator[Bar]:
    """The bars of the file, in its order, which must be that of time. Raises BadBars."""
    with _explained(path), _text(path) as file:
        head = list(islice(file, SAMPLE))
        layout = detect(head)
        file.seek(0)
        yield from _bars(layout, split(file, layout.separator))


def _bars(layout: Layout, rows: Iterator[Row]) -> Iterator[Bar]:
    if layout.has_header:
        next(rows)
    previous: datetime | None = None
    prices: tuple[int, ...] = ()
    for row in rows:
        if len(row.fields) < layout.width:
            raise Unreadable(
                row.line,
                f"{len(row.fields)} columns where the first row has {layout.width}",
                "complete the row, or remove it",
            )
        time = _time(layout, row)
        if previous is not None and time < previous:
            raise Unreadable(
                row.line, f"{time:%Y-%m-%d %H:%M:%S} is before the row above", "sort by time, oldest first"
            )
        previous = time
        prices = _prices(layout, row, prices)
        yield _bar(layout, row, time, prices)


def _time(layout: Layout, row: Row) -> datetime:
    text = time_text(row, layout.time)
    try:
        return layout.parse_time(text)
    except ValueError as error:
        raise Unreadable(row.line, f"{text!r} is not a time like those above it", "write all times alike") from error


def _prices(layout: Layout, row: Row, previous: tuple[int, ...]) -> tuple[int, ...]:
    """The row's prices; in ticks, an empty field means that this side did not change."""
    prices = []
    for turn, (name, column) in enumerate(layout.prices.items()):
        text = row.fields[column]
        if not text and previous and name in ("bid", "ask", "price"):
            prices.append(previous[turn])
        else:
            prices.append(_price(layout, row.line, name, text))
    return tuple(prices)


def _price(layout: Layout, line: int, name: str, text: str) -> int:
    try:
        price = Decimal(text.replace(",", ".") if layout.decimal_comma else text)
    except InvalidOperation as error:
        raise Unreadable(line, f"{name} is {text!r}, which is not a number", "correct the row, or remove it") from error
    if not (price.is_finite() and 0 < price < PRICE_LIMIT):
        raise Unreadable(line, f"{name} is {text}, and a price lies between 0 and 1e9", "correct the row, or remove it")
    return round(price * E8)


def _bar(layout: Layout, row: Row, time: datetime, prices: tuple[int, ...]) -> Bar:
    if tuple(layout.prices) != OHLC:
        middle = sum(prices) // len(prices)
        return Bar(time, middle, middle, middle, middle)
    bar = Bar(time, *prices)
    if bar.high < max(bar.open, bar.close) or bar.low > min(bar.open, bar.close):
        raise Unreadable(
            row.line,
            "high is not the highest or low not the lowest price of the bar",
            "correct the row, or name the columns in a first line if their order is another",
        )
    return bar


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns whatever is wrong with the file into one message."""
    try:
        yield
    except Unreadable as error:
        where = f"{path}, line {error.line}" if error.line else str(path)
        raise BadBars("TRD15", f"{where}: {error.reason}", error.hint) from error
    except UnicodeError as error:
        raise BadBars("TRD15", f"{path}: this is not a text file", "export the bars as CSV") from error
    except OSError as error:
        raise BadBars("TRD15", f"{path}: {error.strerror}", "check the path given to --bars") from error


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """The file as text: UTF-8, or UTF-16 as MetaTrader writes it."""
    with path.open("rb") as raw:
        mark = raw.read(2)
    encoding = "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    with path.open(encoding=encoding, newline="") as file:
        yield file
