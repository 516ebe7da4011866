-- requires: access/binding
create or replace function access.caller() returns bigint
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
  select c.account
  from (
    select
      current_setting('ecp.caller', true) as said,
      substring(current_setting('ecp.caller', true) from '^(\d{1,18})[.]')::bigint as account
    offset 0
  ) as c
  where c.said = access.binding(c.account)
$$;

comment on function access.caller() is 'The account that access.act_for bound this transaction to; null: nobody.';
