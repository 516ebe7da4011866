"""What an installation chooses: known by name, not below what the plane promises, with who and why."""

import psycopg
import pytest

from tests.db.plane import START, Plane

pytestmark = pytest.mark.core

CHANGE = "select ops.change_setting(%s, %s::interval, %s, %s)"


def test_a_change_keeps_who_and_why(own_plane: Plane) -> None:
    own_plane.operator.execute(CHANGE, ["keep_signals", "400 days", "mia", "the auditor asked"])
    assert own_plane.record(
        "select value::text, changed_by, reason, changed_at from ops.settings where name = 'keep_signals'"
    ) == {"value": "400 days", "changed_by": "mia", "reason": "the auditor asked", "changed_at": START}
    assert own_plane.value("select ops.setting('keep_signals')::text") == "400 days"


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (("keep_signals", "30 days", "mia", "why not"), "settings_value_not_below_least"),
        (("keep_signals", "-1 day", "mia", "why not"), "settings_value_not_below_least"),
        (("keep_signals", None, "mia", "why not"), "settings_value_not_below_least"),
        (("keep_everything", "30 days", "mia", "why not"), "settings_known"),
        ((None, "30 days", "mia", "why not"), "settings_known"),
        (("keep_signals", "300 days", "", "why not"), "actor_and_reason"),
        (("keep_signals", "300 days", "mia", None), "actor_and_reason"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    own_plane: Plane, given: tuple[str | None, ...], rule: str
) -> None:
    before = own_plane.rows("select * from ops.settings order by name")
    with pytest.raises(psycopg.Error) as refused:
        own_plane.operator.execute(CHANGE, given)
    assert refused.value.sqlstate == "TRD17"
    assert f'"rule": "{rule}"' in str(refused.value.diag.message_detail)
    assert own_plane.rows("select * from ops.settings order by name") == before


def test_operators_read_them_and_nobody_writes_them(plane: Plane) -> None:
    assert plane.operator.execute("select count(*) > 0 from ops.settings").fetchone() == (True,)
    for role in ("ecp_operator", "ecp_auditor", "ecp_gateway", "ecp_api", "ecp_analyst"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update ops.settings set value = value")
