"""The bytes of docs/protocol.md and of the RFCs, as the MQL5 library makes them; and decimals that are exact."""

import hashlib
import hmac
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from ops.paths import ROOT
from tests.docs.test_protocol import VECTOR
from tests.mql5.script import run

# What the plane answers is read, not written, by an expert advisor: test_codec.py.
ANSWERS = {"ack", "book_ack"}

# RFC 4231 has one case that cuts the tag off; it is here in full. RFC 2104 speaks of keys longer than a block, of none,
# and of one as long.
RFC_4231 = [
    (b"\x0b" * 20, b"Hi There"),
    (b"Jefe", b"what do ya want for nothing?"),
    (b"\xaa" * 20, b"\xdd" * 50),
    (bytes(range(1, 26)), b"\xcd" * 50),
    (b"\x0c" * 20, b"Test With Truncation"),
    (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First"),
    (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
        b"hashed before being used by the HMAC algorithm.",
    ),
]
RFC_4231_TAGS = [
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    None,
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
]
RFC_2104 = [(b"", b""), (b"k" * 63, b"x"), (b"k" * 64, b"x"), (b"k" * 65, b"x"), (b"k", b"x" * 1000)]

SCALED = [
    "0 8", "0.1 8", "0.3 1", "1.07219 5", "-1.07219 5", "1.072195 5", "0.00000001 8", "12345678.91 2",
    "9999999999.99 2", "-12.5 2", "88888888888 0", "0.29 2", "2.675 3", "150.123 3",
]  # fmt: skip
REFUSED = ["nan 8", "inf 8", "90000000000 8", "-90000000000 8", "1 9", "1 -1"]


def test_the_documented_bytes_are_made(tmp_path: Path) -> None:
    documented = dict(VECTOR.findall((ROOT / "docs" / "protocol.md").read_text()))
    made = dict(line.split(" ") for line in run("Vectors", tmp_path) if line.split(" ")[0] in documented)
    assert made.keys() == documented.keys() - ANSWERS
    assert made == {name: documented[name] for name in made}


def test_hmac_is_that_of_the_rfcs(tmp_path: Path) -> None:
    cases = RFC_4231 + [case for case in RFC_2104 if all(case)]
    lines = "\n".join(f"{key.hex()} {data.hex()}" for key, data in cases)
    said = run("Vectors", tmp_path, {"hmac.txt": lines})
    assert "without a key nothing is signed" in said
    tags = [line for line in said if line.startswith("hmac ")]
    assert tags == [f"hmac {hmac.digest(key, data, 'sha256').hex()} matches" for key, data in cases]
    for line, tag in zip(tags, RFC_4231_TAGS, strict=False):
        assert tag is None or tag in line


def test_the_reference_is_the_definition() -> None:
    """HMAC by the formula of RFC 2104, so that the test above compares with more than a library."""
    for key, data in RFC_4231 + RFC_2104:
        block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + data).digest()
        outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()
        assert outer == hmac.digest(key, data, "sha256")


def test_decimals_are_scaled_exactly(tmp_path: Path) -> None:
    said = run("Vectors", tmp_path, {"scaled.txt": "\n".join(SCALED)})
    lines = [line for line in said if line.startswith("scaled ")]
    for case, line in zip(SCALED, lines, strict=True):
        value, digits = case.split(" ")
        rounded = Decimal(value).quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP)
        assert line.split(" ")[1:3] == ["yes", str(int(rounded * 10**8))], case
        assert line.endswith("same") == (rounded == Decimal(value)), case


def test_what_is_no_decimal_is_refused(tmp_path: Path) -> None:
    lines = [
        line for line in run("Vectors", tmp_path, {"scaled.txt": "\n".join(REFUSED)}) if line.startswith("scaled ")
    ]
    assert lines == ["scaled no 0 other"] * len(REFUSED)
