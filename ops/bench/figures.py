"""What a bench prints."""

import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import typer

from ops.bench import machine


@dataclass(frozen=True)
class Figures:
    """The result of a bench."""

    @abstractmethod
    def lines(self) -> Iterator[str]:
        """It, for people."""

    def print(self, *, as_json: bool) -> None:
        """It, for people or as one JSON object, with the machine that it was measured on."""
        measured = machine.measure()
        if as_json:
            typer.echo(json.dumps({**asdict(self), "machine": asdict(measured)}))
        else:
            typer.echo("\n".join([*self.lines(), measured.line()]))


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile, to three digits; 0.0 when there are no values."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) if ordered else 0.0


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: bool = True) -> Iterator[str]:
    """Lines in columns; all but the first are figures, and stand to the right, unless they are words."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for name, *cells in [head, *rows]:
        padded = (f"{cell:{'>' if right else '<'}{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join([name.ljust(widths[0]), *padded]).rstrip()
