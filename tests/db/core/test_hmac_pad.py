"""The key pads of RFC 2104: all that is kept of a key."""

import hashlib

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 200])
@pytest.mark.parametrize("byte", [0x36, 0x5C])
def test_a_pad_is_the_key_in_a_block_of_64_bytes_xor_the_byte(plane: Plane, length: int, byte: int) -> None:
    key = bytes(i % 256 for i in range(length))
    block = (hashlib.sha256(key).digest() if length > 64 else key).ljust(64, b"\0")
    assert plane.value("select core.hmac_pad(%s, %s)", key, byte) == bytes(one ^ byte for one in block)


def test_no_key_has_no_pad(plane: Plane) -> None:
    assert plane.value("select core.hmac_pad(null, 54)") is None
