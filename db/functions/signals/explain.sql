-- requires: core/error_registry
-- Not hot: it follows the subscription to the stream's lane.
create or replace function signals.explain(p_subscription bigint, p_epoch integer, p_seq bigint)
returns table (
  subscription_id bigint, stream text, epoch integer, seq bigint, action text, symbol text, side text,
  master_volume numeric, verdict text, outcome text, reason text, delivery_seq bigint, volume numeric, formula text,
  settings_version integer, report text, report_code text, ticket bigint, fill_price numeric, slippage numeric,
  sentence text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    s.subscription_id, t.name, p_epoch, p_seq, coalesce(d.action, x.action), coalesce(d.symbol, x.symbol),
    coalesce(d.side, x.side), trim_scale(x.volume), x.verdict,
    case
      when d.delivery_seq is not null then 'DELIVERED'
      when d.reason is not null then 'SKIPPED'
      when x.verdict is null then 'UNKNOWN'
      when x.verdict <> 'ACCEPTED' then 'REFUSED'
      when (p_epoch, p_seq) <= (s.started_epoch, s.started_seq) then 'BEFORE_SUBSCRIPTION'
      when s.ended_at <= x.received_at then 'AFTER_END'
      else 'PENDING'
    end,
    coalesce(d.reason, x.code), d.delivery_seq, trim_scale(d.volume),
    case d.inputs ->> 'mode'
      when 'multiplier' then format(
        '%s lots x %s = %s, down to step %s = %s, within %s to %s', trim_scale((d.inputs ->> 'master_volume')::numeric),
        trim_scale((d.inputs ->> 'multiplier')::numeric), trim_scale((d.inputs ->> 'raw')::numeric),
        trim_scale((d.inputs ->> 'step')::numeric), trim_scale((d.inputs ->> 'volume')::numeric),
        trim_scale((d.inputs ->> 'minimum')::numeric), trim_scale((d.inputs ->> 'maximum')::numeric)
      )
      when 'remainder' then format(
        '%s of the master''s %s lots remain, so of the copy''s %s: %s, down to step %s = %s',
        trim_scale((d.inputs ->> 'master_remains')::numeric), trim_scale((d.inputs ->> 'master_volume')::numeric),
        trim_scale((d.inputs ->> 'opened_volume')::numeric), trim_scale(round((d.inputs ->> 'raw')::numeric, 8)),
        trim_scale((d.inputs ->> 'step')::numeric), trim_scale((d.inputs ->> 'volume')::numeric)
      )
    end,
    d.settings_version, r.status, r.code, r.ticket, trim_scale(r.price), trim_scale(r.slippage),
    case
      when x.verdict is null then 'The plane holds no such signal of this stream.'
      when x.verdict <> 'ACCEPTED' then format('Not copied: the plane refused the signal (%s). %s', x.verdict, e.message)
      when d.reason = 'COPIED' and r.status = 'EXECUTED' then
        format('Copied: delivery %s was executed, ticket %s.', d.delivery_seq, r.ticket)
      when d.reason = 'COPIED' and r.status is not null then
        format('Delivered as %s, but not executed (%s). %s', d.delivery_seq, r.code, coalesce(g.message, ''))
      when d.reason = 'COPIED' then format('Delivered as %s; no report yet.', d.delivery_seq)
      when d.reason = 'NOT_COPIED' then 'Skipped: the position it manages was never copied, or is closed already.'
      when d.reason = 'ALREADY_COPIED' then 'Skipped: this position is copied already.'
      when d.reason = 'TTL_EXPIRED' then
        format('Skipped: %s ms old when decided, the subscription allows %s ms.', d.inputs ->> 'age_ms', trim_scale((d.inputs ->> 'ttl_ms')::numeric))
      when d.reason = 'HALTED' then 'Skipped: an operator had halted everything that raises exposure.'
      when d.reason = 'BELOW_MINIMUM' then
        format('Skipped: %s lots is below the minimum of %s.', trim_scale((d.inputs ->> 'volume')::numeric), trim_scale((d.inputs ->> 'minimum')::numeric))
      when d.reason = 'SNAPSHOT_RECORDED' then 'Recorded: a snapshot of the master''s book is not traded.'
      when d.reason is not null then format('Skipped: the subscription was %s and took no new exposure.', d.reason)
      when (p_epoch, p_seq) <= (s.started_epoch, s.started_seq) then 'Not copied: the subscription began after this signal.'
      when s.ended_at <= x.received_at then 'Not copied: the subscription had ended.'
      else 'Accepted; not dispatched yet.'
    end
  from signals.subscriptions as s
  inner join signals.streams as t on t.lane = s.stream_lane and t.stream_id = s.stream_id
  left join signals.signals as x
    on x.lane = s.stream_lane and x.stream_id = s.stream_id and x.epoch = p_epoch and x.seq = p_seq
  left join signals.decisions as d
    on d.lane = s.lane and d.subscription_id = s.subscription_id and d.stream_id = s.stream_id
      and d.epoch = p_epoch and d.seq = p_seq
  left join signals.reports as r
    on r.lane = s.lane and r.subscription_id = s.subscription_id and r.delivery_seq = d.delivery_seq
  left join core.error_registry() as e on e.code = x.code
  left join core.error_registry() as g on g.code = r.code
  where s.subscription_id = p_subscription
$$;

comment on function signals.explain(bigint, integer, bigint) is
'Why a subscription did, or did not, copy the signal (epoch, seq) of its stream: one row, with the numbers behind the lot.';
