"""What operators do is recorded, with who, why, before and after; and no secret ever is."""

from typing import Any

import psycopg
import pytest

from tests.db.plane import KEY, START, Copier, Master, Plane

pytestmark = pytest.mark.core


def recorded(plane: Plane, kind: str) -> list[dict[str, Any]]:
    cursor = plane.admin.cursor(row_factory=psycopg.rows.dict_row)
    return cursor.execute("select * from audit.records where kind = %s order by record_id", [kind]).fetchall()


def test_a_change_is_kept_with_what_it_was_before(plane: Plane, master: Master) -> None:
    plane.admin.execute("update signals.streams set burst = 7, lane = lane where stream_id = %s", [master.stream])
    (change,) = recorded(plane, "signals.streams UPDATE")
    assert change["subject"] == {"stream_id": master.stream}
    assert (change["before"]["burst"], change["after"]["burst"]) == (100, 7)
    assert (change["lane"], change["occurred_at"]) == (master.lane, START)


def test_an_actor_that_the_call_names_is_recorded_beside_the_login(plane: Plane, master: Master) -> None:
    revoked = plane.license(master.account, "publish").license_id
    plane.operator.execute("select access.revoke_license(%s, 'a drill', 'a test')", [revoked])
    (end,) = recorded(plane, "access.licenses UPDATE")
    login = plane.value("select session_user::text")
    assert (end["actor"], end["reason"], end["login"]) == ("a test", "a drill", login)


def test_without_a_named_actor_it_was_the_login_and_not_the_role_that_was_set(plane: Plane) -> None:
    plane.account("provider")
    (creation,) = recorded(plane, "access.accounts INSERT")
    assert creation["actor"] == creation["login"] == plane.value("select session_user::text") != "ecp_operator"
    assert creation["before"] is None


def test_no_setting_of_the_session_changes_who_it_was(plane: Plane) -> None:
    with plane.connect("ecp_operator") as connection:
        for setting in ("application_name", "ecp.actor"):
            connection.execute("select set_config(%s, 'somebody else', false)", [setting])
        connection.execute("select access.create_account('liar', '{provider}')")
    assert recorded(plane, "access.accounts INSERT")[-1]["actor"] == plane.value("select session_user::text")


def test_licenses_from_issue_to_end_without_their_secrets(plane: Plane) -> None:
    license_ = plane.license(plane.account("provider"), "publish")
    plane.operator.execute("select access.rotate_license(%s)", [license_.license_id])
    (successor,) = plane.rows("select license_id from access.licenses where license_id <> %s", license_.license_id)
    plane.operator.execute("select access.revoke_license(%s, 'it leaked', 'a test')", [successor])
    issued, replaced = recorded(plane, "access.licenses INSERT")
    rotated, revoked = recorded(plane, "access.licenses UPDATE")
    assert issued["after"]["purpose"] == replaced["after"]["purpose"] == "publish"
    assert rotated["after"]["replaced_by"] == str(successor) == revoked["subject"]["license_id"]
    assert (revoked["actor"], revoked["reason"]) == ("a test", "it leaked")


def test_no_secret_and_no_hash_of_one_is_kept(plane: Plane, master: Master, copier: Copier) -> None:
    plane.admin.execute("update signals.streams set key_inner = key_outer where stream_id = %s", [master.stream])
    assert len(recorded(plane, "signals.streams UPDATE")) == 1, "that it was changed is no secret"
    kept = plane.value("select string_agg(to_jsonb(r)::text, '') from audit.records as r")
    secrets = plane.rows(
        "select encode(secret_hash, 'hex') from access.licenses union all"
        " select encode(key_inner, 'hex') from signals.streams"
    )
    for secret in [*secrets, KEY.hex(), master.license.token[-64:], copier.license.token[-64:]]:
        assert secret not in kept


def test_settings_keep_every_version(plane: Plane, copier: Copier) -> None:
    plane.write_settings(copier.subscription, multiplier=3)
    first, second = recorded(plane, "signals.copy_settings INSERT")
    assert (first["actor"], second["actor"]) == (f"account {copier.account}", "operator")
    assert second["subject"] == {"subscription_id": copier.subscription, "version": 2}
    assert second["after"]["multiplier"] == 3


