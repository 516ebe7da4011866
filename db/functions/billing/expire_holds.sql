-- requires: core/now billing/pay_arrears billing/review
-- A job: idempotent, by the status of each hold. A day, because a terminal that was cut off reports when it is back. What is UNKNOWN
-- was sent to a broker: it keeps its hold until it is settled. Also looks again at whoever is locked, owes, or was refused: a state that
-- somebody else was changing when the money moved is put right here.
create or replace function billing.expire_holds() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
  v_subscriptions bigint[];
  v_wallets bigint[];
  v_count integer;
  v_total integer := 0;
begin
  for v_lane in select l.lane from core.lanes as l order by l.lane loop
    v_subscriptions := array(
      select distinct h.subscription_id
      from billing.holds as h
      where h.lane = v_lane and h.status = 'HELD' and h.held_at < core.now() - interval '24 hours'
    );
    v_wallets := array(
      select g.wallet_id from billing.agreements as g where g.lane = v_lane and g.subscription_id = any (v_subscriptions)
      union
      select g.wallet_id from billing.agreements as g where g.lane = v_lane and (g.arrears > 0 or g.wanted > 0)
      union
      select g.wallet_id
      from signals.subscriptions as s
      inner join billing.agreements as g on g.lane = v_lane and g.subscription_id = s.subscription_id
      where s.lane = v_lane and s.state = 'LOCKED_NO_FUNDS'
    );
    continue when v_wallets = '{}';
    -- A report of the same delivery waits, and then finds the hold expired.
    perform 1
    from signals.subscription_heads as h
    where h.lane = v_lane and h.subscription_id = any (v_subscriptions)
    order by h.subscription_id
    for no key update;
    perform 1
    from billing.ledger_accounts as a
    where a.lane = v_lane and a.ledger_account_id in (
      select l.id
      from billing.agreements as g
      cross join lateral (values (g.wallet_id), (g.payable_id), (g.revenue_id)) as l (id)
      where g.lane = v_lane and g.wallet_id = any (v_wallets)
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
    perform billing.pay_arrears(v_lane, w.wallet_id) from unnest(v_wallets) as w (wallet_id);
    perform billing.review(v_lane, v_wallets);
    v_total := v_total + v_count;
  end loop;
  return case when v_total > 0 then v_total || ' holds expired' end;
end
$$;

comment on function billing.expire_holds() is
'Releases what is held for deliveries that nobody has answered for 24 hours, pays what is owed out of it, and locks or unlocks who cannot,
or can, pay. Null when none had expired.';
