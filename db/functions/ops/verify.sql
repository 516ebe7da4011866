-- requires: ops/audit_violations ops/dispatch_violations ops/ledger_violations ops/report_violations ops/stream_violations
-- requires: ops/trust_violations
-- Not hot: it reads everything. A check that finds nothing has a line too, so that silence is never mistaken for proof.
create or replace function ops.verify() returns table (name text, ok boolean, detail text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with violations as materialized (
    select invariant, offender from ops.stream_violations
    union all
    select invariant, offender from ops.dispatch_violations
    union all
    select invariant, offender from ops.report_violations
    union all
    select invariant, offender from ops.trust_violations
    union all
    select invariant, offender from ops.audit_violations
    union all
    select invariant, offender from ops.ledger_violations
  )
  select
    i.name,
    count(v.invariant) = 0,
    case when count(v.invariant) = 0 then i.meaning else
      count(v.invariant) || ' offending: ' || string_agg(v.offender::text, ' ' order by v.offender::text)
      filter (where v.turn <= 5)
    end
  from (
    values
    (1, 'sequence_has_no_holes', 'every epoch of every stream counts 1, 2, 3 …'),
    (2, 'head_is_newest_signal', 'every head stands at the newest signal stored'),
    (3, 'signatures_hold', 'every stored signal still verifies under its stream''s key'),
    (4, 'refusals_are_recorded', 'every refused signal has its protection event'),
    (5, 'only_exposure_is_gated', 'nothing that manages or cuts exposure was gated at ingest'),
    (6, 'dispatch_has_caught_up', 'every accepted signal was dispatched to every lane that follows it'),
    (7, 'every_eligible_signal_is_decided', 'every subscription has a decision for every signal it was due'),
    (8, 'no_decision_without_accepted_signal', 'every decision stands on an accepted signal'),
    (9, 'deliveries_count_without_holes', 'every subscription''s deliveries count 1, 2, 3 …'),
    (10, 'deliveries_follow_the_stream', 'deliveries are in the order of the stream'),
    (11, 'what_cuts_exposure_is_delivered', 'closes and cancels were skipped only where nothing was copied, stop changes also by the settings'),
    (12, 'only_what_was_never_opened_is_not_closed', 'no close was withheld from an open copy'),
    (13, 'every_lot_is_explained', 'every lot follows from the inputs kept beside it'),
    (14, 'reports_answer_deliveries', 'every report answers a delivery'),
    (15, 'excess_fills_are_recorded', 'whoever filled more than was decided has a protection event for it'),
    (16, 'one_position_one_copy', 'no master position was opened twice for a subscription'),
    (17, 'guard_refusals_are_recorded', 'every refusal by a guard has its protection event'),
    (18, 'copies_stand_where_reports_left_them', 'every copy agrees with its reports'),
    (19, 'lanes_agree', 'every row is in the lane of what it belongs to'),
    (20, 'one_session_per_license', 'no license has two live sessions'),
    (21, 'scores_follow_from_their_events', 'every trust score is what its events say, one after the other'),
    (22, 'who_is_not_trusted_is_paused', 'subscriptions are paused for trust under 50, and for nothing else'),
    (23, 'balances_are_their_transfers', 'every balance is the sum of its transfers, and every running balance was right'),
    (24, 'money_stays_in_its_lane', 'every transfer is between two accounts of its lane and currency, in whole units of it'),
    (25, 'every_lane_sums_to_zero', 'in every lane and currency the balances sum to zero, and nothing is left between lanes'),
    (26, 'what_is_held_is_promised', 'what every wallet holds is the sum of its open holds'),
    (27, 'every_hold_has_its_delivery', 'every hold is for an opening that was delivered, and is settled as it was reported'),
    (28, 'every_copy_fee_has_its_hold', 'copy fees are what was posted of their holds, no more and no less'),
    (29, 'profit_is_what_was_filled', 'every realised profit is the sum of its closings'),
    (30, 'performance_is_charged_once', 'performance fees are the rate times what the high-water mark has risen'),
    (31, 'chain_holds', 'the newest thousand blocks of the audit chain follow from each other and from the rows they sealed')
  ) as i (place, name, meaning)
  left join (
    select w.*, row_number() over (partition by w.invariant order by w.offender::text) as turn from violations as w
  ) as v on v.invariant = i.name
  group by i.place, i.name, i.meaning
  order by i.place
$$;

comment on function ops.verify() is
'The invariants that can be read off the database: a line each, ok or with its first five offending rows.';
