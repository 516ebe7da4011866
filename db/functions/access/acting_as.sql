-- In a definer's function current_user is its owner. Who called it is the role that was SET, which takes a member of it, or who logged in.
create or replace function access.acting_as() returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$ select coalesce(nullif(current_setting('role'), 'none'), session_user)::name $$;

comment on function access.acting_as() is 'The role that whoever called the plane acts as.';
