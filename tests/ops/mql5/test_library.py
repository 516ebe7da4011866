"""Built-in functions: arrays, strings, numbers and times, files, digests."""

from pathlib import Path

import pytest

from ops.mql5.build import build
from ops.mql5.program import run_script
from tests.ops.mql5.conftest import PROGRAMS


@pytest.fixture(scope="module")
def library() -> Path:
    """With sanitizers: what is tried here is the runtime itself."""
    return build(PROGRAMS / "Library.mq5", sanitize=True)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("section", ["arrays", "strings", "numbers", "files", "crypto"])
async def test_a_section_prints_what_metatrader_prints(library: Path, tmp_path: Path, section: str) -> None:
    printed = await run_script(library, tmp_path, {"InpSection": section})
    assert printed == (PROGRAMS / f"Library.{section}.txt").read_text().split("\n")[:-1]


async def test_no_file_is_reached_outside_of_the_sandbox(library: Path, tmp_path: Path) -> None:
    await run_script(library, tmp_path / "home", {"InpSection": "files"})
    assert names(tmp_path) == ["home"]
    assert (tmp_path / "home/Common/Files/u.csv").read_bytes().decode("utf-16") == "a;2.5;true\r\n"
