-- requires: core/hmac_pad core/random_secret
-- Who may see what: the key that a transaction is bound to an account with, and the schema of the views.

create table access.binding_key (
  singleton boolean default true constraint binding_key_pk primary key,
  key_inner bytea not null,
  key_outer bytea not null,
  constraint binding_key_one_row check (singleton),
  constraint binding_key_pads check (octet_length(key_inner) = 64 and octet_length(key_outer) = 64)
);
comment on table access.binding_key is
'The key of this installation that access.act_for signs with, as the two pads of HMAC. Nobody but the owner reads it.';

with made as materialized (
  select core.random_secret() as key
)
insert into access.binding_key (key_inner, key_outer)
select core.hmac_pad(m.key, 54), core.hmac_pad(m.key, 92)
from made as m;

create schema analytics;
comment on schema analytics is 'What people ask: views only, each row restricted to who may see it.';
-- The views are the reader's, whom the row policies hold; db/policies/access hands them over.
grant usage, create on schema analytics to ecp_reader;
