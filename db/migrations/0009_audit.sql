-- Audit: who did what, and a chain of hashes over it and over everything that was decided, so that a change made later shows.
-- The tables that are sealed get their stamp under their locks, in one go: it has a default and rewrites nothing. That it is positive
-- holds of the default, so the rows that are there are not read for it.
-- squawk-ignore-file adding-field-with-default, adding-not-nullable-field, require-concurrent-index-creation

create schema audit;
comment on schema audit is 'What operators did and what was configured, and the chain of seals over it and over what was decided.';

-- What is recorded ------------------------------------------------------------------------------------------

create table audit.records (
  record_id bigint generated always as identity constraint records_pk primary key,
  occurred_at timestamptz not null,
  kind text not null,
  lane smallint,
  subject jsonb not null,
  actor text not null,
  login text not null,
  reason text,
  before jsonb,
  after jsonb,
  xact bigint not null default pg_current_xact_id()::text::bigint,
  constraint records_xact_positive check (xact > 0),
  constraint records_kind_shape check (kind ~ '^[a-z_]+[.][a-z_]+( (INSERT|UPDATE|DELETE))?$')
);
create index records_kind on audit.records (kind, record_id);
create index records_xact on audit.records using brin (xact) with (autosummarize = on);
comment on table audit.records is 'Operator actions and configuration, one row each; only ever added to. Read it as audit.trail.';
comment on column audit.records.kind is 'The table and what was done to its row; or the function, where no row says who and why.';
comment on column audit.records.actor is 'Who did it, as named in the call; the login where the call names nobody.';
comment on column audit.records.login is 'The role that had logged in: authenticated, and nothing that a client can SET.';

-- What is sealed --------------------------------------------------------------------------------------------

create table audit.seals (
  number bigint constraint seals_pk primary key,
  from_xact bigint not null,
  to_xact bigint not null,
  sealed_at timestamptz not null,
  hash bytea not null,
  constraint seals_number_positive check (number > 0),
  constraint seals_from_unique unique (from_xact),
  constraint seals_to_unique unique (to_xact),
  constraint seals_range check (from_xact < to_xact),
  constraint seals_hash_sha256 check (octet_length(hash) = 32)
);
-- What was sealed before a time: audit.retirable.
create index seals_sealed_at on audit.seals (sealed_at, number);
comment on table audit.seals is 'The chain: each block covers the rows of a range of transactions, and its hash the hash of the block before.';
comment on column audit.seals.to_xact is 'First transaction that is not in the block; the next block begins with it.';
comment on column audit.seals.hash is 'See audit.block_hash.';

create table audit.sections (
  number bigint not null constraint sections_seal_fk references audit.seals,
  relation text not null,
  rows bigint not null,
  digest bytea not null,
  constraint sections_pk primary key (number, relation),
  constraint sections_rows_positive check (rows > 0),
  constraint sections_digest_sha256 check (octet_length(digest) = 32)
);
comment on table audit.sections is 'What a block has of each table; none where it has no row of it.';
comment on column audit.sections.digest is 'See audit.digests.';

create table audit.sources (
  relation text not null,
  since bigint not null,
  columns text [] not null,
  condition text not null,
  may_go boolean not null,
  constraint sources_pk primary key (relation, since),
  constraint sources_relation_shape check (relation ~ '^[a-z_]+[.][a-z_]+$')
);
comment on table audit.sources is 'The tables that are sealed, as db/policies/audit has them; a table that got more columns has a row more.';
comment on column audit.sources.since is 'The first block that this holds for.';
comment on column audit.sources.columns is 'What the canonical form of a row consists of, in this order.';
comment on column audit.sources.condition is 'Rows for which it is not true are not yet what they will be, and not sealed.';
comment on column audit.sources.may_go is 'Retention takes its rows when it is their time, and leaves audit.remains; of other tables none are ever gone.';

create table audit.remains (
  relation text not null,
  xact bigint not null,
  digest bytea not null,
  constraint remains_xact_positive check (xact > 0),
  constraint remains_digest_sha256 check (octet_length(digest) = 32)
);
create index remains_xact on audit.remains (relation, xact);
comment on table audit.remains is 'What is left of sealed rows that retention took: their hashes, from which the digest of their block still follows.';
comment on column audit.remains.xact is 'As it was in the row.';
comment on column audit.remains.digest is 'Of the row''s canonical form, see audit.row_digest.';

create type audit.range_digest as (place integer, rows bigint, digest bytea);
comment on type audit.range_digest is 'What a table has of a range of transactions; place is that of the range in the bounds given.';

alter table signals.signals add column xact bigint not null default pg_current_xact_id()::text::bigint;
alter table signals.signals add constraint signals_xact_positive check (xact > 0) not valid;
create index signals_xact on signals.signals using brin (xact) with (autosummarize = on);
comment on column signals.signals.xact is 'The transaction that stored it: what the audit chain counts by.';

alter table signals.decisions add column xact bigint not null default pg_current_xact_id()::text::bigint;
alter table signals.decisions add constraint decisions_xact_positive check (xact > 0) not valid;
create index decisions_xact on signals.decisions using brin (xact) with (autosummarize = on);
comment on column signals.decisions.xact is 'The transaction that decided it: what the audit chain counts by.';

alter table signals.reports add column xact bigint not null default pg_current_xact_id()::text::bigint;
alter table signals.reports add constraint reports_xact_positive check (xact > 0) not valid;
create index reports_xact on signals.reports using brin (xact) with (autosummarize = on);
comment on column signals.reports.xact is 'The transaction that recorded it, of an outcome that was in doubt the one that settled it: what the audit chain counts by.';

alter table signals.subscription_events add column xact bigint not null default pg_current_xact_id()::text::bigint;
alter table signals.subscription_events add constraint subscription_events_xact_positive check (xact > 0) not valid;
create index subscription_events_xact on signals.subscription_events using brin (xact) with (autosummarize = on);
comment on column signals.subscription_events.xact is 'The transaction that made the change: what the audit chain counts by.';

alter table billing.transfers add constraint transfers_xact_positive check (xact > 0) not valid;
