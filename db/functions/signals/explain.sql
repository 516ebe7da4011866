-- requires: access/may_touch signals/explanation
-- An opening that was not decided when it came, because the subscription began later, is explained by what late join made of it.
create or replace function signals.explain(p_subscription bigint, p_epoch integer, p_seq bigint)
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
  left join lateral (
    select d.epoch, d.seq, d.part
    from signals.signals as x
    inner join signals.decisions as d
      on d.lane = s.lane and d.subscription_id = s.subscription_id and d.stream_id = x.stream_id
        and d.position_id = x.position_id and d.part > 0 and d.action = x.action
    where x.lane = s.stream_lane and x.stream_id = s.stream_id and x.epoch = p_epoch and x.seq = p_seq
      and x.action in ('OPEN', 'PLACE') and (x.epoch, x.seq) <= (s.started_epoch, s.started_seq)
    order by d.epoch desc, d.seq desc, d.part desc
    limit 1
  ) as l on true
  cross join lateral signals.explanation(
    p_subscription, coalesce(l.epoch, p_epoch), coalesce(l.seq, p_seq), coalesce(l.part, 0)
  ) as e
  where s.subscription_id = p_subscription and access.may_touch('subscription', p_subscription)
$$;

comment on function signals.explain(bigint, integer, bigint) is
'Why a subscription did, or did not, copy the signal (epoch, seq) of its stream: one row, with the rule and the numbers behind it.
What catch-up did is explained by signals.explain_delivery.';
