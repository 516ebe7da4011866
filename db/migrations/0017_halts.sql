-- One table of kill switches, empty nearly always, instead of one switch, a status of streams and a copy of it beside each cursor: every
-- call that may raise exposure reads it, and whoever halts waits for nobody who trades.
-- It is made in one go: a column is dropped from rows of streams and cursors only, which are few.
-- squawk-ignore-file ban-drop-column, ban-drop-table, ban-drop-constraint, ban-drop-view
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation

create table signals.halts (
  scope text not null,
  subject text not null,
  reason text not null,
  actor text not null,
  since timestamptz not null,
  constraint halts_pk primary key (scope, subject),
  constraint halts_scope_known check (scope in ('GLOBAL', 'STREAM', 'ACCOUNT', 'SYMBOL')),
  constraint halts_subject_fits check (case
    when scope = 'GLOBAL' then subject = ''
    when scope = 'SYMBOL' then subject <> ''
    else subject ~ '^[1-9][0-9]{0,17}$'
  end)
);
comment on table signals.halts is 'What is halted: nothing of it that raises exposure passes. Lifting a halt deletes its row; audit.trail keeps both.';
comment on column signals.halts.scope is 'Everything, a stream, an account (as provider and as subscriber), or a symbol.';
comment on column signals.halts.subject is 'Number of the stream or account; the symbol, as a master or a broker calls it; empty: everything.';

-- Whose streams a halt of an account stops is asked by every batch while one stands.
create index streams_of_account on signals.streams (account_id);

insert into signals.halts (scope, subject, reason, actor, since)
select 'GLOBAL', '', coalesce(k.reason, 'not said'), coalesce(k.actor, 'not said'), k.changed_at
from core.kill_switch as k
where k.halted
union all
select 'STREAM', s.stream_id::text, coalesce(s.status_reason, 'not said'), coalesce(s.status_by, 'not said'), coalesce(s.status_at, s.created_at)
from signals.streams as s
where s.status = 'HALTED';

drop view if exists analytics.streams, ops.alarms, ops.stream_states;
drop table core.kill_switch;
alter table signals.dispatch_cursors drop column is_halted;
update signals.streams set status = 'ACTIVE' where status = 'HALTED';
alter table signals.streams
drop column status_by,
drop column status_reason,
drop column status_at,
drop constraint streams_status_known,
add constraint streams_status_known check (status in ('ACTIVE', 'CLOSED'));
