-- requires: audit/note core/fail core/now signals/settle_outcomes
-- For what no snapshot can tell: the operator asked the broker.
create or replace function signals.settle(
  p_subscription bigint, p_delivery_seq bigint, p_status text, p_ticket bigint, p_volume numeric, p_actor text, p_reason text
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
  v_decision signals.decisions;
begin
  select s.lane into v_lane from signals.subscriptions as s where s.subscription_id = p_subscription;
  if v_lane is null then
    perform core.fail('TRS17', jsonb_build_object('subscription', p_subscription));
  end if;
  perform 1 from signals.subscription_heads as h
  where h.lane = v_lane and h.subscription_id = p_subscription
  for no key update;
  select d.* into v_decision
  from signals.decisions as d
  where d.lane = v_lane and d.subscription_id = p_subscription and d.delivery_seq = p_delivery_seq;
  if v_decision.delivery_seq is null or coalesce(p_status, '') not in ('EXECUTED', 'FAILED') or coalesce(p_actor, '') = ''
    or coalesce(p_reason, '') = '' or (p_status = 'EXECUTED' and (p_volume > 0 and p_volume <= 1e9) is not true)
    or exists (
      select
      from signals.copies as c
      where c.lane = v_lane and c.subscription_id = p_subscription and c.ticket = p_ticket
        and (c.stream_id, c.position_id) <> (v_decision.stream_id, v_decision.position_id)
    )
    or signals.settle_outcomes(
      v_lane, p_subscription,
      jsonb_build_array(jsonb_build_object('delivery_seq', p_delivery_seq, 'status', p_status, 'ticket', p_ticket, 'volume', p_volume)),
      'OPERATOR', core.now()
    ) = 0
  then
    perform core.fail('TRR07', jsonb_build_object('subscription', p_subscription, 'delivery_seq', p_delivery_seq, 'status', p_status));
  end if;
  update signals.copies as c
  set
    pending = c.pending - 1,
    held_volume = c.held_volume + e.traded,
    ticket = case when v_decision.action in ('OPEN', 'PLACE') then coalesce(p_ticket, c.ticket) else c.ticket end,
    status = case
      when c.status = 'DELIVERED' and v_decision.action in ('OPEN', 'PLACE') then case p_status when 'EXECUTED' then 'OPEN' else 'MISSED' end
      when c.status = 'CLOSED' and c.held_volume + e.traded > 0 then 'CLOSING'
      when c.status = 'CLOSING' and c.pending = 1 and c.held_volume + e.traded <= 0 then 'CLOSED'
      else c.status
    end,
    -- Nothing was opened, so late join need not ask the broker.
    opened_volume = case when c.status = 'DELIVERED' and v_decision.action in ('OPEN', 'PLACE') and p_status = 'FAILED' then 0 else c.opened_volume end,
    target_volume = case
      when c.status = 'DELIVERED' and v_decision.action in ('OPEN', 'PLACE') and p_status = 'FAILED' then 0 else c.target_volume
    end,
    changed_at = core.now()
  from (
    select case
      when p_status = 'FAILED' then 0
      when v_decision.action in ('OPEN', 'PLACE') then p_volume
      when v_decision.action in ('CLOSE', 'PARTIAL_CLOSE', 'CANCEL') then -p_volume
      else 0
    end as traded
  ) as e
  where c.lane = v_lane and c.subscription_id = p_subscription and c.stream_id = v_decision.stream_id
    and c.position_id = v_decision.position_id;
  insert into signals.protection_events (lane, occurred_at, origin, code, stream_id, subscription_id, seq, detail)
  values (
    v_lane, core.now(), 'PLANE', 'TRR08', v_decision.stream_id, p_subscription, p_delivery_seq,
    jsonb_build_object('status', p_status, 'ticket', p_ticket, 'volume', p_volume, 'actor', p_actor, 'reason', p_reason)
  );
  perform audit.note(
    'signals.settle', v_lane, jsonb_build_object('subscription_id', p_subscription, 'delivery_seq', p_delivery_seq), p_actor, p_reason,
    null, jsonb_build_object('status', p_status, 'ticket', p_ticket, 'volume', p_volume)
  );
end
$$;

comment on function signals.settle(bigint, bigint, text, bigint, numeric, text, text) is
'An operator''s word on a delivery without a final report: EXECUTED with the lots that were traded, or FAILED. Actor and reason are
recorded. Fails with TRS17, TRR07.';
