-- requires: audit/note audit/pick
-- For tables that are written now and then. What every signal writes is not written twice: see db/policies/audit.
-- Arguments: the columns that identify the row, the column that says who, the one that says why, and the columns to keep.
-- They are named, so that a secret is kept by nobody's oversight. Settings of the session do not show in what is kept.
create or replace function audit.record() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set intervalstyle = 'postgres'
as $$
declare
  v_before jsonb := to_jsonb(old);
  v_after jsonb := to_jsonb(new);
  v_row jsonb := coalesce(v_after, v_before);
begin
  if v_before is distinct from v_after then
    perform audit.note(
      format('%s.%s %s', tg_table_schema, tg_table_name, tg_op), (v_row ->> 'lane')::smallint, audit.pick(v_row, tg_argv[0]),
      v_after ->> tg_argv[1], v_after ->> tg_argv[2], audit.pick(v_before, tg_argv[3]), audit.pick(v_after, tg_argv[3])
    );
  end if;
  return null;
end
$$;

create or replace trigger recorded after insert or update or delete on access.accounts
for each row execute function audit.record('account_id', 'status_by', 'status_reason', 'name roles status lane');
create or replace trigger recorded after insert or update or delete on access.licenses
for each row execute function audit.record(
  'license_id', 'revoked_by', 'revoked_reason', 'account_id purpose networks issued_at expires_at revoked_at replaced_by'
);
create or replace trigger recorded after insert or update or delete on signals.streams
for each row execute function audit.record(
  'stream_id', '', '', 'account_id name ttl max_skew rate_per_second burst status'
);
create or replace trigger recorded after insert or update or delete on signals.instruments
for each row execute function audit.record('stream_id symbol', '', '', '*');
create or replace trigger recorded after insert or update or delete on signals.copy_settings
for each row execute function audit.record('subscription_id version', 'actor', '', '*');
create or replace trigger recorded after insert or update or delete on billing.fee_plans
for each row execute function audit.record('fee_plan_id', 'actor', '', '*');
create or replace trigger recorded after insert or update or delete on billing.currencies
for each row execute function audit.record('currency', '', '', 'digits');
create or replace trigger recorded after insert or update or delete on trust.rules
for each row execute function audit.record('role code', '', '', 'points meaning');
create or replace trigger recorded after insert or update or delete on ops.settings
for each row execute function audit.record('name', 'changed_by', 'reason', 'value least');
create or replace trigger recorded after insert or update or delete on signals.symbol_maps
for each row execute function audit.record('portfolio_id master_symbol', '', '', 'symbol');
create or replace trigger recorded after insert or update or delete on signals.news
for each row execute function audit.record('news_id', '', '', 'currency at impact title');
create or replace trigger recorded after insert or update or delete on signals.actions
for each row execute function audit.record('action', '', '', '*');
create or replace trigger recorded after insert or update or delete on signals.subscription_states
for each row execute function audit.record('state', '', '', '*');
create or replace trigger recorded after insert or update or delete on signals.subscription_transitions
for each row execute function audit.record('from_state cause', '', '', 'to_state');

comment on function audit.record() is 'Keeps in audit.records what was done to a row, by whom and why.';
