"""The folder is read in a definite order, and what cannot be ordered is refused."""

from pathlib import Path

import pytest

from ops.errors import Refusal
from ops.schema import tree

pytestmark = pytest.mark.core


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_what_is_required_comes_first(tmp_path: Path) -> None:
    write(tmp_path, "functions/a/first.sql", "-- requires: b/second, c/third\n")
    write(tmp_path, "functions/b/second.sql", "-- requires: c/third\n")
    write(tmp_path, "functions/c/third.sql")
    write(tmp_path, "policies/access/a.sql", "-- requires: a/first\n")
    found = tree.read(tmp_path)
    assert [source.object for source in found.functions] == ["c.third", "b.second", "a.first"]
    assert [source.name for source in found.policies] == ["access/a"]


def test_a_circle_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "functions/a/x.sql", "-- requires: a/y")
    write(tmp_path, "functions/a/y.sql", "-- requires: a/z")
    write(tmp_path, "functions/a/z.sql", "-- requires: a/x")
    with pytest.raises(Refusal, match=r"a/x → a/y → a/z → a/x|a/y → a/z → a/x → a/y|a/z → a/x → a/y → a/z") as caught:
        tree.read(tmp_path)
    assert caught.value.code == "TRD10"


@pytest.mark.parametrize(
    ("paths", "text"),
    [
        (["functions/a/x.sql"], "-- requires: a/nothing"),
        (["functions/x.sql"], ""),
        (["functions/a/b/x.sql"], ""),
        (["migrations/1_short.sql"], ""),
        (["migrations/0001_one.sql", "migrations/0001_other.sql"], ""),
    ],
)
def test_a_file_out_of_place_is_refused(tmp_path: Path, paths: list[str], text: str) -> None:
    for path in paths:
        write(tmp_path, path, text)
    with pytest.raises(Refusal) as caught:
        tree.read(tmp_path)
    assert caught.value.code == "TRD10"


def test_every_byte_and_path_counts_in_the_fingerprint(tmp_path: Path) -> None:
    seen = {tree.read(tmp_path).fingerprint}
    for path, text in [("a/x", "1"), ("a/x", "2"), ("a/y", "2")]:
        write(tmp_path, f"functions/{path}.sql", text)
        seen.add(tree.read(tmp_path).fingerprint)
    (tmp_path / "functions/a/x.sql").unlink()
    seen.add(tree.read(tmp_path).fingerprint)
    assert len(seen) == 5
