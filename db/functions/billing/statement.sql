-- requires: core/fail billing/wallet_of
-- From before to: what is in one statement is in no other. A day's statement, a month's, or all of it: they add up.
create or replace function billing.statement(
  p_account bigint, p_currency text, p_from timestamptz, p_to timestamptz, p_kind text default 'WALLET'
) returns table (
  line bigint, occurred_at timestamptz, kind text, what text, change numeric, balance numeric, transfer_id bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO'
set timezone = 'UTC'
as $$
declare
  v_wallet billing.ledger_accounts := billing.wallet_of(p_account, p_currency, p_kind);
  v_opening numeric;
begin
  if (p_from <= p_to) is not true then
    perform core.fail('TRS36', jsonb_build_object('from', p_from, 'to', p_to));
  end if;
  -- By sums, not by the running balance: a clock that was set back has put entries out of their order.
  select coalesce(sum(e.change), 0) into v_opening
  from billing.entries as e
  where e.lane = v_wallet.lane and e.ledger_account_id = v_wallet.ledger_account_id and e.occurred_at < p_from;
  return query
  select
    row_number() over (order by l.place, l.occurred_at, l.transfer_id) - 1, l.occurred_at, l.kind, l.what, l.change,
    v_opening + sum(coalesce(l.change, 0)) over (order by l.place, l.occurred_at, l.transfer_id), l.transfer_id
  from (
    select 1 as place, p_from as occurred_at, 'OPENING' as kind, 'balance carried forward' as what, null::numeric as change,
      null::bigint as transfer_id
    union all
    select
      2, e.occurred_at, e.kind,
      case
        when e.kind = 'COPY_FEE' then format(
          'subscription %s to %s: delivery %s, %s %s lots %s', e.subscription_id, s.stream_name, e.delivery_seq, d.action,
          trim_scale(coalesce(r.volume, d.volume)), d.symbol
        )
        when e.period is not null then format(
          'subscription %s to %s: %s to %s', e.subscription_id, s.stream_name, lower(e.period), upper(e.period)
        )
        when e.subscription_id is not null and e.reverses is null then format('subscription %s to %s', e.subscription_id, s.stream_name)
        when e.reverses is not null then format('takes back transfer %s: %s', e.reverses, e.reason)
        when e.key is not null then format('%s, by %s', e.key, e.actor)
        else 'from the lanes of subscribers'
      end,
      e.change, e.transfer_id
    from billing.entries as e
    left join signals.subscriptions as s on s.lane = e.lane and s.subscription_id = e.subscription_id
    left join signals.decisions as d
      on d.lane = e.lane and d.subscription_id = e.subscription_id and d.delivery_seq = e.delivery_seq
    left join signals.reports as r
      on r.lane = e.lane and r.subscription_id = e.subscription_id and r.delivery_seq = e.delivery_seq
    where e.lane = v_wallet.lane and e.ledger_account_id = v_wallet.ledger_account_id
      and e.occurred_at >= p_from and e.occurred_at < p_to
    union all
    select 3, p_to, 'CLOSING', 'balance', null, null
  ) as l
  order by l.place, l.occurred_at, l.transfer_id;
end
$$;

comment on function billing.statement(bigint, text, timestamptz, timestamptz, text) is
'What happened on the WALLET or EARNINGS of an account from p_from until before p_to: the opening balance, a line for each entry with
what it was for, the closing balance. Fails with TRB08, TRS36.';
