-- requires: access/may_touch signals/explanation
create or replace function signals.explain_delivery(p_subscription bigint, p_delivery_seq bigint)
returns table (
  subscription_id bigint, stream text, epoch integer, seq bigint, action text, symbol text, side text,
  master_volume numeric, verdict text, outcome text, reason text, delivery_seq bigint, volume numeric, formula text,
  rule text, threshold text, value text, settings_version integer, report text, report_code text, ticket bigint,
  fill_price numeric, slippage numeric, decided_at timestamptz, sentence text
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select e.*
  from signals.subscriptions as s
  inner join signals.decisions as d
    on d.lane = s.lane and d.subscription_id = s.subscription_id and d.delivery_seq = p_delivery_seq
  cross join lateral signals.explanation(p_subscription, d.epoch, d.seq, d.part) as e
  where s.subscription_id = p_subscription and access.may_touch('subscription', p_subscription)
$$;

comment on function signals.explain_delivery(bigint, bigint) is
'Why a subscription was told what delivery_seq told it, catch-up and protections included: one row, as signals.explain.';
