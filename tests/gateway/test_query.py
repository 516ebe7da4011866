"""How long what was found is: as long as what is in it, however deep."""

from gateway.query import length


def test_what_is_within_objects_and_arrays_counts() -> None:
    long = "x" * 1_000_000
    for row in ([long], [[long]], [{"detail": {"deep": [long]}}], [{long: 1}]):
        assert 1_000_000 <= length([row]) < 1_000_100
    assert length([[1, None, 2.5]]) < 10
