-- requires: core/microseconds
create or replace function audit.block_hash(p_previous bytea, p_seal audit.seals, p_sections audit.sections[]) returns bytea
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select sha256(p_previous || convert_to(
    concat_ws(
      '|', p_seal.number, p_seal.from_xact, p_seal.to_xact, core.microseconds(p_seal.sealed_at),
      (
        select string_agg(concat_ws(':', s.relation, s.rows, encode(s.digest, 'hex')), '|' order by s.relation collate "C")
        from unnest(p_sections) as s
      )
    ),
    'UTF8'
  ))
$$;

comment on function audit.block_hash(bytea, audit.seals, audit.sections[]) is
'SHA-256 over the hash of the block before (of the first: nothing) and number|from|to|microseconds|relation:rows:digest|…';
