create or replace function core.hmac_matches(p_inner bytea, p_outer bytea, p_message bytea, p_tag bytea) returns boolean
language sql immutable parallel safe
as $$ select sha256(p_outer || sha256(p_inner || p_message)) = p_tag $$;

comment on function core.hmac_matches(bytea, bytea, bytea, bytea) is
'HMAC-SHA256 of the message under the key of these pads equals the tag.';
