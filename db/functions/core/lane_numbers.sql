create or replace function core.lane_numbers() returns setof smallint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$ select lane from core.lanes order by lane $$;

comment on function core.lane_numbers() is 'The lanes of this installation, ascending.';
