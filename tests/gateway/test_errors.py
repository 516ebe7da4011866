"""The gateway's map and the registry in the database say the same."""

from typing import Any

import psycopg
import pytest

from gateway import ecp_pb2 as pb
from gateway.errors import FATAL, RESYNC_VERDICTS, STARTUP, Texts

pytestmark = pytest.mark.core


@pytest.fixture
def texts(db: psycopg.Connection[Any]) -> Texts:
    return Texts(db.execute("select code, name, message, hint from core.error_registry()").fetchall())


def test_every_code_is_registered(texts: Texts) -> None:
    assert [code for code in FATAL | RESYNC_VERDICTS.keys() if code not in texts] == []


def test_startup_texts_are_the_registry_s(texts: Texts) -> None:
    assert {code: texts[code] for code in STARTUP} == STARTUP


def test_only_the_first_refusal_of_a_code_carries_its_texts(texts: Texts) -> None:
    refusals = texts.refusals([None, "TRS02", "TRS04", "TRS02"])
    assert [(r.index, r.code, bool(r.message), bool(r.hint)) for r in refusals] == [
        (1, "TRS02", True, True),
        (2, "TRS04", True, True),
        (3, "TRS02", False, False),
    ]


def test_error_message(texts: Texts) -> None:
    error = texts.error("TRP01", "70000 bytes", fatal=True)
    assert error == pb.Error(
        code="TRP01", message=texts["TRP01"].message, detail="70000 bytes", hint=texts["TRP01"].hint, fatal=True
    )
