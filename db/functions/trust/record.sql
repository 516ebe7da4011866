-- requires: trust/add trust/hold
-- The points of a batch, in its order. What changes no score (an execution at 100, an incident at 0) leaves no event; the time of the
-- incident is kept all the same.
create or replace function trust.record(
  p_lane smallint, p_now timestamptz, p_actor text, p_role text, p_accounts bigint[], p_codes text[], p_streams bigint[],
  p_subscriptions bigint[], p_epochs integer[], p_seqs bigint[]
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform trust.hold(p_lane, p_role, p_accounts);
  with charged as materialized (
    select
      a.*, r.points,
      trust.add(s.score, r.points) over (partition by a.account_id order by a.ord) as score_after,
      s.score as score_start
    from unnest(
      p_accounts, p_codes, p_streams, p_subscriptions, p_epochs, p_seqs
    ) with ordinality as a (account_id, code, stream_id, subscription_id, epoch, seq, ord)
    inner join trust.rules as r on r.role = p_role and r.code = a.code
    inner join trust.scores as s on s.lane = p_lane and s.account_id = a.account_id and s.role = p_role
    where r.points <> 0
  ), chained as (
    select
      c.*, lag(c.score_after, 1, c.score_start) over (partition by c.account_id order by c.ord) as score_before
    from charged as c
  ), noted as (
    insert into trust.events (
      lane, account_id, role, code, points, score_before, score_after, stream_id, subscription_id, epoch, seq, actor,
      occurred_at
    )
    select
      p_lane, c.account_id, p_role, c.code, c.points, c.score_before, c.score_after, c.stream_id, c.subscription_id,
      c.epoch, c.seq, p_actor, p_now
    from chained as c
    where c.score_after <> c.score_before
    order by c.ord
  )
  update trust.scores as s
  set
    score = c.score,
    last_incident_at = case when c.is_incident then p_now else s.last_incident_at end,
    changed_at = case when c.score <> s.score then p_now else s.changed_at end
  from (
    select
      w.account_id, (array_agg(w.score_after order by w.ord desc))[1] as score, bool_or(w.points < 0) as is_incident
    from charged as w
    group by w.account_id
  ) as c
  where s.lane = p_lane and s.account_id = c.account_id and s.role = p_role and (c.is_incident or c.score <> s.score);
end
$$;

comment on function trust.record(
  smallint, timestamptz, text, text, bigint[], text[], bigint[], bigint[], integer[], bigint[]
) is
'Moves the scores of these accounts of a lane by the rules of these codes, in order, an event for each change. The caller has
trust.settle bring their subscriptions after them.';
