"""How a price file is laid out: its separator, which column is what, and how it writes time."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from ops.demo.times import AmbiguousDate, TimeParser, parser_for

# In this order: what is left of the comma may be a decimal one where another separator is used.
SEPARATORS = ("\t", ";", "|", ",", " ")

# Names as exports write them, in lower case and without <>, spaces and punctuation.
WHOLE_TIME = {"datetime", "timestamp", "gmttime", "localtime", "utctime", "timeutc", "opentime", "unix", "unixtime"}
PRICES = {"open": "open", "o": "open", "high": "high", "h": "high", "low": "low", "l": "low", "close": "close",
          "c": "close", "bid": "bid", "ask": "ask", "price": "price", "last": "price", "mid": "price"}  # fmt: skip

OHLC = ("open", "high", "low", "close")
SAMPLE = 200


class Unreadable(Exception):
    """Why a file cannot be read as prices, at which line (0: as a whole), and what to do about it."""

    def __init__(self, line: int, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason
        self.hint = hint


class Row(NamedTuple):
    """The fields of a line, and its number in the file, from 1."""

    line: int
    fields: list[str]


@dataclass(frozen=True)
class Layout:
    """Where to find what: indexes of columns."""

    separator: str
    has_header: bool
    width: int
    time: tuple[int, ...]
    prices: dict[str, int]
    parse_time: TimeParser

    @property
    def decimal_comma(self) -> bool:
        return self.separator != ","


def detect(head: Sequence[str]) -> Layout:
    """The layout of a file that begins with these lines. Raises Unreadable."""
    separator = _separator(head)
    rows = list(split(head, separator))
    if not rows:
        raise Unreadable(0, "the file is empty", "give a file with a row for each bar or tick")
    first = rows[0]
    has_header = not any(_is_number(field) or _looks_like_time(field) for field in first.fields)
    data = rows[1 if has_header else 0 :][:SAMPLE]
    if not data:
        raise Unreadable(0, "there is a header, and not one row below it", "give a file with at least 100 rows")
    time, prices = _named(first) if has_header else _unnamed(first)
    width = len(data[0].fields)
    try:
        samples = [time_text(row, time) for row in data if len(row.fields) == width]
        parse_time = parser_for(samples)
    except AmbiguousDate as error:
        raise Unreadable(data[0].line, f"{samples[0]!r} may be day or month first", _TIME_HINT) from error
    except (ValueError, IndexError) as error:
        raise _no_time(data, time) from error
    return Layout(separator, has_header, width, time, prices, parse_time)


def split(lines: Iterable[str], separator: str) -> Iterator[Row]:
    """The rows of the file, without the empty ones. Raises Unreadable."""
    if separator == " ":
        for number, line in enumerate(lines, 1):
            if fields := line.split():
                yield Row(number, fields)
        return
    reader = csv.reader(lines, delimiter=separator)
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield Row(reader.line_num, [field.strip() for field in fields])
    except csv.Error as error:
        raise Unreadable(reader.line_num, str(error), "give a text file with one bar or tick in each line") from error


def time_text(row: Row, time: tuple[int, ...]) -> str:
    """What a row says about its time: one column, or a date and a time of day."""
    return " ".join(row.fields[column] for column in time)


_TIME_HINT = "write times like 2024-01-31 13:00, 2024.01.31 13:00, 20240131 130000, or seconds since 1970"
_COLUMN_HINT = "name the columns in a first line: time,open,high,low,close or time,bid,ask or time,price"


def _separator(head: Sequence[str]) -> str:
    lines = [line for line in head if line.strip()][:SAMPLE]
    for separator in SEPARATORS:
        widths = [len(line.split() if separator == " " else line.split(separator)) for line in lines]
        if widths and min(widths[:2]) > 1:
            return separator
    if not lines:
        return ","
    raise Unreadable(1, "there is only one column", "separate columns by comma, semicolon, tab or space")


def _named(header: Row) -> tuple[tuple[int, ...], dict[str, int]]:
    """Columns by the names in the header: a time, and OHLC or a price."""
    names = ["".join(c for c in field.lower() if c.isalnum()) for field in header.fields]
    prices: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in PRICES:
            prices.setdefault(PRICES[name], index)
    # pandas leaves the name of its index, a first column of times, empty.
    whole = [index for index, name in enumerate(names) if name in WHOLE_TIME or (index == 0 and not header.fields[0])]
    time = (whole[0],) if whole else tuple(names.index(name) for name in ("date", "time") if name in names)
    if not time:
        raise Unreadable(header.line, f"no column is the time: {', '.join(header.fields)}", _COLUMN_HINT)
    return time, _usable(header, prices)


def _usable(header: Row, prices: dict[str, int]) -> dict[str, int]:
    for wanted in (OHLC, ("bid", "ask"), ("price",), ("bid",), ("close",)):
        if all(name in prices for name in wanted):
            return {name: prices[name] for name in wanted}
    raise Unreadable(header.line, f"no columns with prices among {', '.join(header.fields)}", _COLUMN_HINT)


def _unnamed(first: Row) -> tuple[tuple[int, ...], dict[str, int]]:
    """Columns by their place: time, or date and time of day, then OHLC, or bid and ask, or a price."""
    fields = first.fields
    time: tuple[int, ...] = (0, 1) if len(fields) > 2 and _reads_as_time(f"{fields[0]} {fields[1]}") else (0,)
    rest = range(len(time), len(fields))
    numeric = [index for index in rest if _is_number(fields[index])]
    if not numeric:
        raise Unreadable(first.line, "there are no prices beside the time", _COLUMN_HINT)
    names = OHLC if len(numeric) >= 4 else ("bid", "ask") if len(numeric) > 1 else ("price",)
    return time, dict(zip(names, numeric, strict=False))


def _no_time(data: Sequence[Row], time: tuple[int, ...]) -> Unreadable:
    """Names the first row of the sample whose time cannot be read."""
    for row in data:
        text = time_text(row, time) if len(row.fields) > max(time) else ""
        if not _reads_as_time(text):
            return Unreadable(row.line, f"{text!r} is not a time", _TIME_HINT)
    return Unreadable(data[0].line, "times are written in different ways", _TIME_HINT)


def _looks_like_time(text: str) -> bool:
    return text[:1].isdigit()


def _reads_as_time(text: str) -> bool:
    try:
        parser_for([text])
    except AmbiguousDate:
        return True
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    try:
        return Decimal(text.replace(",", ".")).is_finite()
    except InvalidOperation:
        return False
