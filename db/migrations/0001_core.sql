-- Core: the lanes. Everything that commits together carries the same lane; their number is fixed at install
-- (`ecp deploy --lanes N`), because a stream or account never changes its lane on one server.

create schema core;
comment on schema core is 'Clock, lanes, error registry and time-series storage: what every other schema stands on.';

create table core.lanes (
  lane smallint constraint lanes_pk primary key,
  constraint lanes_number check (lane between 0 and 1023)
);
comment on table core.lanes is 'The lanes of this installation: 0 to N-1, dealt round robin to accounts and streams.';
comment on column core.lanes.lane is 'Unit of order, batching, locking and distribution.';

insert into core.lanes (lane)
select generate_series(0, coalesce(nullif(current_setting('ecp.lanes', true), ''), '8')::integer - 1);

create table core.kill_switch (
  singleton boolean default true constraint kill_switch_pk primary key,
  halted boolean not null default false,
  reason text,
  actor text,
  changed_at timestamptz not null default clock_timestamp(),
  constraint kill_switch_one_row check (singleton)
);
comment on table core.kill_switch is 'The plane-wide halt: while it is on, nothing that raises exposure is accepted anywhere.';

insert into core.kill_switch (singleton) values (true);
