"""What a bench prints."""

import json
from abc import abstractmethod
from collections.abc import Iterator
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
