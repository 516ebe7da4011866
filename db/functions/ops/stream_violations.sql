-- requires: core/hmac_matches
create or replace view ops.stream_violations with (security_invoker = true) as
select 'sequence_has_no_holes' as invariant, to_jsonb(v) as offender
from (
  select x.stream_id, x.epoch, count(*) as signals, min(x.seq) as first_seq, max(x.seq) as last_seq, l.seq as retired_seq
  from signals.signals as x
  left join signals.log_starts as l on l.lane = x.lane and l.stream_id = x.stream_id
  where (x.epoch, x.seq) > (coalesce(l.epoch, 0), coalesce(l.seq, 0))
  group by x.lane, x.stream_id, x.epoch, l.epoch, l.seq
  having min(x.seq) <> case when x.epoch = l.epoch then l.seq + 1 else 1 end or max(x.seq) - min(x.seq) + 1 <> count(*)
) as v
union all
select 'head_is_newest_signal', to_jsonb(v)
from (
  select h.stream_id, h.epoch, h.last_seq, coalesce(max(x.seq), 0) as stored_seq
  from signals.stream_heads as h
  left join signals.signals as x on x.lane = h.lane and x.stream_id = h.stream_id and x.epoch = h.epoch
  group by h.lane, h.stream_id
  having h.last_seq <> coalesce(max(x.seq), 0)
) as v
union all
select 'signatures_hold', to_jsonb(v)
from (
  select x.stream_id, x.epoch, x.seq
  from signals.signals as x
  inner join signals.streams as s on s.lane = x.lane and s.stream_id = x.stream_id
  where not core.hmac_matches(s.key_inner, s.key_outer, x.payload, x.tag)
) as v
union all
select 'refusals_are_recorded', to_jsonb(v)
from (
  select x.stream_id, x.epoch, x.seq, x.code
  from signals.signals as x
  where x.verdict <> 'ACCEPTED' and x.received_at >= coalesce(
    (select max(r.before) from ops.retirements as r where r.what = 'signals.protection_events'), '-infinity'
  ) and not exists (
    select from signals.protection_events as p
    where p.lane = x.lane and p.occurred_at = x.received_at and p.stream_id = x.stream_id and p.epoch = x.epoch
      and p.seq = x.seq and p.code = x.code
  )
) as v
union all
select 'only_exposure_is_gated', to_jsonb(v)
from (
  select x.stream_id, x.epoch, x.seq, x.action, x.verdict
  from signals.signals as x
  inner join signals.actions as a on a.action = x.action
  where not a.raises_exposure and x.verdict not in ('ACCEPTED', 'MALFORMED')
) as v;

comment on view ops.stream_violations is 'Offenders against the invariants of ingest. Invoker''s rights: it is read through ops.verify only.';
