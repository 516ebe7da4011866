-- What an installation chooses, what each job has been doing, and what retention has taken out of the log.
-- The indexes are made in one go with the rest: nobody had these tables in production at any size before.
-- squawk-ignore-file require-concurrent-index-creation, adding-field-with-default

create table ops.settings (
  name text constraint settings_pk primary key,
  value interval not null,
  least interval not null,
  meaning text not null,
  changed_by text,
  reason text,
  changed_at timestamptz,
  constraint settings_value_not_below_least check (value >= least)
);
comment on table ops.settings is 'What an installation may choose, changed by ops.change_setting.';
comment on column ops.settings.least is 'Less would break what the plane promises.';
insert into ops.settings (name, value, least, meaning) values
-- The trust scan looks a day back.
('keep_protection_events', '90 days', '2 days', 'Protection events older than this are dropped, a week at a time.'),
-- signals.what_if replays up to 31 days.
('keep_signals', '180 days', '31 days', 'Signals, with their decisions and reports, older than this are retired unless something live needs them.'),
('keep_records', '90 days', '7 days', 'Ended sessions, refused sessions, differences and runs of jobs older than this are deleted.'),
('first_license_notice', '7 days', '1 hour', 'So long before a license expires it is said for the first time.'),
('last_license_notice', '1 day', '1 hour', 'So long before a license expires it is said once more.');

alter table ops.jobs
add column ran_at timestamptz,
add column failing_since timestamptz;
comment on column ops.jobs.ran_at is 'When it last ran to its end or failed; null: not yet.';
comment on column ops.jobs.failing_since is 'The first of the failures since it last went well; null: it went well.';

create table ops.retirements (
  what text not null,
  day date not null,
  before timestamptz not null,
  rows bigint not null,
  constraint retirements_pk primary key (what, day),
  constraint retirements_rows_positive check (rows > 0)
);
comment on table ops.retirements is 'What retention took out of the plane: a row for each table and day (UTC). Nothing else may be missing.';
comment on column ops.retirements.before is 'Only what was older than this was taken.';
comment on column ops.retirements.rows is 'How many rows; of time series, how many chunks.';

create table signals.log_starts (
  lane smallint not null,
  stream_id bigint not null,
  epoch integer not null,
  seq bigint not null,
  constraint log_starts_pk primary key (lane, stream_id),
  constraint log_starts_stream_fk foreign key (lane, stream_id) references signals.streams
);
comment on table signals.log_starts is
'Where the whole log of a stream begins: of the signals up to (epoch, seq), retention left only what something live needs.';

alter table signals.settlements
add column retired_seq bigint not null default 0;
comment on column signals.settlements.retired_seq is
'Of the deliveries up to here, retention left only what something live needs.';

create table access.expiry_notices (
  license_id uuid not null constraint expiry_notices_license_fk references access.licenses,
  notice text not null,
  noticed_at timestamptz not null,
  constraint expiry_notices_pk primary key (license_id, notice),
  constraint expiry_notices_notice_known check (notice in ('first', 'last'))
);
comment on table access.expiry_notices is 'That a license ends soon was said: each notice once.';

create index licenses_expiry on access.licenses (expires_at);
create index sessions_ended on access.sessions (ended_at) where ended_at is not null;
create index subscription_events_of on signals.subscription_events (lane, subscription_id, event_id);
