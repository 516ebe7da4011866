create or replace function signals.raising_actions() returns setof text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$ select action from signals.actions where raises_exposure order by action $$;

comment on function signals.raising_actions() is 'The actions that raise exposure: what a busy gateway may refuse without asking the database.';
