"""Bars as SVG, for what a table of figures does not show at a glance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, LABEL, FIGURE, BAR, GAP = 760, 130, 90, 14, 10
SHADES = ["#2b6cb0", "#a3c4e8"]


@dataclass(frozen=True)
class Panel:
    """Named rows of one or two bars, all on one scale that begins at 0."""

    title: str
    rows: Sequence[tuple[str, Sequence[float]]]


def write(path: Path, title: str, panels: Sequence[Panel]) -> None:
    """One file with the panels below each other."""
    parts: list[str] = []
    top = 30
    for panel in panels:
        parts.extend(_panel(panel, top))
        top += 34 + sum(len(values) * BAR + GAP for _, values in panel.rows)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" font-family="sans-serif"'
        f' font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n{_text(10, 20, title, "bold")}\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _panel(panel: Panel, top: int) -> Iterator[str]:
    yield _text(10, top + 18, panel.title)
    longest = max((value for _, values in panel.rows for value in values), default=0) or 1
    y = top + 28
    for name, values in panel.rows:
        yield _text(20, y + 11, name)
        for value, shade in zip(values, SHADES, strict=False):
            width = (WIDTH - LABEL - FIGURE) * value / longest
            yield f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{shade}"/>'
            yield _text(LABEL + width + 6, y + 11, f"{value:,.0f}" if value >= 100 else f"{value:.1f}")
            y += BAR
        y += GAP


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y}" font-weight="{weight}">{escape(text)}</text>'
