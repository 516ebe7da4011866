-- A barrier view: whoever is on duty reads it without reading the tables.
create or replace view ops.halts with (security_barrier = true) as
select h.scope, nullif(h.subject, '') as subject, h.reason, h.actor, h.since, coalesce(s.name, a.name) as name
from signals.halts as h
left join signals.streams as s on s.stream_id = case when h.scope = 'STREAM' then h.subject::bigint end
left join access.accounts as a on a.account_id = case when h.scope = 'ACCOUNT' then h.subject::bigint end;

comment on view ops.halts is 'What is halted now, by whom and why; signals.lift_halt lifts it.';
comment on column ops.halts.subject is 'Number of the stream or account, or the symbol; null: everything.';
comment on column ops.halts.name is 'Of the stream or account.';
