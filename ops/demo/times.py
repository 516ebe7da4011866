"""The ways in which price files write time; one is chosen for a file, and every row must keep to it."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone

TimeParser = Callable[[str], datetime]

_CLOCK = r"(?P<hour>\d{2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,]?(?P<fraction>\d{1,9}))?)?"
_ZONE = r"\s*(?P<zone>Z|(?:UTC|GMT)?(?P<sign>[+-])(?P<zone_hour>\d{2}):?(?P<zone_minute>\d{2})|UTC|GMT)?"
_REST = rf"(?:[ T]*{_CLOCK}{_ZONE})?"

_YEAR_FIRST = re.compile(rf"(?P<year>\d{{4}})([-./]?)(?P<month>\d{{2}})\2(?P<day>\d{{2}}){_REST}")
_DAY_FIRST = re.compile(rf"(?P<day>\d{{2}})([-./])(?P<month>\d{{2}})\2(?P<year>\d{{4}}){_REST}")
_MONTH_FIRST = re.compile(rf"(?P<month>\d{{2}})([-./])(?P<day>\d{{2}})\2(?P<year>\d{{4}}){_REST}")

# Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their length: 2001 to 2286.
_EPOCH = re.compile(r"(?P<whole>\d{10}|\d{13}|\d{16}|\d{19})(?:\.\d+)?")
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)


class AmbiguousDate(ValueError):
    """Every date of the sample reads as a date whether the day or the month comes first."""


def parser_for(samples: Sequence[str]) -> TimeParser:
    """The one format that all samples are in; times without a zone are UTC. Raises ValueError, AmbiguousDate."""
    fitting = [parser for parser in (_epoch, _year_first, _day_first, _month_first) if _reads(parser, samples)]
    if not fitting:
        raise ValueError
    # A day with dots is written day first wherever dots are used at all.
    if len(fitting) > 1 and "." not in samples[0][:3]:
        raise AmbiguousDate
    return fitting[0]


def _reads(parser: TimeParser, samples: Sequence[str]) -> bool:
    try:
        for sample in samples:
            parser(sample)
    except ValueError:
        return False
    return True


def _epoch(text: str) -> datetime:
    found = _EPOCH.fullmatch(text)
    if found is None:
        raise ValueError
    digits = found["whole"]
    return _EPOCH_START + timedelta(microseconds=int(digits.ljust(16, "0")[:16]))


def _calendar(pattern: re.Pattern[str], text: str) -> datetime:
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError
    part = found.groupdict(default="0")
    zone = UTC
    if found["sign"]:
        away = timedelta(hours=int(part["zone_hour"]), minutes=int(part["zone_minute"]))
        zone = timezone(-away if found["sign"] == "-" else away)
    return datetime(
        int(part["year"]), int(part["month"]), int(part["day"]), int(part["hour"]), int(part["minute"]),
        int(part["second"]), int(part["fraction"].ljust(6, "0")[:6]), tzinfo=zone,
    )  # fmt: skip


def _year_first(text: str) -> datetime:
    return _calendar(_YEAR_FIRST, text)


def _day_first(text: str) -> datetime:
    return _calendar(_DAY_FIRST, text)


def _month_first(text: str) -> datetime:
    return _calendar(_MONTH_FIRST, text)
