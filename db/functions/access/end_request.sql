-- requires: access/caller
create or replace function access.end_request(p_key text, p_status smallint, p_answer text) returns void
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  update access.requests as r
  set status = p_status, answer = p_answer
  where r.account_id = access.caller() and r.key = p_key and r.status is null
$$;

comment on function access.end_request(text, smallint, text) is 'Keeps the answer for whoever asks again under this key.';
