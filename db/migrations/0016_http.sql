-- requires: core/hmac_pad core/random_secret
-- What the HTTP API keeps: the key of its access tokens, who was given which, and what was answered to whom.
-- squawk-ignore-file ban-drop-constraint, constraint-missing-not-valid

alter table access.accounts
drop constraint accounts_roles_known,
add constraint accounts_roles_known check (
  roles <@ array['provider', 'subscriber', 'operator', 'analyst', 'auditor'] and cardinality(roles) > 0
);

create table access.token_key (
  singleton boolean default true constraint token_key_pk primary key,
  key_inner bytea not null,
  key_outer bytea not null,
  constraint token_key_one_row check (singleton),
  constraint token_key_pads check (octet_length(key_inner) = 64 and octet_length(key_outer) = 64)
);
comment on table access.token_key is
'The key of this installation that access tokens are signed with, as the two pads of HMAC. Nobody but the owner reads it.';

with made as materialized (
  select core.random_secret() as key
)
insert into access.token_key (key_inner, key_outer)
select core.hmac_pad(m.key, 54), core.hmac_pad(m.key, 92)
from made as m;

create table access.token_families (
  family_id uuid constraint token_families_pk primary key default gen_random_uuid(),
  license_id uuid not null constraint token_families_license_fk references access.licenses,
  account_id bigint not null constraint token_families_account_fk references access.accounts (account_id),
  scope text not null,
  began_at timestamptz not null,
  ends_at timestamptz not null,
  revoked_at timestamptz,
  constraint token_families_scope_known check (scope in ('tenant', 'operator', 'analyst', 'auditor')),
  constraint token_families_life check (ends_at > began_at)
);
create index token_families_ends_at on access.token_families (ends_at);
comment on table access.token_families is
'What a license was exchanged for at once: a pair of tokens, and every pair that it was refreshed to. They end together.';

create table access.refresh_tokens (
  token_id uuid constraint refresh_tokens_pk primary key default gen_random_uuid(),
  family_id uuid not null constraint refresh_tokens_family_fk references access.token_families on delete cascade,
  secret_hash bytea not null,
  issued_at timestamptz not null,
  used_at timestamptz,
  constraint refresh_tokens_secret_hash_sha256 check (octet_length(secret_hash) = 32)
);
create index refresh_tokens_family on access.refresh_tokens (family_id);
comment on table access.refresh_tokens is
'Each is good for one refresh; who shows one again ends its family. The access token that came with it has token_id as jti.';

create table access.requests (
  account_id bigint not null constraint requests_account_fk references access.accounts (account_id),
  key text not null,
  fingerprint bytea not null,
  status smallint,
  answer text,
  made_at timestamptz not null,
  constraint requests_pk primary key (account_id, key),
  constraint requests_key_length check (length(key) between 1 and 200)
);
create index requests_made_at on access.requests (made_at);
comment on table access.requests is
'What was asked under which Idempotency-Key and what was answered, in the transaction that did it. Secrets of answers are not kept.';
