-- Core has no random bytea; three random uuids carry 366 bits from the same strong source, sha256 folds them to 32 bytes.
create or replace function core.random_secret() returns bytea
language sql volatile
set search_path = pg_catalog, pg_temp
as $$ select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) $$;

comment on function core.random_secret() is '32 strong random bytes.';
