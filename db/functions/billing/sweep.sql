-- requires: billing/account_of billing/transfer
-- A job. One transaction, so that killed midway it has done nothing; what there is to move is the balance itself, so that fired twice
-- it finds nothing. In each lane the sum stays zero, for TRANSIT has the other half; over all lanes TRANSIT is zero.
-- It is in two passes over the lanes, so all that it will touch is locked before, lanes ascending, as every job does.
create or replace function billing.sweep() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
  v_home smallint := (select min(l.lane) from core.lanes as l)::smallint;
  v_locked bigint[];
  v_out billing.posting[];
  v_in jsonb := '[]'::jsonb;
  v_sent jsonb;
  v_count integer := 0;
begin
  -- Two at once would each open an account that the other waits for.
  perform pg_advisory_xact_lock('billing.ledger_accounts'::regclass::oid::integer, 0);
  v_locked := array(
    select a.ledger_account_id
    from billing.ledger_accounts as a
    where a.kind in ('TRANSIT', 'EARNINGS', 'PLATFORM') or (a.kind in ('PAYABLE', 'REVENUE') and a.balance > 0)
    order by a.lane, a.ledger_account_id
    for no key update
  );
  for v_lane in select l.lane from core.lanes as l order by l.lane loop
    perform billing.account_of(v_lane, 'TRANSIT', null, c.currency)
    from (
      select distinct a.currency from billing.ledger_accounts as a
      where a.lane = v_lane and a.ledger_account_id = any (v_locked) and a.kind in ('PAYABLE', 'REVENUE') and a.balance > 0
    ) as c;
    select
      array_agg(
        ('SWEEP', a.balance, a.ledger_account_id, t.ledger_account_id, null, null, null, null, null, null, null, 'plane')::billing.posting
        order by a.ledger_account_id
      ),
      jsonb_agg(jsonb_build_object(
        'lane', coalesce(o.lane, v_home), 'kind', case a.kind when 'PAYABLE' then 'EARNINGS' else 'PLATFORM' end, 'account', a.account_id,
        'currency', a.currency, 'amount', a.balance
      ))
    into v_out, v_sent
    from billing.ledger_accounts as a
    inner join billing.ledger_accounts as t
      on t.lane = v_lane and t.kind = 'TRANSIT' and t.account_id is null and t.currency = a.currency
    left join access.accounts as o on o.account_id = a.account_id
    where a.lane = v_lane and a.ledger_account_id = any (v_locked) and a.kind in ('PAYABLE', 'REVENUE') and a.balance > 0;
    if v_out is not null then
      perform billing.transfer(v_lane, v_out);
      v_in := v_in || v_sent;
      v_count := v_count + cardinality(v_out);
    end if;
  end loop;
  for v_lane, v_out in
    select
      m.lane, array_agg(
        (
          'SWEEP', m.amount, billing.account_of(m.lane, 'TRANSIT', null, m.currency),
          billing.account_of(m.lane, m.kind, m.account, m.currency), null, null, null, null, null, null, null, 'plane'
        )::billing.posting
        order by m.kind, m.account
      )
    from (
      select e.lane, e.kind, e.account, e.currency, sum(e.amount) as amount
      from jsonb_to_recordset(v_in) as e (lane smallint, kind text, account bigint, currency text, amount numeric)
      group by e.lane, e.kind, e.account, e.currency
      order by e.lane, e.kind, e.account, e.currency
    ) as m
    group by m.lane
    order by m.lane
  loop
    perform billing.transfer(v_lane, v_out);
  end loop;
  return case when v_count > 0 then v_count || ' accounts swept' end;
end
$$;

comment on function billing.sweep() is
'Moves what providers and the platform have earned in each lane into the accounts that it belongs to, through TRANSIT. Null when there
was nothing.';
