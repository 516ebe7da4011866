-- requires: access/lease access/license_refusal access/lift_fences core/now
-- Takeover rules: a lease that is over is taken; the same instance (a copier that reconnects) takes over at once;
-- anyone else is refused, because two copiers on one license would trade twice. The license row is the lock.
create or replace function access.open_session(
  p_token text, p_instance bytea, p_peer inet, p_gateway text, p_client text
) returns table (
  code text, session_id uuid, lane smallint, account_id bigint, account text, purpose text, lease_ms integer,
  plane_time timestamptz
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.now();
  v_part text[] := regexp_match(p_token, '^ecp_([0-9a-f]{32})_([0-9a-f]{64})$');
  v_license access.licenses;
  v_account access.accounts;
  v_live access.sessions;
  v_code text;
  v_session uuid;
begin
  select l.* into v_license from access.licenses as l where l.license_id = v_part[1]::uuid for update;
  if v_license.secret_hash is distinct from sha256(decode(v_part[2], 'hex')) or v_part is null then
    return query select 'TRA01', null::uuid, null::smallint, null::bigint, null, null, null::integer, v_now;
    return;
  end if;
  select a.* into v_account from access.accounts as a where a.account_id = v_license.account_id;
  select s.* into v_live from access.sessions as s where s.license_id = v_license.license_id and s.ended_at is null;
  v_code := coalesce(
    access.license_refusal(v_license, v_account.status, p_peer, v_now),
    -- An empty instance proves nothing: two copiers that both forgot to make one are still two.
    case
      when v_live.renewed_at + access.lease() > v_now and (v_live.instance <> p_instance or p_instance = '') then 'TRA05'
    end
  );
  if v_code is not null then
    insert into access.refusals (occurred_at, license_id, peer, code) values (v_now, v_license.license_id, p_peer, v_code);
    return query select v_code, null::uuid, null::smallint, null::bigint, null, null, null::integer, v_now;
    return;
  end if;
  update access.sessions as s
  set ended_at = v_now, ended_by = case when v_live.instance = p_instance then 'TAKEN_OVER' else 'LEASE_EXPIRED' end
  where s.session_id = v_live.session_id;
  perform access.lift_fences(array[v_live.session_id]);
  insert into access.sessions (lane, license_id, instance, gateway, client, peer, opened_at, renewed_at)
  values (v_account.lane, v_license.license_id, p_instance, p_gateway, p_client, p_peer, v_now, v_now)
  returning sessions.session_id into v_session;
  return query select
    null::text, v_session, v_account.lane, v_account.account_id, v_account.name, v_license.purpose,
    (extract(epoch from access.lease()) * 1000)::integer, v_now;
end
$$;

comment on function access.open_session(text, bytea, inet, text, text) is
'Exchanges a license token for a session. code: TRA01 to TRA05, TRA08, or null with the session.';
