-- requires: access/sign_token core/fail core/now
-- What is not exactly what we would have written is refused before it is read: header, alphabet, padding and signature at once.
-- Hashes are compared, so that how long it takes tells nothing.
create or replace function access.token_claims(p_token text) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payload text := split_part(p_token, '.', 2);
  v_text text;
  v_claims jsonb;
  v_now numeric := extract(epoch from core.now());
  v_rule text;
begin
  if v_payload ~ '^[A-Za-z0-9_-]+$' and length(v_payload) % 4 <> 1 then
    v_text := convert_from(
      decode(rpad(translate(v_payload, '-_', '+/'), (length(v_payload) + 3) / 4 * 4, '='), 'base64'), 'UTF8'
    );
  end if;
  if sha256(convert_to(access.sign_token(v_text), 'UTF8')) is distinct from sha256(convert_to(p_token, 'UTF8')) then
    perform core.fail('TRW11', jsonb_build_object('rule', 'signature'));
  end if;
  v_claims := v_text::jsonb;
  v_rule := case
    when v_claims ->> 'iss' is distinct from 'ecp' then 'iss'
    when v_claims ->> 'aud' is distinct from 'ecp-api' then 'aud'
    when (v_claims ->> 'nbf')::numeric <= v_now is not true then 'nbf'
    when v_claims ->> 'exp' is null then 'exp'
    when v_claims ->> 'jti' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' is not true then 'jti'
  end;
  if v_rule is not null then
    perform core.fail('TRW11', jsonb_build_object('rule', v_rule));
  elsif (v_claims ->> 'exp')::numeric <= v_now then
    perform core.fail('TRW12');
  end if;
  return v_claims;
exception when data_exception then
  perform core.fail('TRW11', jsonb_build_object('rule', 'shape'));
  return null;
end
$$;

comment on function access.token_claims(text) is
'What an access token says: signed by us, for the API, begun and not over. Fails with TRW11, TRW12.';
