-- requires: core/error_registry
-- For errors of callers (a bad argument, an illegal change). A refusal of business is a row, never a raise: a raise
-- would roll back its own record.
create or replace function core.fail(p_code text, p_detail jsonb default '{}') returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error record;
begin
  select e.* into strict v_error from core.error_registry() as e where e.code = p_code;
  raise exception using errcode = p_code, message = v_error.message, detail = p_detail::text, hint = v_error.hint;
end
$$;

comment on function core.fail(text, jsonb) is 'Raises the registered error with its message and hint; DETAIL is the JSON given.';
