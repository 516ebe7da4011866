-- requires: audit/row_digest
-- The canonical form of a row is the text of its columns as Postgres writes a row, under the settings below, so that it says
-- the same in every session and locale. The digest of many is SHA-256 over the row of audit.sources, which says what was digested,
-- and the sorted SHA-256 of each: as a set, so that a table needs no order of its own, and in one pass, however many ranges there are.
-- Of a row that retention took the hash is left, and counts as the row did.
create or replace function audit.digests(p_source audit.sources, p_bounds bigint[])
returns setof audit.range_digest
language plpgsql stable strict
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, MDY'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
set extra_float_digits = 1
set work_mem = '64MB'
-- A table that grew a lot since it was last analyzed would be read from end to end.
set enable_seqscan = off
as $$
begin
  return query execute format(
    $query$
      select r.place, count(*), sha256(convert_to($4::text, 'UTF8') || string_agg(r.digest, '' order by r.digest))
      from (
        select width_bucket(t.xact, $1) as place, %s as digest
        from %s as t
        where t.xact >= $2 and t.xact < $3 and (%s)
        union all
        select width_bucket(m.xact, $1), m.digest
        from audit.remains as m
        where m.relation = $5 and m.xact >= $2 and m.xact < $3
      ) as r
      group by r.place
    $query$,
    (select audit.row_digest(p_source.columns)), p_source.relation::regclass, p_source.condition
  ) using p_bounds, p_bounds[1], p_bounds[cardinality(p_bounds)], p_source, p_source.relation;
end
$$;

comment on function audit.digests(audit.sources, bigint[]) is
'Of each range of transactions between two neighbours of the ascending p_bounds in which the table has rows, or remains of rows: how many,
and their digest.';
