-- requires: access/binding access/licensed
create or replace function access.act_for(p_token text, p_peer inet default null) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_license access.licenses;
begin
  v_license := access.licensed(p_token, p_peer);
  perform set_config('ecp.caller', access.binding(v_license.account_id), true);
  return v_license.account_id;
end
$$;

comment on function access.act_for(text, inet) is
'Lets the rest of this transaction see what the account of this license token may see; of purpose api. Returns account_id. Give the
token as a parameter, never as text. p_peer counts from ecp_api only. Fails with TRA01 to TRA04, TRA07, TRA08.';
