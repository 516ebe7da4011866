-- RFC 2104 with a 64-byte block. Keeping the two pads makes a check cost two sha256() calls and no key schedule.
create or replace function core.hmac_pad(p_key bytea, p_byte integer) returns bytea
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  with block as (
    select case when octet_length(p_key) > 64 then sha256(p_key) else p_key end as key
  ), padded as (
    select key || decode(repeat('00', 64 - octet_length(key)), 'hex') as key from block
  )
  select decode(string_agg(lpad(to_hex(get_byte(padded.key, i) # p_byte), 2, '0'), '' order by i), 'hex')
  from padded, generate_series(0, 63) as i
$$;

comment on function core.hmac_pad(bytea, integer) is 'One key pad of HMAC-SHA256: p_byte 54 (0x36) inner, 92 (0x5c) outer. 64 bytes.';
