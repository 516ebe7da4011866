"""What MQL5 says otherwise than C++, compiled and run."""

import re
from pathlib import Path

import pytest

from ops.errors import Refusal
from ops.mql5.build import build
from ops.mql5.program import Stuck, Value, run_script
from ops.mql5.rewrite import rewrite
from tests.ops.mql5.conftest import PROGRAMS

PRINTED = {
    "pointers": """
        areas 9.25, sides 4, alive 2
        square 3, none true, true
        automatic true, dynamic true
        grown 4 3, chained 9.0, same true
        through the base 9.0
        deleted true, alive 1
        hi Ada 1""",
    "structures": """
        7 9 2.5 2
        EURUSD 0.0 TRADE_ACTION_DEAL
        0.0 0""",
    "types": """
        5000000000 44 65 2024.01.02 03:04:05 1704164645 255 255
        1.5 true 5000000000 3 -3 842
        -2147483648 9223372036854775808 3 -1 240 -1
        truefalsefalsetrue0
        6
        SPARSE_LOW SPARSE_HIGH ESparse::5 POSITION_TYPE_SELL 100000""",
    "functions": """
        12 7 6 hello, world Functions CSquare::Name Language.mq5
        9 1.5 1899447441 three 6
        2b 16.0
        five
        03 2
        MQL5""",
    "leaks": """
        1.0
        1 undeleted objects left""",
    "inputs": "5 0.5 false ORDER_TYPE_BUY COLOUR_GREEN 2024.02.29 00:00:00 7",
}


@pytest.fixture(scope="module")
def language() -> Path:
    return build(PROGRAMS / "Language.mq5")


@pytest.mark.parametrize("section", PRINTED)
async def test_a_program_prints_what_metatrader_prints(language: Path, tmp_path: Path, section: str) -> None:
    printed = await run_script(language, tmp_path, {"InpSection": section})
    assert printed == [line.strip() for line in PRINTED[section].strip().splitlines()]


async def test_inputs_come_from_the_set_file(language: Path, tmp_path: Path) -> None:
    inputs: dict[str, Value] = {
        "InpSection": "inputs", "InpCount": "-9||1||1||10||N", "InpRatio": 1.25, "InpFlag": True, "InpType": 5,
        "InpColour": 5, "InpFrom": "2020.01.01 00:00", "InpMagic": 18446744073709551615,
    }  # fmt: skip
    printed = await run_script(language, tmp_path, inputs)
    assert printed == ["-9 1.25 true ORDER_TYPE_SELL_STOP COLOUR_BLUE 2020.01.01 00:00:00 18446744073709551615"]


@pytest.mark.parametrize(
    ("section", "error"),
    [("bounds", "array out of range in 'Language.mq5'"), ("null", "invalid pointer access")],
)
async def test_a_critical_error_ends_the_program(language: Path, tmp_path: Path, section: str, error: str) -> None:
    with pytest.raises(Stuck, match=error):
        await run_script(language, tmp_path, {"InpSection": section})


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("void OnStart()\n{\n   int unused;\n}", r"Bad\.mq5:3:.*unused"),
        ("void OnStart()\n{\n   string s = 5;\n   Print(s);\n}", r"Bad\.mq5:3:"),
        ("enum E { A };\nvoid OnStart()\n{\n   E e = 1;\n   Print(e);\n}", r"Bad\.mq5:4:"),
        ('#import "user32.dll"\nvoid OnStart() {}', r"Bad\.mq5:1: #import"),
        ("#include <Nowhere.mqh>\nvoid OnStart() {}", r"Bad\.mq5:1: there is no Nowhere\.mqh"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(tmp_path: Path, source: str, error: str) -> None:
    bad = tmp_path / "Bad.mq5"
    bad.write_text(source)
    with pytest.raises(Refusal, match=error):
        build(bad)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("uchar a[], b[N], c;", "mql::Array<uchar> a; mql::Fixed<uchar, (N)> b; uchar c;"),
        ("static const int t[2][3] = {1, 2};", "static const mql::Fixed<mql::Fixed<int, (3)>, (2)> t = {1, 2};"),
        (
            "void f(const string &a[], int x, double &y[]);",
            "void f(const mql::Array<string> &a, int x, mql::Array<double> &y);",
        ),
        ("CFoo *a, *b[];", "mql::Ptr<CFoo> a; mql::Array<mql::Ptr<CFoo>> b;"),
        ("const CFoo *a;", "mql::Ptr<const CFoo> a;"),
        ("x = y & a[i] * b[j];", "x = y & a[i] * b[j];"),
        ("a.b.c = 1.5 + .5;", "a->b->c = 1.5 + .5;"),
        ("f(this); this.x = &this;", "f(mql::pointer(this)); this->x = mql::pointer(this);"),
        ("CFoo *a = dynamic_cast<CFoo *>(b);", "mql::Ptr<CFoo> a = mql::cast<mql::Ptr<CFoo>>(b);"),
        ("long t = D'1970.01.02';", "long t = ((datetime)86400);"),
        ("for(int i = 0, n = ArraySize(a); i < n; i++) ;", "for(int i = 0, n = ArraySize(a); i < n; i++) ;"),
        ("s = \"a.b\" + '.'; // c.d", "s = u\"a.b\"_s + u'.';"),
    ],
)
def test_only_what_differs_is_rewritten(tmp_path: Path, source: str, expected: str) -> None:
    path = tmp_path / "Part.mq5"
    path.write_text(f"class CFoo\n{{\n}};\n{source}\n")
    line = rewrite(path).cpp.split("#line 1", 1)[1].splitlines()[4]
    assert re.sub(r"(?<=>)\s+|\s+", " ", line).replace("> ", ">").strip() == expected.replace("> ", ">")
