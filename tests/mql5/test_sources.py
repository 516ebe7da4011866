"""Every MQL5 source can be read by a parser, has one layout, and keeps off what MetaEditor would not take."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

from ops.paths import ROOT

SOURCES = sorted([*(ROOT / "mql5").rglob("*.mq[h5]"), *(ROOT / "tests" / "mql5").rglob("*.mq[h5]")])
PARSER = Parser(Language(tree_sitter_cpp.language()))
EVERY = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))

# What MQL5 says otherwise than C++, where the parser stumbles: inputs are variables, and `input group` is a heading.
GROUP = re.compile(r"^input group .*$", re.MULTILINE)
INPUT = re.compile(r"^input (?=\w)", re.MULTILINE)
# C++ that MetaEditor does not know.
FOREIGN = re.compile(
    r"->|::(?=<)|\b(?:auto|nullptr|constexpr|namespace|using|noexcept|static_cast|reinterpret_cast|try|catch|throw|std)\b"
)
STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//.*$', re.MULTILINE)


def _plain(path: Path) -> str:
    return INPUT.sub("", GROUP.sub("", path.read_text()))


def _faults(node: Node) -> list[str]:
    if node.is_error or node.is_missing:
        return [f"line {node.start_point.row + 1}: {(node.text or b'').decode()[:60]}"]
    return [fault for child in node.children if child.has_error or child.is_missing for fault in _faults(child)]


def test_there_are_sources() -> None:
    assert {path.suffix for path in SOURCES} == {".mqh", ".mq5"}


@EVERY
def test_it_can_be_parsed(path: Path) -> None:
    assert not _faults(PARSER.parse(_plain(path).encode()).root_node)


def test_the_parser_notices(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mqh"
    broken.write_text("void F(void)\n{\n   if(true)\n      Print(1;\n}\n")
    assert _faults(PARSER.parse(_plain(broken).encode()).root_node)


@EVERY
def test_it_has_the_layout(path: Path) -> None:
    style = ROOT / "mql5" / ".clang-format"
    command = [
        str(Path(sys.executable).with_name("clang-format")),
        f"--style=file:{style}",
        "--assume-filename=source.cpp",
    ]
    formatted = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True).stdout
    assert formatted.decode() == path.read_text(), f"clang-format --style=file:{style} -i {path}"


@EVERY
def test_it_is_mql5_and_no_more(path: Path) -> None:
    code = STRING_OR_COMMENT.sub("", path.read_text())
    assert not FOREIGN.findall(code)
    assert "#ifdef" not in code
    assert "#import" not in code, "a DLL"
    assert path.read_bytes().isascii() or path.read_text(encoding="utf-8")


@EVERY
def test_a_program_is_strict(path: Path) -> None:
    assert path.suffix == ".mqh" or "#property strict\n" in path.read_text()


def test_one_include_has_all_of_the_library() -> None:
    library = ROOT / "mql5" / "Include" / "ExecutionControl"
    included = re.findall(r'^#include "(.+)"$', (library / "ExecutionControl.mqh").read_text(), re.MULTILINE)
    # Clock.mqh comes with those that go by it.
    assert set(included) | {"ExecutionControl.mqh", "Clock.mqh"} == {path.name for path in library.iterdir()}
