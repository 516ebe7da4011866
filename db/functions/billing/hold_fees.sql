-- requires: core/now billing/copy_fee billing/reserve billing/review
-- Called by who decides openings, in the statement that decides them, holding the wallets. Strict: where nobody pays, the array is
-- null and nothing is called. Several subscriptions of one wallet compete in their order. A subscription that somebody is changing
-- this very moment is not locked, as billing.review explains; its opening is refused all the same.
create or replace function billing.hold_fees(p_lane smallint, p_asked billing.asked_hold[])
returns table (subscription_id bigint, position_id bigint)
language plpgsql strict
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return query
  with asked as materialized (
    select a.*, f.fee, w.row, w.available
    from unnest(p_asked) with ordinality as a (subscription_id, position_id, delivered, wallet_id, fee_plan_id, volume, ord)
    cross join lateral (
      select billing.copy_fee(p::billing.fee_plans, a.volume, c.digits) as fee
      from billing.fee_plans as p
      inner join billing.currencies as c on c.currency = p.currency
      where p.fee_plan_id = a.fee_plan_id
      limit 1
    ) as f
    cross join lateral (
      select x.ctid as row, x.balance - x.held as available
      from billing.ledger_accounts as x
      where x.lane = p_lane and x.ledger_account_id = a.wallet_id
      limit 1
    ) as w
  ), tried as (
    select a.*, billing.reserve(a.fee, a.available) over (partition by a.wallet_id order by a.subscription_id, a.ord) as reserved
    from asked as a
  ), granted as materialized (
    -- The deliveries are numbered as the caller will: also those that turn out to be free.
    select g.*, g.delivered + count(*) filter (where g.is_granted) over (partition by g.subscription_id order by g.ord) as delivery_seq
    from (
      select t.*, t.fee = 0 or t.reserved > lag(t.reserved, 1, 0.0) over (partition by t.wallet_id order by t.subscription_id, t.ord)
        as is_granted
      from tried as t
    ) as g
  ), held as (
    insert into billing.holds (lane, subscription_id, delivery_seq, wallet_id, fee_plan_id, amount, held_at)
    select p_lane, g.subscription_id, g.delivery_seq, g.wallet_id, g.fee_plan_id, g.fee, core.now()
    from granted as g
    where g.is_granted and g.fee > 0
    order by 2, 3
  ), reserved as (
    update billing.ledger_accounts as a
    set held = a.held + t.total
    from (select p_lane as lane, g.row, sum(g.fee) as total from granted as g where g.is_granted group by g.row) as t
    where a.lane = t.lane and a.ctid = t.row
  ), wanting as (
    update billing.agreements as a
    set wanted = (select min(g.fee) from granted as g where g.subscription_id = a.subscription_id and not g.is_granted)
    where a.lane = p_lane and a.subscription_id = any (array(select g.subscription_id from granted as g where not g.is_granted))
  )
  select g.subscription_id, g.position_id from granted as g where not g.is_granted;
  if not found then
    return;
  end if;

  perform billing.review(p_lane, array(select distinct a.wallet_id from unnest(p_asked) as a));
end
$$;

comment on function billing.hold_fees(smallint, billing.asked_hold[]) is
'Sets the fees of these openings aside, delivery by delivery, as far as the wallets'' available money goes. Returns the openings that
must not be delivered; their subscriptions are locked.';
