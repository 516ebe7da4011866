-- requires: access/caller core/fail core/now
-- Who asks the same at the same moment waits here for the first one's end, and gets its answer; or does it, if that one failed.
create or replace function access.begin_request(p_key text, p_fingerprint bytea) returns table (status smallint, answer text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account bigint := access.caller();
  v_request access.requests;
begin
  if v_account is null then
    perform core.fail('TRW11');
  end if;
  insert into access.requests (account_id, key, fingerprint, made_at)
  values (v_account, p_key, p_fingerprint, core.now())
  on conflict do nothing;
  if found then
    return;
  end if;
  select r.* into v_request from access.requests as r where r.account_id = v_account and r.key = p_key;
  if v_request.fingerprint <> p_fingerprint then
    perform core.fail('TRW08', jsonb_build_object('key', p_key));
  end if;
  return query select v_request.status, v_request.answer;
end
$$;

comment on function access.begin_request(text, bytea) is
'Takes a key of the caller for what is asked now; the answer, if it was answered before. Fails with TRW08, TRW11.';
