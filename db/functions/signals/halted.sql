-- What calls that may raise exposure read once, after their locks: one row, whatever is halted. The streams of halted accounts are of any
-- lane, for followers know no provider; while nothing is halted, no lane is read. It has the rights of its callers.
create or replace view signals.halted with (security_invoker = true) as
select
  count(*) > 0 as anything,
  coalesce(bool_or(h.scope = 'GLOBAL'), false) as everything,
  coalesce(array_agg(h.subject::bigint) filter (where h.scope = 'STREAM'), '{}') as streams,
  coalesce(array_agg(h.subject::bigint) filter (where h.scope = 'ACCOUNT'), '{}') as accounts,
  coalesce(array_agg(s.stream_id) filter (where s.stream_id is not null), '{}') as provided,
  coalesce(array_agg(h.subject) filter (where h.scope = 'SYMBOL'), '{}') as symbols
from signals.halts as h
left join lateral (
  select w.stream_id
  from signals.streams as w
  where w.account_id = case when h.scope = 'ACCOUNT' then h.subject::bigint end
  offset 0
) as s on true;

comment on view signals.halted is 'Everything that is halted, in one row.';
comment on column signals.halted.provided is 'Streams of the accounts that are halted.';
