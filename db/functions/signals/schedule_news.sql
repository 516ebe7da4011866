-- requires: core/fail_rule
-- A calendar is imported again and again: the same news is one row, with the impact that was said last.
create or replace function signals.schedule_news(p_currency text, p_at timestamptz, p_impact text, p_title text)
returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_news bigint;
  v_constraint text;
  v_column text;
begin
  begin
    insert into signals.news (currency, at, impact, title)
    values (p_currency, p_at, p_impact, p_title)
    on conflict (currency, at, title) do update set impact = excluded.impact
    returning news_id into v_news;
  exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform core.fail_rule(
      'TRS29', jsonb_build_object('currency', p_currency, 'at', p_at, 'title', p_title), v_constraint, 'news', v_column
    );
  end;
  return v_news;
end
$$;

comment on function signals.schedule_news(text, timestamptz, text, text) is
'Enters an event of the economic calendar; LOW, MEDIUM or HIGH. The same event again only changes its impact. Returns news_id.
Fails with TRS29.';
