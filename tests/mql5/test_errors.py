"""Errors.mqh is what docs/errors.md says."""

from ops import mql5_errors


def test_the_committed_file_is_what_is_written() -> None:
    rows = mql5_errors.read(mql5_errors.SOURCE.read_text())
    assert mql5_errors.TARGET.read_text() == mql5_errors.write(rows), "run: python -m ops.mql5_errors"


def test_every_code_of_its_areas_is_read() -> None:
    page = mql5_errors.SOURCE.read_text()
    starts = tuple(f"| `TR{area}" for area in mql5_errors.AREAS)
    assert len(mql5_errors.read(page)) == sum(line.startswith(starts) for line in page.splitlines())


def test_no_two_constants_have_one_name() -> None:
    names = [row.name for row in mql5_errors.read(mql5_errors.SOURCE.read_text())]
    assert len(names) == len(set(names))
