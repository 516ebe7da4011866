-- requires: access/license_refusal access/lift_fences core/now
-- Also the moment at which an expiry, a revocation or a suspension reaches a connection that is idle.
create or replace function access.renew_sessions(p_gateway text, p_sessions uuid[], p_offsets_us bigint[])
returns table (session_id uuid, code text, plane_time timestamptz)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.now();
begin
  return query
  with asked as (
    select a.session_id, a.offset_us from unnest(p_sessions, p_offsets_us) as a (session_id, offset_us)
  ), live as (
    select
      s.session_id,
      a.offset_us,
      access.license_refusal(l, c.status, s.peer, v_now) as code
    from asked as a
    inner join access.sessions as s on s.session_id = a.session_id
    inner join access.licenses as l on l.license_id = s.license_id
    inner join access.accounts as c on c.account_id = l.account_id
    where s.ended_at is null and s.gateway = p_gateway
    order by s.session_id
    for no key update of s
  ), renewed as (
    update access.sessions as s
    set
      renewed_at = v_now,
      -- A clock that is centuries off is no clock, and must not cost the others in the batch their lease.
      clock_offset = case when abs(live.offset_us::numeric) < 1e15 then make_interval(secs => live.offset_us / 1e6) end,
      ended_at = case when live.code is not null then v_now end,
      ended_by = case
        when live.code is null then null
        when live.code = 'TRA02' then 'EXPIRED'
        when live.code = 'TRA08' then 'SUSPENDED'
        else 'REVOKED'
      end
    from live
    where s.session_id = live.session_id
    returning s.session_id, live.code
  )
  select a.session_id, case when r.session_id is null then 'TRA06' else r.code end, v_now
  from asked as a
  left join renewed as r on r.session_id = a.session_id;

  perform access.lift_fences(array_agg(s.session_id))
  from access.sessions as s
  where s.session_id = any (p_sessions) and s.ended_at is not null
  having count(*) > 0;
end
$$;

comment on function access.renew_sessions(text, uuid[], bigint[]) is
'Extends the leases of sessions that showed life, and measures their clocks (client minus plane, microseconds). A code ends the session.';
