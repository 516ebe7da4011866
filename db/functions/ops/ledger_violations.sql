-- requires: billing/entries
create or replace view ops.ledger_violations with (security_invoker = true) as
select 'balances_are_their_transfers' as invariant, to_jsonb(v) as offender
from (
  select a.lane, a.ledger_account_id, a.kind, a.balance, coalesce(e.total, 0) as transfers, e.wrong_at
  from billing.ledger_accounts as a
  left join (
    select
      r.lane, r.ledger_account_id, sum(r.change) as total,
      min(r.transfer_id) filter (where r.balance <> r.running) as wrong_at
    from (
      select
        i.lane, i.ledger_account_id, i.transfer_id, i.change, i.balance,
        sum(i.change) over (partition by i.lane, i.ledger_account_id order by i.transfer_id) as running
      from billing.entries as i
    ) as r
    group by r.lane, r.ledger_account_id
  ) as e on e.lane = a.lane and e.ledger_account_id = a.ledger_account_id
  where a.balance <> coalesce(e.total, 0) or e.wrong_at is not null
) as v
union all
select 'money_stays_in_its_lane', to_jsonb(v)
from (
  select t.lane, t.transfer_id, t.amount, t.currency, t.debit_id, t.credit_id
  from billing.transfers as t
  left join billing.currencies as c on c.currency = t.currency
  left join billing.ledger_accounts as d
    on d.lane = t.lane and d.ledger_account_id = t.debit_id and d.currency = t.currency
  left join billing.ledger_accounts as k
    on k.lane = t.lane and k.ledger_account_id = t.credit_id and k.currency = t.currency
  where d.ledger_account_id is null or k.ledger_account_id is null or t.amount <> round(t.amount, c.digits)
) as v
union all
select 'every_lane_sums_to_zero', to_jsonb(v)
from (
  select a.lane, a.currency, sum(a.balance) as total
  from billing.ledger_accounts as a
  group by a.lane, a.currency
  having sum(a.balance) <> 0
  union all
  select null, a.currency, sum(a.balance)
  from billing.ledger_accounts as a
  where a.kind = 'TRANSIT'
  group by a.currency
  having sum(a.balance) <> 0
) as v
union all
select 'what_is_held_is_promised', to_jsonb(v)
from (
  select a.lane, a.ledger_account_id, a.held, coalesce(h.held, 0) as holds
  from billing.ledger_accounts as a
  left join (
    select i.lane, i.wallet_id, sum(i.amount) as held from billing.holds as i where i.status = 'HELD' group by i.lane, i.wallet_id
  ) as h on h.lane = a.lane and h.wallet_id = a.ledger_account_id
  where a.held <> coalesce(h.held, 0)
) as v
union all
select 'every_hold_has_its_delivery', to_jsonb(v)
from (
  select h.lane, h.subscription_id, h.delivery_seq, h.status, d.action, r.status as report
  from billing.holds as h
  left join signals.decisions as d
    on d.lane = h.lane and d.subscription_id = h.subscription_id and d.delivery_seq = h.delivery_seq
  left join signals.reports as r
    on r.lane = h.lane and r.subscription_id = h.subscription_id and r.delivery_seq = h.delivery_seq
  left join signals.settlements as e on e.lane = h.lane and e.subscription_id = h.subscription_id
  -- What became of a delivery goes with it after its time.
  where (h.status = 'HELD' or d.delivery_seq is not null or h.delivery_seq > coalesce(e.retired_seq, 0)) and (
    d.delivery_seq is null or d.action not in ('OPEN', 'PLACE')
    or case h.status
      when 'HELD' then r.status <> 'UNKNOWN'
      when 'POSTED' then r.status is distinct from 'EXECUTED'
      when 'VOIDED' then coalesce(r.status not in ('REJECTED', 'FAILED'), true)
      else false
    end
  )
) as v
union all
select 'every_copy_fee_has_its_hold', to_jsonb(v)
from (
  select
    coalesce(h.lane, t.lane) as lane, coalesce(h.subscription_id, t.subscription_id) as subscription_id,
    coalesce(h.delivery_seq, t.delivery_seq) as delivery_seq, h.status, h.posted, t.charged
  from (select i.* from billing.holds as i where i.posted > 0) as h
  full join (
    select i.lane, i.subscription_id, i.delivery_seq, i.debit_id, sum(i.amount) as charged
    from billing.transfers as i
    where i.kind = 'COPY_FEE'
    group by i.lane, i.subscription_id, i.delivery_seq, i.debit_id
  ) as t on t.lane = h.lane and t.subscription_id = h.subscription_id and t.delivery_seq = h.delivery_seq and t.debit_id = h.wallet_id
  where h.posted is distinct from t.charged
) as v
union all
select 'profit_is_what_was_filled', to_jsonb(v)
from (
  select g.lane, g.subscription_id, g.realised, coalesce(f.profit, 0) as filled
  from billing.agreements as g
  left join (
    select i.lane, i.subscription_id, sum(i.profit) as profit from billing.fills as i group by i.lane, i.subscription_id
  ) as f on f.lane = g.lane and f.subscription_id = g.subscription_id
  where g.realised <> coalesce(f.profit, 0)
) as v
union all
select 'performance_is_charged_once', to_jsonb(v)
from (
  -- Under plans of different rates, and while something is owed, it is between the lowest and the highest of what it can be.
  select g.lane, g.subscription_id, g.high_water_mark, g.performance_remainder, t.charged, p.lowest, p.highest
  from billing.agreements as g
  cross join lateral (
    select min(i.performance_rate) as lowest, max(i.performance_rate) as highest
    from billing.fee_plans as i
    inner join billing.fee_plans as q on q.stream_id = i.stream_id and q.fee_plan_id = g.fee_plan_id
  ) as p
  cross join lateral (
    select coalesce(sum(i.amount) filter (where i.kind = 'PERFORMANCE_FEE'), 0) as charged,
      coalesce(sum(i.amount) filter (where i.kind = 'ARREARS'), 0) + g.arrears as later
    from billing.transfers as i
    where i.lane = g.lane and i.subscription_id = g.subscription_id
  ) as t
  where t.charged + g.performance_remainder > p.highest * g.high_water_mark
    or t.charged + t.later + g.performance_remainder < p.lowest * g.high_water_mark
    or g.high_water_mark < 0
) as v;

comment on view ops.ledger_violations is
'Offenders against the invariants of money. Invoker''s rights: it is read through ops.verify only.';
