"""What the clients meant to send and what they were told, kept outside Postgres.

A line is on disk before the frame that it tells of is sent (an intent), or as soon as its answer has arrived (an
ack). So whatever the plane loses, the journal still says what it had promised.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["signal intent", "signal ack", "report intent", "report ack"]


class Line(NamedTuple):
    """One signal or report. `of` is its stream or subscription, `seq` its seq or delivery_seq."""

    kind: Kind
    of: int
    seq: int
    content: str
    """What tells it from another of the same number: the tag of a signal, "STATUS ticket" of a report."""
    verdict: str = ""
    """Of an ack: what the first copy got, also when this was a repetition."""
    at_us: int = 0
    """When, by this machine's clock."""


class Journal:
    """Appends lines to a file; each call returns when they are on disk."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.acks = 0
        """How many acks were written."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, lines: Iterable[Line]) -> None:
        lines = list(lines)
        os.write(self._file, "".join(json.dumps(line) + "\n" for line in lines).encode())
        os.fdatasync(self._file)
        self.acks += sum(line.kind.endswith("ack") for line in lines)

    def close(self) -> None:
        os.close(self._file)


def read(path: Path) -> Iterator[Line]:
    """Every line of the file; a last one that was cut in the middle was never acted upon."""
    with path.open() as file:
        for text in file:
            with suppress(json.JSONDecodeError):
                yield Line(*json.loads(text))
