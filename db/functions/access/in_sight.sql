-- requires: access/caller
-- Row policies ask it once a statement, not once a row.
create or replace function access.in_sight(p_what text) returns bigint[]
language sql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
  select case p_what
    when 'account' then array[c.account]
    when 'stream' then array(select s.stream_id from signals.streams as s where s.account_id = c.account)
    when 'portfolio' then array(select p.portfolio_id from signals.portfolios as p where p.account_id = c.account)
    when 'subscription' then array(
      select s.subscription_id
      from signals.portfolios as p
      inner join signals.subscriptions as s on s.lane = p.lane and s.portfolio_id = p.portfolio_id
      where p.account_id = c.account
    )
  end
  from access.caller() as c (account)
  where c.account is not null
$$;

comment on function access.in_sight(text) is
'Numbers of what belongs to the caller: its account, streams, portfolios or subscriptions. Null when nobody is bound.';
