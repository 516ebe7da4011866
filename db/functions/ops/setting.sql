create or replace function ops.setting(p_name text) returns interval
language sql stable
set search_path = pg_catalog, pg_temp
as $$ select s.value from ops.settings as s where s.name = p_name $$;

comment on function ops.setting(text) is 'What the installation has chosen; null where there is no such setting.';
