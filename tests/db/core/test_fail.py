"""Fail: an error of the caller, raised with its registered message and hint."""

import json

import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_an_error_carries_code_message_hint_and_its_detail_as_json(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as error:
        plane.admin.execute("""select core.fail('TRS21', '{"lane": 3}')""")
    message, hint = plane.rows("select message, hint from core.error_registry() where code = 'TRS21'")[0]
    assert error.value.sqlstate == "TRS21"
    assert error.value.diag.message_primary == message
    assert error.value.diag.message_hint == hint
    assert json.loads(str(error.value.diag.message_detail)) == {"lane": 3}


def test_a_code_that_is_not_registered_is_a_fault_of_ours(plane: Plane) -> None:
    with pytest.raises(psycopg.errors.NoDataFound):
        plane.admin.execute("select core.fail('TRX99')")
