-- requires: core/fail
-- For handlers of integrity_constraint_violation and data_exception: the constraints are the rules, and who called is
-- told which one was broken, under a code of ours. Diagnostics can be read in a handler only, so they are arguments.
create or replace function core.fail_rule(p_code text, p_detail jsonb, p_constraint text, p_table text, p_column text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform core.fail(p_code, p_detail || jsonb_build_object('rule', coalesce(
    nullif(p_constraint, ''),
    -- A missing value has a named constraint from PostgreSQL 18 on only.
    p_table || '_' || nullif(p_column, '') || '_not_null',
    'value_range'
  )));
end
$$;

comment on function core.fail_rule(text, jsonb, text, text, text) is
'Raises the registered error, its DETAIL extended by the rule that was broken: a constraint''s name, or value_range.';
