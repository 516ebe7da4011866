create or replace function audit.retired() returns table (relation text, rows bigint, number bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.relation, m.rows, s.number
  from (select w.relation, count(*) as rows, max(w.xact) as xact from audit.remains as w group by w.relation) as m
  left join lateral (select w.number from audit.seals as w where w.to_xact > m.xact order by w.to_xact limit 1) as s on true
$$;

comment on function audit.retired() is 'How many rows of each sealed table are gone by retention, and the newest block that has one of them.';
