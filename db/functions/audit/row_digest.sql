-- The one expression for a row's hash: of rows that are there (audit.digests), and of those that are being taken away (audit.bury).
-- Whoever runs it has the settings of audit.digests, under which text says the same in every session and locale, and asks for it in
-- a subquery, for plpgsql_check does not know that names are quoted here.
create or replace function audit.row_digest(p_columns text[]) returns text
language sql immutable strict
set search_path = pg_catalog, pg_temp
as $$
  select format('sha256(convert_to(row(%s)::text, ''UTF8''))', string_agg(format('t.%I', c.name), ', ' order by c.place))
  from unnest(p_columns) with ordinality as c (name, place)
$$;

comment on function audit.row_digest(text[]) is 'In SQL, the SHA-256 of the canonical form of the row t: these columns, in this order.';
