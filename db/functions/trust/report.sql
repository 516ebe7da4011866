-- requires: access/may_touch core/fail core/now trust/lanes_of
create or replace function trust.report(p_account bigint) returns table (
  account text, role text, lane smallint, score integer, is_trusted boolean, last_incident_at timestamptz, regained_at timestamptz,
  paused jsonb, counts jsonb, events jsonb
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account access.accounts;
begin
  select a.* into v_account from access.accounts as a where a.account_id = p_account;
  if v_account.account_id is null or not access.may_touch('account', p_account) then
    perform core.fail('TRT01', jsonb_build_object('account', p_account));
  end if;
  return query
  select
    v_account.name, r.role, l.lane, u.score, u.score >= 50, u.last_incident_at,
    case when u.score < 50 then
      greatest(u.last_incident_at, u.recovered_at) + ceil((50 - u.score) / d.points::numeric) * interval '24 hours'
    end,
    coalesce(b.paused, '[]'), coalesce(c.counts, '{}'), coalesce(e.events, '[]')
  from unnest(array['provider', 'subscriber']) as r (role)
  cross join lateral trust.lanes_of(p_account, r.role) as l
  left join trust.scores as s on s.lane = l.lane and s.account_id = p_account and s.role = r.role
  cross join lateral (
    select coalesce(s.score, 100) as score, s.last_incident_at, s.recovered_at
  ) as u
  inner join trust.rules as d on d.role = r.role and d.code = 'RECOVERED'
  cross join lateral (
    select jsonb_agg(p.what order by p.what) as paused
    from (
      select 'stream ' || w.name as what
      from signals.streams as w
      where r.role = 'provider' and w.lane = l.lane and w.account_id = p_account and u.score < 50
      union all
      select 'subscription ' || w.subscription_id
      from signals.subscriptions as w
      where r.role = 'subscriber' and w.lane = l.lane and w.account_id = p_account and w.state = 'PAUSED_TOXIC'
    ) as p
  ) as b
  cross join lateral (
    select jsonb_object_agg(n.code, n.count order by n.code) as counts
    from (
      select p.code, count(*) as count
      from signals.protection_events as p
      inner join trust.rules as g on g.role = r.role and g.code = p.code
      where p.lane = l.lane and p.occurred_at > core.now() - interval '24 hours' and case
        when r.role = 'provider' then p.subscription_id is null and p.stream_id in (
          select w.stream_id from signals.streams as w where w.lane = l.lane and w.account_id = p_account
        )
        else p.subscription_id in (
          select w.subscription_id from signals.subscriptions as w where w.lane = l.lane and w.account_id = p_account
        )
      end
      group by p.code
    ) as n
  ) as c
  cross join lateral (
    select jsonb_agg(to_jsonb(n) - 'event_id' order by n.event_id desc) as events
    from (
      select
        w.event_id, w.occurred_at, w.code, g.meaning, w.points, w.score_before, w.score_after, w.stream_id, w.subscription_id, w.epoch,
        w.seq, w.actor, w.reason
      from trust.events as w
      left join trust.rules as g on g.role = w.role and g.code = w.code
      where w.lane = l.lane and w.account_id = p_account and w.role = r.role
      order by w.event_id desc
      limit 20
    ) as n
  ) as e
  order by r.role, l.lane;
end
$$;

comment on function trust.report(bigint) is
'How an account stands as provider (in each lane where it has streams) and as subscriber: score, what is paused for it, when it is
trusted again without another incident, refusals by code in 24 hours, the last 20 events. Fails with TRT01.';
