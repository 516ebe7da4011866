"""Writes mql5/Include/ExecutionControl/Errors.mqh from docs/errors.md: python -m ops.mql5_errors

The registry in the database is held against the same page by a test, so an expert advisor and the plane speak of the
same codes.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

from ops.paths import ROOT

SOURCE = ROOT / "docs" / "errors.md"
TARGET = ROOT / "mql5" / "Include" / "ExecutionControl" / "Errors.mqh"

# Those that an expert advisor can meet: D for a database that is away. The others are of SQL and the command line.
AREAS = "PASRBGD"

_ROW = re.compile(rf"^\| `(TR[{AREAS}]\d\d)` \| ([A-Z_]+) \| (.+?) \| (.+?) \|$", re.MULTILINE)

_HEAD = """\
// Written by `python -m ops.mql5_errors` from docs/errors.md: change that page, not this file.

"""

_LOOK_UP = """\
// Where a code stands in ErrorTexts, -1: it is not one of these. Name, what happened and what to do follow it.
int ErrorRow(const string code)
{
   for(int row = 0; row < ArraySize(ErrorTexts); row += 4)
      if(ErrorTexts[row] == code)
         return row;
   return -1;
}
"""


class Row(NamedTuple):
    """A code as the page has it."""

    code: str
    name: str
    happened: str
    advice: str


def read(page: str) -> list[Row]:
    """The codes of AREAS on the page, in its order."""
    return [Row(*found.groups()) for found in _ROW.finditer(page)]


def write(rows: list[Row]) -> str:
    """The content of Errors.mqh."""
    constants = "".join(f"#define TR_{row.name} {_quoted(row.code)}\n" for row in rows)
    texts = ",\n".join(f"   {', '.join(map(_quoted, row))}" for row in rows)
    table = f"const string ErrorTexts[] = {{\n{texts}\n}};\n"
    return f"{_HEAD}// clang-format off\n{constants}\n{table}// clang-format on\n\n{_LOOK_UP}"


def _quoted(text: str) -> str:
    plain = text.replace("`", "'").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def main(target: Path = TARGET) -> None:
    target.write_text(write(read(SOURCE.read_text())))
    sys.stdout.write(f"{target.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