def test_protections_and_settlements_are_kept_with_who_and_why(plane: Plane, master: Master, copier: Copier) -> None:
    limit = plane.protect(copier.portfolio, "EQUITY_FLOOR", "9000")
    copier.beats("8000")
    plane.lift_protection(limit)
    plane.remove_protection(limit)
    master.does("OPEN")
    copier.receives()
    copier.doubts(1)
    plane.operator.execute(
        "select signals.settle(%s, 1, 'FAILED', null, null, 'a test', 'asked')", [copier.subscription]
    )
    (made,) = recorded(plane, "signals.protect")
    (lifted,) = recorded(plane, "signals.lift_protection")
    (removed,) = recorded(plane, "signals.remove_protection")
    (settled,) = recorded(plane, "signals.settle")
    assert made["subject"] == lifted["subject"] == removed["subject"] == {"protection_id": limit}
    assert (made["after"]["threshold"], lifted["before"]["triggered_value"]) == (9000, 8000)
    assert (lifted["actor"], lifted["reason"], removed["actor"]) == ("a test", "a drill", "a test")
    assert (settled["actor"], settled["reason"], settled["after"]["status"]) == ("a test", "asked", "FAILED")


def test_what_is_set_up_is_recorded(plane: Plane, master: Master, copier: Copier) -> None:
    plane.map_symbol(copier.portfolio, "EURUSD", "EURUSD.x")
    plane.map_symbol(copier.portfolio, "EURUSD", None)
    plane.news(START)
    plane.define(master.stream, "EURUSD", digits=4)
    kinds = plane.rows("select distinct kind from audit.records order by kind")
    assert kinds == [
        "access.accounts INSERT",
        "access.licenses INSERT",
        "signals.copy_settings INSERT",
        "signals.create_portfolio",
        "signals.instruments INSERT",
        "signals.instruments UPDATE",
        "signals.news INSERT",
        "signals.streams INSERT",
        "signals.symbol_maps DELETE",
        "signals.symbol_maps INSERT",
    ]


def test_what_changes_nothing_is_no_change(plane: Plane, master: Master) -> None:
    plane.define(master.stream, "EURUSD")
    plane.news(START)
    plane.news(START)
    assert recorded(plane, "signals.instruments UPDATE") == recorded(plane, "signals.news UPDATE") == []


def test_what_is_rolled_back_was_not_done(plane: Plane) -> None:
    with plane.connect("ecp_operator") as connection, connection.transaction(force_rollback=True):
        connection.execute("select access.create_account('nobody', '{provider}')")
    assert recorded(plane, "access.accounts INSERT") == []


def test_what_every_signal_writes_is_not_written_twice(plane: Plane, master: Master, copier: Copier) -> None:
    before = plane.value("select count(*) from audit.records")
    master.does("OPEN")
    (delivery,) = copier.receives()
    copier.reports(delivery.delivery_seq, volume="0.10", ticket=1)
    copier.beats("10000")
    assert plane.value("select count(*) from audit.records") == before


def test_what_the_installation_chooses_is_kept_with_who_and_why(own_plane: Plane) -> None:
    own_plane.operator.execute("select ops.change_setting('keep_signals', '400 days', 'mia', 'the auditor asked')")
    (change,) = recorded(own_plane, "ops.settings UPDATE")
    assert change["subject"] == {"name": "keep_signals"}
    assert (change["before"]["value"], change["after"]["value"]) == ("180 days", "400 days")
    assert (change["actor"], change["reason"]) == ("mia", "the auditor asked")
    own_plane.admin.execute("update ops.settings set least = '1 day' where name = 'keep_signals'")
    assert recorded(own_plane, "ops.settings UPDATE")[-1]["after"]["least"] == "1 day"


def test_a_reset_of_trust_is_kept_with_who_and_why(plane: Plane, copier: Copier) -> None:
    plane.reset_trust(copier.account, "subscriber", 70, "a slow line, mended", "Ada")
    (reset,) = recorded(plane, "trust.reset")
    assert (reset["lane"], reset["subject"]) == (copier.lane, {"account_id": copier.account, "role": "subscriber"})
    assert (reset["before"], reset["after"]) == ({"score": 100}, {"score": 70})
    assert (reset["actor"], reset["reason"]) == ("Ada", "a slow line, mended")


def test_what_moves_a_score_is_configuration(own_plane: Plane) -> None:
    own_plane.admin.execute("update trust.rules set points = -1 where role = 'provider' and code = 'TRS01'")
    (change,) = recorded(own_plane, "trust.rules UPDATE")
    assert change["subject"] == {"role": "provider", "code": "TRS01"}
    assert (change["before"]["points"], change["after"]["points"]) == (-50, -1)


def test_rules_are_configuration(own_plane: Plane) -> None:
    own_plane.admin.execute("delete from signals.subscription_transitions where cause = 'toxic'")
    own_plane.admin.execute("update signals.actions set raises_exposure = false where action = 'OPEN'")
    assert len(recorded(own_plane, "signals.subscription_transitions DELETE")) == 4
    (change,) = recorded(own_plane, "signals.actions UPDATE")
    assert (change["before"]["raises_exposure"], change["after"]["raises_exposure"]) == (True, False)
