"""The numbers that everybody shares, and how they are written on the way."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from decimal import Decimal

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
KEY = bytes(range(32))


def e8(value: str | int | None) -> int | None:
    return int(Decimal(value).scaleb(8)) if isinstance(value, str) else value


def microseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def sign(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
