-- requires: audit/row_digest core/fail
-- For retention, in the transaction that removes the rows: `with gone as (delete … returning r as gone) select audit.bury('signals.reports',
-- array_agg(g.gone)) from gone as g`. Each version of the table leaves what was sealed of it then. The settings are those of
-- audit.digests, for the same text.
create or replace function audit.bury(p_relation text, p_rows anyarray) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, MDY'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
set extra_float_digits = 1
as $$
declare
  v_version record;
  v_may_go boolean;
begin
  for v_version in
    select
      w.columns, w.condition, w.may_go,
      case when lag(w.since) over in_order is null then '-9223372036854775808' else w.begins end as begins,
      coalesce(lead(w.begins) over in_order, 9223372036854775807) as ends
    from (
      select
        x.columns, x.condition, x.may_go, x.since,
        coalesce(
          (select s.from_xact from audit.seals as s where s.number = x.since), (select max(s.to_xact) from audit.seals as s), 0
        ) as begins
      from audit.sources as x
      where x.relation = p_relation
    ) as w
    window in_order as (order by w.since)
    order by w.since desc
  loop
    -- The newest first: it says whether anything may go now.
    v_may_go := coalesce(v_may_go, v_version.may_go);
    exit when not v_may_go;
    execute format(
      'insert into audit.remains (relation, xact, digest) select $1, t.xact, %s from unnest($2) as t'
      ' where t.xact >= $3 and t.xact < $4 and (%s)',
      (select audit.row_digest(v_version.columns)), v_version.condition
    ) using p_relation, p_rows, v_version.begins, v_version.ends;
  end loop;
  if v_may_go is not true then
    perform core.fail('TRH03', jsonb_build_object('relation', p_relation));
  end if;
end
$$;

comment on function audit.bury(text, anyarray) is
'Leaves the hashes of rows of a sealed table that are removed in this transaction, so that the chain holds without them. They must have been
sealed before audit.retirable. Fails with TRH03.';
