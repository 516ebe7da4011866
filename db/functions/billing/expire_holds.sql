-- requires: core/now billing/review
-- A job: idempotent, by the status of each hold. A day, because a terminal that was cut off reports when it is back. What is UNKNOWN
-- was sent to a broker: it keeps its hold until it is settled.
create or replace function billing.expire_holds() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
  v_subscriptions bigint[];
  v_count integer;
  v_total integer := 0;
begin
  for v_lane in select l.lane from core.lanes as l order by l.lane loop
    v_subscriptions := array(
      select distinct h.subscription_id
      from billing.holds as h
      where h.lane = v_lane and h.status = 'HELD' and h.held_at < core.now() - interval '24 hours'
    );
    -- A report of the same delivery waits, and then finds the hold expired.
    perform 1
    from signals.subscription_heads as h
    where h.lane = v_lane and h.subscription_id = any (v_subscriptions)
    order by h.subscription_id
    for no key update;
    perform 1
    from billing.ledger_accounts as a
    where a.lane = v_lane and a.ledger_account_id in (
      select g.wallet_id from billing.agreements as g
      inner join signals.subscriptions as s on s.lane = v_lane and s.subscription_id = g.subscription_id
      where g.lane = v_lane and (g.subscription_id = any (v_subscriptions) or s.state = 'LOCKED_NO_FUNDS')
    )
    order by a.ledger_account_id
    for no key update;
    with expired as (
      update billing.holds as h
      set status = 'EXPIRED', settled_at = core.now()
      where h.lane = v_lane and h.subscription_id = any (v_subscriptions) and h.status = 'HELD'
        and h.held_at < core.now() - interval '24 hours'
        and not exists (
          select from signals.reports as r
          where r.lane = v_lane and r.subscription_id = h.subscription_id and r.delivery_seq = h.delivery_seq
        )
      returning h.wallet_id, h.amount
    ), released as (
      update billing.ledger_accounts as a
      set held = a.held - e.amount
      from (select x.wallet_id, sum(x.amount) as amount from expired as x group by x.wallet_id) as e
      where a.lane = v_lane and a.ledger_account_id = e.wallet_id
    )
    select count(*) into v_count from expired;
    perform billing.review(v_lane, array(
      select distinct g.wallet_id from billing.agreements as g
      inner join signals.subscriptions as s on s.lane = v_lane and s.subscription_id = g.subscription_id
      where g.lane = v_lane and (g.subscription_id = any (v_subscriptions) or s.state = 'LOCKED_NO_FUNDS')
    ));
    v_total := v_total + v_count;
  end loop;
  return case when v_total > 0 then v_total || ' holds expired' end;
end
$$;

comment on function billing.expire_holds() is
'Releases what is held for deliveries that nobody has answered for 24 hours, and unlocks who can pay again. Null when there was none.';
