-- requires: core/fail billing/transfer
-- What people and payment adapters ask for, once per key: two that ask with one key at once wait for each other on
-- transfers_key_once, and the second finds what the first has done.
create or replace function billing.request(p_lane smallint, p_posting billing.posting) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_digits smallint;
  v_before billing.transfers;
  v_constraint text;
begin
  select c.digits into v_digits
  from billing.ledger_accounts as a
  inner join billing.currencies as c on c.currency = a.currency
  where a.lane = p_lane and a.ledger_account_id = p_posting.debit_id;
  if (p_posting.amount > 0 and p_posting.amount < 1e15) is not true then
    perform core.fail('TRB01', jsonb_build_object('amount', p_posting.amount));
  elsif p_posting.amount <> round(p_posting.amount, v_digits) then
    perform core.fail('TRB03', jsonb_build_object('amount', p_posting.amount, 'digits', v_digits));
  elsif coalesce(p_posting.actor, '') = '' or (length(p_posting.key) between 1 and 200) is false then
    perform core.fail('TRB13', jsonb_build_object('actor', p_posting.actor, 'key', p_posting.key));
  end if;
  -- A first look spares the second asker the locks and, when the wallet has been emptied since, a wrong refusal.
  for i in 1..2 loop
    select t.* into v_before from billing.transfers as t where t.lane = p_lane and t.key = p_posting.key;
    if v_before.transfer_id is not null then
      if (v_before.kind, v_before.amount, v_before.debit_id, v_before.credit_id)
        <> (p_posting.kind, p_posting.amount, p_posting.debit_id, p_posting.credit_id)
      then
        perform core.fail('TRB05', jsonb_build_object('key', p_posting.key, 'transfer', v_before.transfer_id));
      end if;
      return v_before.transfer_id;
    end if;
    begin
      return (billing.transfer(p_lane, array[p_posting]))[1];
    exception when check_violation or unique_violation then
      get stacked diagnostics v_constraint = constraint_name;
      -- Whoever had the key first may have spent what is missing now.
      if v_constraint not in ('transfers_key_once', 'ledger_accounts_covered') or i = 2 then
        exit;
      end if;
    end;
  end loop;
  perform core.fail(
    case v_constraint when 'transfers_reversed_once' then 'TRB07' else 'TRB04' end,
    jsonb_strip_nulls(jsonb_build_object(
      'ledger_account', p_posting.debit_id, 'amount', p_posting.amount, 'reverses', p_posting.reverses
    ))
  );
  return null;
end
$$;

comment on function billing.request(smallint, billing.posting) is
'Makes one transfer that somebody asked for, or finds it made under the same key. Returns transfer_id. Fails with TRB01, TRB03, TRB04,
TRB05, TRB07, TRB13.';
