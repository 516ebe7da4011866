-- requires: core/fail core/now signals/follow_symbols signals/transition signals/write_settings trust/hold
-- Starts after the newest accepted signal of the stream: what the master already holds is late join. The cursor of the
-- lane is put there too, if this is the lane's first subscription to the stream, and the master's book with it;
-- otherwise both are where dispatch has come to.
create or replace function signals.subscribe(
  p_account bigint, p_stream bigint, p_settings jsonb default '{}', p_portfolio bigint default null
) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
  v_portfolios bigint[];
  v_portfolio bigint;
  v_head signals.stream_heads;
  v_subscription bigint;
begin
  -- What the stream trades stays as it is until this is visible to signals.define_instrument.
  perform pg_advisory_xact_lock_shared('signals.instruments'::regclass::oid::integer, hashint8(p_stream));
  -- Two first subscriptions of an account must not both make its portfolio.
  select a.lane into v_lane from access.accounts as a
  where a.account_id = p_account and a.status = 'ACTIVE' and 'subscriber' = any (a.roles)
  for no key update;
  if v_lane is null then
    perform core.fail('TRA08', jsonb_build_object('account', p_account));
  end if;
  -- Held to the end: no signal can slip between reading the head and the subscription being visible.
  select h.* into v_head from signals.stream_heads as h where h.stream_id = p_stream for no key update;
  if v_head.stream_id is null then
    perform core.fail('TRS10', jsonb_build_object('stream', p_stream));
  end if;
  v_portfolios := array(
    select p.portfolio_id
    from signals.portfolios as p
    where p.lane = v_lane and p.account_id = p_account and p.portfolio_id = coalesce(p_portfolio, p.portfolio_id)
  );
  if cardinality(v_portfolios) = 1 then
    v_portfolio := v_portfolios[1];
  elsif p_portfolio is null and v_portfolios = '{}' then
    v_portfolio := signals.create_portfolio(p_account, 'main');
  else
    perform core.fail('TRS24', jsonb_build_object('account', p_account, 'portfolio', p_portfolio));
  end if;
  insert into signals.subscriptions (
    lane, account_id, portfolio_id, stream_lane, stream_id, stream_name, started_epoch, started_seq, created_at
  )
  select
    v_lane, p_account, v_portfolio, s.lane, s.stream_id, s.name, v_head.accepted_epoch, v_head.accepted_seq, core.now()
  from signals.streams as s
  where s.lane = v_head.lane and s.stream_id = p_stream
  on conflict (lane, portfolio_id, stream_id) where ended_at is null do nothing
  returning subscription_id into v_subscription;
  if v_subscription is null then
    perform core.fail('TRS27', jsonb_build_object('portfolio', v_portfolio, 'stream', p_stream));
  end if;
  insert into signals.subscription_heads (lane, subscription_id) values (v_lane, v_subscription);
  insert into signals.dispatch_cursors (lane, stream_id, stream_lane, epoch, seq)
  values (v_lane, p_stream, v_head.lane, v_head.accepted_epoch, v_head.accepted_seq)
  on conflict (lane, stream_id) do nothing;
  if found then
    perform signals.rebuild_book(v_lane, p_stream);
  end if;
  perform signals.write_settings(v_subscription, p_settings, 'account ' || p_account);
  perform signals.follow_symbols(v_portfolio, p_stream);
  insert into signals.subscription_events (lane, subscription_id, to_state, cause, actor, occurred_at)
  values (v_lane, v_subscription, 'SYNCED', 'subscribe', 'account ' || p_account, core.now());
  -- Who is not trusted is not trusted under a new number either.
  perform trust.hold(v_lane, 'subscriber', array[p_account]);
  if exists (
    select from trust.scores as u
    where u.lane = v_lane and u.account_id = p_account and u.role = 'subscriber' and u.is_pausing
  ) then
    perform signals.transition(v_subscription, 'toxic', 'trust');
  end if;
  perform pg_notify('ecp_routes', v_lane::text);
  return v_subscription;
end
$$;

comment on function signals.subscribe(bigint, bigint, jsonb, bigint) is
'An account follows a stream from its next signal on, with settings as signals.write_settings has them. Without p_portfolio into the
account''s only one, which is made if there is none. Returns subscription_id. Fails with TRA08, TRS10, TRS20, TRS24, TRS27.';
