-- What has been counted of logs that are too long to be counted whenever somebody asks (ops.tally, ops.metrics).
create table ops.totals (
  name text not null,
  labels jsonb not null,
  value numeric not null default 0,
  constraint totals_pk primary key (name, labels)
);
comment on table ops.totals is 'Counters that only rise, by the name and the labels that ops.metrics gives them.';

create table ops.tallied (
  singleton boolean default true constraint tallied_pk primary key,
  to_xact bigint not null,
  to_time timestamptz not null,
  constraint tallied_one_row check (singleton)
);
comment on table ops.tallied is 'How far ops.tally has counted: transfers by transaction, protection events by time.';

-- A plane that is older than this counts from here on: a counter need not begin with the first day.
insert into ops.tallied (to_xact, to_time)
values (pg_snapshot_xmin(pg_current_snapshot())::text::bigint, clock_timestamp());
-- It must be seen to rise, so it has to be there before.
insert into ops.totals (name, labels) values ('ecp_ledger_mismatches_total', '{}');
