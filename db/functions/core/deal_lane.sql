-- Round robin by identity: even, needs no counter of its own, and two dealers never wait for each other.
create or replace function core.deal_lane(p_id bigint) returns smallint
language sql stable
set search_path = pg_catalog, pg_temp
as $$ select (p_id % (select count(*) from core.lanes))::smallint $$;

comment on function core.deal_lane(bigint) is 'The lane of a new account or stream with this id.';
