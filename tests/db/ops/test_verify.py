"""Verify: a check that cannot fail proves nothing, so each is shown its offender here."""

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


class Life:
    """A plane on which a little of everything has happened, all of it in order."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.master: Master = plane.master(lane=1)
        self.copier: Copier = plane.copier(self.master, lane=2)
        self.other: Copier = plane.copier(self.master, lane=3, multiplier="0.1")
        self.master.does("OPEN", 1, volume="0.30")
        self.master.does("OPEN", 2, volume=0)
        self.master.does("MODIFY", 1)
        self.master.does("OPEN", 3, volume="0.05")
        self.master.does("CLOSE", 9)
        self.master.does("PARTIAL_CLOSE", 1, volume="0.10")
        self.master.does("OPEN", 4, volume="0.20")
        self.master.resync(2)
        self.master.does("OPEN", 5)
        self.master.does("CLOSE", 4)
        for lane in (2, 3):
            plane.pump(lane)
        for delivery in range(1, 8):
            self.copier.reports(delivery, volume="0.01", ticket=delivery)
        plane.tick(seconds=1)
        self.master.does("CLOSE", 1)
        plane.pump(2)
        plane.pump(3)
        self.other.reports(1, "REJECTED", code="TRG02")
        plane.reset_trust(self.other.account, "subscriber", 40)
        self.pay()

    def pay(self) -> None:
        """Money, on a stream of its own: a copy that was charged, one that was not, one in doubt, and a profit."""
        master = self.plane.master(lane=1)
        payer = self.plane.copier(master, lane=4)
        payer.uploads("EURUSD")
        answer = self.plane.answer
        terms = '{"currency": "USD", "flat": 2, "performance_rate": 0.2, "period": "TRADE", "platform_share": 0.25}'
        plan = answer("select billing.write_plan(%s, %s, 'a test')", master.stream, terms)
        answer("select billing.assign_plan(%s, %s, 'a test')", payer.subscription, plan)
        answer("select billing.deposit(%s, 'USD', 1000, 'the key', 'a test')", payer.account)
        for position in (1, 2, 3):
            master.does("OPEN", position, volume="1")
        payer.receives()
        payer.reports(1, volume="1", price="1.1", ticket=1)
        payer.reports(2, "REJECTED", code="TRG02")
        master.does("CLOSE", 1)
        payer.receives()
        payer.reports(4, volume="1", price="1.10100")
        self.plane.value("select billing.sweep()")

    def corrupt(self, statement: str) -> None:
        """As nobody but a superuser could: past constraints and triggers."""
        with self.plane.admin.transaction():
            self.plane.admin.execute("set local session_replication_role = replica")
            done = self.plane.admin.execute(statement.encode())
            assert done.rowcount != 0, "nothing was corrupted"


@pytest.fixture
def life(plane: Plane) -> Life:
    return Life(plane)


@pytest.fixture
def own_life(own_plane: Plane) -> Life:
    """For what even a superuser can only do by taking a constraint away."""
    return Life(own_plane)


def test_an_empty_plane_and_a_busy_one_both_hold(plane: Plane) -> None:
    assert plane.verify() == {}
    Life(plane)
    assert plane.verify() == {}


def test_every_check_has_a_line_even_when_it_finds_nothing(plane: Plane) -> None:
    rows = plane.operator.execute("select name, ok, detail from ops.verify()").fetchall()
    assert len(rows) == len({name for name, _, _ in rows}) == len(NEGATIVE)
    assert all(ok and detail for _, ok, detail in rows)


def test_every_check_of_the_views_has_its_line(plane: Plane) -> None:
    """A check that ops.verify does not list would be silent for ever."""
    views = plane.value(
        "select string_agg(pg_get_viewdef(c.oid), '') from pg_class as c where relname ~ '_violations$'"
    )
    for name in NEGATIVE:
        assert f"'{name}'" in views
    listed = plane.rows("select name from ops.verify()")
    assert sorted(listed) == sorted(NEGATIVE)


SUBSCRIPTION = "(select subscription_id from signals.subscriptions where lane = 2)"

# For every check what breaks it, and it alone.
NEGATIVE: dict[str, str] = {
    "sequence_has_no_holes": "delete from signals.signals where epoch = 1 and seq = 5;"
    " delete from signals.decisions where epoch = 1 and seq = 5",
    "head_is_newest_signal": "update signals.stream_heads set last_seq = last_seq + 1",
    "signatures_hold": "update signals.signals set payload = payload || '\\x00' where epoch = 1 and seq = 1",
    "refusals_are_recorded": "delete from signals.protection_events where origin = 'PLANE'",
    "only_exposure_is_gated": "with gone as (select * from signals.signals where epoch = 1 and seq = 5), event as ("
    " insert into signals.protection_events (lane, occurred_at, origin, code, stream_id, epoch, seq)"
    " select lane, received_at, 'PLANE', 'TRS04', stream_id, epoch, seq from gone), undone as ("
    " delete from signals.decisions where epoch = 1 and seq = 5)"
    " update signals.signals set verdict = 'STALE', code = 'TRS04' where epoch = 1 and seq = 5",
    "dispatch_has_caught_up": "update signals.dispatch_cursors set seq = seq - 1 where lane = 2;"
    f" delete from signals.decisions where subscription_id = {SUBSCRIPTION} and epoch = 2 and seq = 3;"
    " update signals.subscription_heads set delivery_seq = delivery_seq - 1 where lane = 2;"
    " update signals.copies set status = 'OPEN', target_volume = 0.1, pending = pending - 1"
    " where lane = 2 and position_id = 1",
    "every_eligible_signal_is_decided": "delete from signals.decisions where epoch = 1 and seq = 5 and lane = 2",
    "no_decision_without_accepted_signal": "insert into signals.decisions select (jsonb_populate_record(d, "
    """'{"epoch": 2, "seq": 77}')).* from signals.decisions as d where lane = 2 and epoch = 1 and seq = 5""",
    "deliveries_count_without_holes": "update signals.subscription_heads set delivery_seq = delivery_seq + 1"
    " where lane = 2",
    "deliveries_follow_the_stream": "with swapped as (update signals.decisions set delivery_seq = case"
    " when delivery_seq in (2, 3) then 5 - delivery_seq end where lane = 2 and delivery_seq in (2, 3) returning 1)"
    " select 1 from swapped",
    "what_cuts_exposure_is_delivered": "update signals.decisions set reason = 'PAUSED_BY_USER'"
    " where lane = 2 and epoch = 1 and seq = 5",
    "only_what_was_never_opened_is_not_closed": "update signals.decisions set position_id = 3"
    " where lane = 2 and epoch = 1 and seq = 5",
    "every_lot_is_explained": "update signals.decisions set volume = volume + 0.01"
    " where lane = 2 and epoch = 1 and seq = 1",
    "reports_answer_deliveries": "insert into signals.reports"
    f" (lane, subscription_id, delivery_seq, status, reported_at) select 2, {SUBSCRIPTION}, 99, 'EXECUTED', core.now()",
    "excess_fills_are_recorded": "update signals.reports set volume = 1000 where lane = 2 and delivery_seq = 1;"
    " update signals.copies set held_volume = held_volume + 999.99 where lane = 2 and position_id = 1",
    "one_position_one_copy": f"update signals.decisions set position_id = 1 where subscription_id = {SUBSCRIPTION}"
    " and action = 'OPEN' and position_id = 3; delete from signals.copies where lane = 2 and position_id = 3;"
    " update signals.copies set held_volume = held_volume + 0.01 where lane = 2 and position_id = 1",
    "guard_refusals_are_recorded": "delete from signals.protection_events where origin = 'GUARD'",
    "copies_stand_where_reports_left_them": "update signals.copies set held_volume = held_volume + 1 where lane = 2",
    "lanes_agree": "update access.accounts set lane = 7 where account_id in"
    " (select account_id from signals.subscriptions where lane = 2)",
    "balances_are_their_transfers": "update billing.transfers set debit_balance = debit_balance + 1"
    " where kind = 'COPY_FEE'",
    "money_stays_in_its_lane": "update billing.transfers set currency = 'EUR' where kind = 'DEPOSIT'",
    "every_lane_sums_to_zero": "with wrong as (update billing.ledger_accounts set balance = balance"
    " + case kind when 'EXTERNAL' then 1 else -1 end where lane = 4 and kind in ('EXTERNAL', 'TRANSIT'))"
    " insert into billing.transfers (lane, kind, currency, amount, debit_id, credit_id,"
    " debit_balance, credit_balance, actor, occurred_at) select 4, 'SWEEP', 'USD', 1, min(ledger_account_id)"
    " filter (where kind = 'TRANSIT'), min(ledger_account_id) filter (where kind = 'EXTERNAL'),"
    " sum(balance) filter (where kind = 'TRANSIT') - 1, sum(balance) filter (where kind = 'EXTERNAL') + 1, 'x',"
    " core.now() from billing.ledger_accounts where lane = 4",
    "what_is_held_is_promised": "update billing.ledger_accounts set held = held + 1 where kind = 'WALLET'",
    "every_hold_has_its_delivery": "update billing.holds set status = 'POSTED' where status = 'VOIDED'",
    "every_copy_fee_has_its_hold": "update billing.holds set posted = 1 where status = 'POSTED'",
    "profit_is_what_was_filled": "update billing.agreements set realised = realised + 1",
    "performance_is_charged_once": "update billing.agreements set high_water_mark = high_water_mark + 1",
    "one_session_per_license": "drop index access.sessions_one_live_per_license; insert into access.sessions (lane,"
    " license_id, instance, gateway, client, peer, opened_at, renewed_at) select lane, license_id, instance, gateway,"
    " client, peer, opened_at, renewed_at from access.sessions where ended_at is null limit 1",
    "scores_follow_from_their_events": "update trust.scores set score = 45 where lane = 3",
    "who_is_not_trusted_is_paused": "update signals.subscriptions set state = 'SYNCED' where lane = 3",
    "chain_holds": "insert into audit.seals (number, from_xact, to_xact, sealed_at, hash)"
    " values (1, 0, 1, core.now(), sha256(''))",
}

# What takes away a constraint, or needs two rows changed at once, has a database of its own.
IN_ITS_OWN = {"one_session_per_license", "deliveries_follow_the_stream"}


@pytest.mark.parametrize("name", [name for name in NEGATIVE if name not in IN_ITS_OWN])
def test_a_check_finds_its_offender_and_no_other_does(life: Life, name: str) -> None:
    assert life.plane.verify() == {}
    life.corrupt(NEGATIVE[name])
    assert set(life.plane.verify()) == {name}


def test_two_live_sessions_of_a_license_are_found(own_life: Life) -> None:
    own_life.corrupt(NEGATIVE["one_session_per_license"])
    assert set(own_life.plane.verify()) == {"one_session_per_license"}


def test_deliveries_out_of_order_are_found(own_life: Life) -> None:
    own_life.plane.admin.execute("drop index signals.decisions_delivery_unique")
    own_life.plane.admin.execute(
        "update signals.decisions set delivery_seq = 13 - delivery_seq where lane = 2 and delivery_seq in (6, 7)"
    )
    assert "deliveries_follow_the_stream" in own_life.plane.verify()


AT = "lane = 2 and epoch = 1"
MORE = [
    ("head_is_newest_signal", "delete from signals.signals where epoch = 2 and seq = 3"),
    ("head_is_newest_signal", "update signals.stream_heads set last_seq = last_seq + 7"),
    ("signatures_hold", "update signals.signals set tag = sha256(tag) where epoch = 1 and seq = 1"),
    (
        "deliveries_count_without_holes",
        f"update signals.decisions set delivery_seq = 99 where {AT} and seq = 4",
    ),
    ("every_lot_is_explained", f"update signals.decisions set volume = null where {AT} and seq = 1"),
    ("lanes_agree", f"update signals.decisions set lane = 6 where {AT} and seq = 5"),
    ("lanes_agree", "update signals.signals set lane = 6 where epoch = 1 and seq = 5"),
    ("copies_stand_where_reports_left_them", "update signals.copies set status = 'OPEN' where position_id = 1"),
    (
        "copies_stand_where_reports_left_them",
        "update signals.copies set status = 'CLOSED' where lane = 2 and position_id = 3",
    ),
    ("copies_stand_where_reports_left_them", "update signals.copies set pending = 9 where position_id = 1"),
    ("copies_stand_where_reports_left_them", "update signals.copies set target_volume = 0 where position_id = 3"),
    (
        "copies_stand_where_reports_left_them",
        "update signals.copies set target_volume = 0.01 where lane = 2 and position_id = 1",
    ),
    (
        "copies_stand_where_reports_left_them",
        "update signals.copies set status = 'DELIVERED' where lane = 2 and position_id = 3",
    ),
    (
        "copies_stand_where_reports_left_them",
        "update signals.copies set status = 'REFUSED', target_volume = 0 where lane = 2 and position_id = 3",
    ),
    ("copies_stand_where_reports_left_them", "update signals.copies set held_volume = -5 where position_id = 4"),
    ("every_lot_is_explained", f"update signals.decisions set inputs = '{{}}' where {AT} and seq = 1"),
    ("reports_answer_deliveries", "delete from signals.decisions where lane = 2 and delivery_seq = 1"),
    ("balances_are_their_transfers", "delete from billing.transfers where kind = 'COPY_FEE'"),
    ("balances_are_their_transfers", "update billing.ledger_accounts set balance = balance + 1 where kind = 'WALLET'"),
    ("every_lane_sums_to_zero", "update billing.ledger_accounts set balance = balance + 1 where kind = 'WALLET'"),
    ("money_stays_in_its_lane", "update billing.transfers set amount = amount + 0.001 where kind = 'DEPOSIT'"),
    ("money_stays_in_its_lane", "update billing.transfers set lane = 3 where kind = 'DEPOSIT'"),
    ("what_is_held_is_promised", "delete from billing.holds where status = 'HELD'"),
    ("every_hold_has_its_delivery", "update billing.holds set delivery_seq = 99 where status = 'HELD'"),
    ("every_hold_has_its_delivery", "delete from signals.reports where lane = 4"),
    ("every_copy_fee_has_its_hold", "delete from billing.transfers where kind = 'COPY_FEE' and amount = 0.5"),
    ("every_copy_fee_has_its_hold", "delete from billing.holds where status = 'POSTED'"),
    ("performance_is_charged_once", "delete from billing.transfers where kind = 'PERFORMANCE_FEE'"),
    ("scores_follow_from_their_events", "delete from trust.scores where lane = 3"),
    ("scores_follow_from_their_events", "delete from trust.events where code = 'RESET'"),
    ("scores_follow_from_their_events", "delete from trust.events where code = 'TRG02'"),
    (
        "scores_follow_from_their_events",
        "update trust.events set score_before = 99, score_after = 96 where points = -3",
    ),
    ("who_is_not_trusted_is_paused", "update signals.subscriptions set state = 'PAUSED_TOXIC' where lane = 2"),
    ("who_is_not_trusted_is_paused", "update trust.scores set is_pausing = false"),
]


@pytest.mark.parametrize(("name", "damage"), MORE)
def test_other_damage_is_found_too(life: Life, name: str, damage: str) -> None:
    life.corrupt(damage)
    assert name in life.plane.verify()


def test_decisions_of_before_the_lot_kept_its_fraction_are_no_offenders(life: Life) -> None:
    life.corrupt(
        'update signals.decisions set inputs = \'{"mode": "multiplier", "multiplier": 1, "raw": 0.3, "step": 0.01,'
        " \"minimum\": 0.01, \"maximum\": 100}' where reason = 'COPIED' and action = 'OPEN'"
    )
    assert life.plane.verify() == {}


def test_a_line_says_how_many_and_shows_five(plane: Plane) -> None:
    masters = [plane.master() for _ in range(7)]
    for master in masters:
        master.does("OPEN")
    plane.admin.execute("update signals.stream_heads set last_seq = 5")
    detail = plane.verify()["head_is_newest_signal"]
    assert detail.startswith("7 offending: ")
    assert detail.count('"stream_id"') == 5


def test_those_who_may_verify_may_not_read_the_tables(plane: Plane) -> None:
    for role in ("ecp_operator", "ecp_auditor"):
        with plane.connect(role) as connection:
            assert len(connection.execute("select * from ops.verify()").fetchall()) == len(NEGATIVE)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select * from ops.stream_violations")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select * from signals.signals")
