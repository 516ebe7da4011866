-- Access: who may connect. None of this is on the hot path; hot procedures see only a session id.

create schema access;
comment on schema access is 'Accounts, licenses and the one live session of each license.';

create table access.accounts (
  lane smallint not null constraint accounts_lane_fk references core.lanes,
  account_id bigint generated always as identity,
  public_id uuid not null default gen_random_uuid(),
  name text not null,
  roles text [] not null,
  status text not null default 'ACTIVE',
  created_at timestamptz not null default clock_timestamp(),
  constraint accounts_pk primary key (lane, account_id),
  constraint accounts_id_unique unique (account_id),
  constraint accounts_public_id_unique unique (public_id),
  constraint accounts_name_unique unique (name),
  constraint accounts_name_length check (length(name) between 1 and 100),
  constraint accounts_roles_known check (
    roles <@ array['provider', 'subscriber', 'operator'] and cardinality(roles) > 0
  ),
  constraint accounts_status_known check (status in ('ACTIVE', 'SUSPENDED', 'CLOSED'))
);
comment on table access.accounts is 'A person or firm: provider, subscriber, operator or several of these.';
comment on column access.accounts.lane is 'Home of the account''s subscriptions, decisions and reports.';

create table access.licenses (
  license_id uuid constraint licenses_pk primary key default gen_random_uuid(),
  account_id bigint not null constraint licenses_account_fk references access.accounts (account_id),
  purpose text not null,
  secret_hash bytea not null,
  networks cidr [],
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  replaced_by uuid constraint licenses_replaced_by_fk references access.licenses,
  constraint licenses_purpose_known check (purpose in ('publish', 'subscribe', 'executor', 'api')),
  constraint licenses_secret_hash_sha256 check (octet_length(secret_hash) = 32),
  constraint licenses_life check (expires_at > issued_at)
);
create index licenses_account on access.licenses (account_id);
comment on table access.licenses is
'Credentials. The token ecp_<license id>_<secret> is shown once; only SHA-256 of the secret is kept.';
comment on column access.licenses.networks is 'Allow-list of peer networks; null allows every network.';
comment on column access.licenses.replaced_by is 'Set by rotation: both are valid until this one expires.';

create table access.sessions (
  lane smallint not null,
  session_id uuid constraint sessions_pk primary key default gen_random_uuid(),
  license_id uuid not null constraint sessions_license_fk references access.licenses,
  instance bytea not null,
  gateway text not null,
  client text not null,
  peer inet not null,
  opened_at timestamptz not null,
  renewed_at timestamptz not null,
  clock_offset interval,
  ended_at timestamptz,
  ended_by text,
  constraint sessions_ended_by_known check (
    ended_by in ('LOGOUT', 'TAKEN_OVER', 'LEASE_EXPIRED', 'REVOKED', 'EXPIRED', 'SUSPENDED')
  ),
  constraint sessions_ended_whole check ((ended_at is null) = (ended_by is null))
);
create unique index sessions_one_live_per_license on access.sessions (license_id) where ended_at is null;
comment on table access.sessions is 'The lease of a license: at most one live row each, by sessions_one_live_per_license.';
comment on column access.sessions.instance is 'Random bytes that the client keeps over reconnects: proves that it is the same copier.';
comment on column access.sessions.clock_offset is 'Client clock minus plane clock, measured at the last heartbeat.';

create table access.refusals (
  refusal_id bigint generated always as identity constraint refusals_pk primary key,
  occurred_at timestamptz not null,
  license_id uuid not null,
  peer inet not null,
  code text not null
);
comment on table access.refusals is
'Refused sessions of holders of a real secret. A wrong secret leaves no row: strangers cannot fill the disk.';
