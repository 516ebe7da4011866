"""HMAC-SHA256 out of two sha256() calls, against the vectors of RFC 4231."""

import pytest

from tests.db.plane import Plane, sign

pytestmark = pytest.mark.core

# RFC 4231, section 4: key, data, HMAC-SHA-256. Case 5 is there cut to 128 bits; test_a_prefix has that.
VECTORS = {
    "4.2": (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    "4.3": (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    "4.4": (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    "4.5": (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    "4.7": (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    "4.8": (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
}


def matches(plane: Plane, key: bytes, message: bytes, tag: bytes | None) -> bool | None:
    found: bool | None = plane.value(
        "select core.hmac_matches(core.hmac_pad(k, 54), core.hmac_pad(k, 92), %s, %s) from (select %s::bytea as k)",
        message,
        tag,
        key,
    )
    return found


@pytest.mark.parametrize("section", VECTORS)
def test_the_vectors_of_rfc_4231_match(plane: Plane, section: str) -> None:
    key, message, tag = VECTORS[section]
    assert matches(plane, key, message, bytes.fromhex(tag)) is True


@pytest.mark.parametrize("section", VECTORS)
def test_every_flipped_bit_of_the_tag_is_refused(plane: Plane, section: str) -> None:
    key, message, tag = VECTORS[section]
    right = int(tag, 16)
    for bit in range(0, 256, 17):
        assert matches(plane, key, message, (right ^ 1 << bit).to_bytes(32)) is False


def test_a_prefix_of_the_tag_does_not_match(plane: Plane) -> None:
    """Case 5 of the RFC cuts its tag: here that is no tag."""
    tag = bytes.fromhex("a3b6167473100ee06e0c796c2955552b")
    assert sign(b"\x0c" * 20, b"Test With Truncation")[:16] == tag
    assert matches(plane, b"\x0c" * 20, b"Test With Truncation", tag) is False


@pytest.mark.parametrize("length", [0, 1, 31, 32, 63, 64, 65, 128, 1000])
def test_keys_and_messages_of_any_length_agree_with_the_standard_library(plane: Plane, length: int) -> None:
    key, message = bytes(i % 251 for i in range(length)), bytes(i % 241 for i in range(2 * length))
    assert matches(plane, key, message, sign(key, message)) is True


def test_nothing_is_never_a_tag(plane: Plane) -> None:
    assert matches(plane, b"key", b"message", None) is None
