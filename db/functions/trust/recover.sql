-- Days are counted from the last incident or the last credit, whichever is later; what is left of a day counts on. The
-- caller holds the scores.
create or replace function trust.recover(p_lane smallint, p_role text, p_accounts bigint[], p_now timestamptz) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_recovered integer;
begin
  with due as materialized (
    select s.account_id, s.score, c.since, c.days, r.points * c.days as points
    from trust.scores as s
    inner join trust.rules as r on r.role = p_role and r.code = 'RECOVERED'
    cross join lateral (
      select
        greatest(s.last_incident_at, s.recovered_at) as since,
        -- A hundred points are made up for by then.
        least(floor(extract(epoch from p_now - greatest(s.last_incident_at, s.recovered_at)) / 86400), 100)::integer as days
    ) as c
    where s.lane = p_lane and s.role = p_role and s.account_id = any (p_accounts) and s.score < 100 and c.days > 0
  ), noted as (
    insert into trust.events (lane, account_id, role, code, points, score_before, score_after, actor, occurred_at)
    select p_lane, d.account_id, p_role, 'RECOVERED', d.points, d.score, least(d.score + d.points, 100), 'trust.scan', p_now
    from due as d
    order by d.account_id
  )
  update trust.scores as s
  set score = least(d.score + d.points, 100), recovered_at = d.since + d.days * interval '24 hours', changed_at = p_now
  from due as d
  where s.lane = p_lane and s.role = p_role and s.account_id = d.account_id;
  get diagnostics v_recovered = row_count;
  return v_recovered;
end
$$;

comment on function trust.recover(smallint, text, bigint[], timestamptz) is
'Credits these accounts of a lane with what their days without an incident regain. Returns how many it credited.';
