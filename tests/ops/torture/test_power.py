"""What a power cut leaves of a log."""

from pathlib import Path

from ops.torture import power


def test_nothing_is_left_behind_the_position(tmp_path: Path) -> None:
    names = [f"00000001000000000000000{number}" for number in (1, 2, 3)]
    for name in (*names, "archive_status"):
        (tmp_path / name).write_bytes(b"x" * 100)
    power.forget(tmp_path, names[1], 40)
    assert (tmp_path / names[0]).read_bytes() == b"x" * 100
    assert (tmp_path / names[1]).read_bytes() == b"x" * 40 + bytes(60)
    assert not (tmp_path / names[2]).exists()
    assert (tmp_path / "archive_status").exists()
