-- requires: core/from_e8 core/from_microseconds core/hmac_matches core/now signals/advance signals/shape_error trust/record
-- A batch of one lane, one verdict each, all of it in one transaction. Two statements: the first takes the locks
-- (heads, by stream), so that the second has a snapshot in which everything committed before them is visible.
-- No NOTIFY: the gateway that called dispatches at once, and the others find by their poll what it left undone.
-- A verdict depends on what arrived before it in its stream and on the clock, never on how signals were batched.
create or replace function signals.ingest(
  p_lane smallint, p_sessions uuid[], p_streams bigint[], p_epochs bigint[], p_seqs bigint[], p_actions text[],
  p_symbols text[], p_sides text[], p_positions bigint[], p_volumes bigint[], p_prices bigint[],
  p_stop_losses bigint[], p_take_profits bigint[], p_magics bigint[], p_order_types text[], p_books jsonb[],
  p_sent_us bigint[], p_payloads bytea[], p_tags bytea[], p_balances bigint[], p_equities bigint[]
) returns table (
  ord integer, verdict text, original text, code text, next_seq bigint, epoch integer, decided_at timestamptz
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz;
  v_halted boolean;
begin
  perform 1
  from signals.stream_heads as h
  where h.lane = p_lane and h.stream_id = any (p_streams)
  order by h.stream_id
  for no key update;
  -- After the locks: a batch that waited must not judge by an older clock than the one it waited for.
  v_now := core.now();
  select k.halted into v_halted from core.kill_switch as k;

  return query
  with arrived as materialized (
    select
      a.*,
      core.from_microseconds(a.sent_us) as sent_at,
      s.stream_id as known_id,
      s.account_id,
      s.status,
      s.ttl,
      s.max_skew,
      h.epoch as head_epoch,
      h.last_seq,
      h.gap_seq,
      h.accepted_epoch,
      h.accepted_seq,
      least(
        s.burst,
        -- A clock that was set back must not take tokens away.
        h.tokens + s.rate_per_second * greatest(extract(epoch from v_now - h.refilled_at)::double precision, 0)
      ) as tokens,
      coalesce(u.score, 100) as score,
      h.session_id = a.session_id as is_publisher,
      core.hmac_matches(s.key_inner, s.key_outer, a.payload, a.tag) as is_authentic,
      c.raises_exposure,
      signals.shape_error(
        a.action, c.raises_exposure, a.side, a.order_type, a.position_id, a.volume_e8 * 0.00000001,
        a.price_e8 * 0.00000001, a.stop_loss_e8 * 0.00000001, a.take_profit_e8 * 0.00000001, a.book, i::signals.instruments
      ) as shape_error
    from unnest(
      p_sessions, p_streams, p_epochs, p_seqs, p_actions, p_symbols, p_sides, p_positions, p_volumes, p_prices,
      p_stop_losses, p_take_profits, p_magics, p_order_types, p_books, p_sent_us, p_payloads, p_tags, p_balances, p_equities
    ) with ordinality as a (
      session_id, stream_id, epoch, seq, action, symbol, side, position_id, volume_e8, price_e8,
      stop_loss_e8, take_profit_e8, magic, order_type, book, sent_us, payload, tag, balance, equity, ord
    )
    left join lateral (
      select w.* from signals.streams as w where w.lane = p_lane and w.stream_id = a.stream_id limit 1
    ) as s on true
    left join lateral (
      select w.* from signals.stream_heads as w where w.lane = p_lane and w.stream_id = a.stream_id limit 1
    ) as h on true
    left join lateral (
      select w.score from trust.scores as w
      where w.lane = p_lane and w.account_id = s.account_id and w.role = 'provider'
      limit 1
    ) as u on true
    left join signals.actions as c on c.action = a.action
    left join lateral (
      select w.*
      from signals.instruments as w
      where w.lane = p_lane and w.stream_id = a.stream_id and w.symbol = a.symbol
      limit 1
    ) as i on true
  ), sequenced as (
    select
      a.*,
      signals.advance(
        a.last_seq, case when a.is_publisher and a.is_authentic and a.epoch = a.head_epoch and a.sent_at is not null then a.seq end
      ) over in_order as reached
    from arrived as a
    window in_order as (partition by a.stream_id order by a.ord)
  ), placed as (
    select q.*, coalesce(lag(q.reached) over in_order, q.last_seq) as prior
    from sequenced as q
    window in_order as (partition by q.stream_id order by q.ord)
  ), checked as (
    select
      p.*,
      p.reached > p.prior as in_sequence,
      case
        when p.known_id is null then 'TRS10'
        when p.is_publisher is not true then 'TRA06'
        when p.is_authentic is not true then 'TRS03'
        when p.epoch is null or p.seq is null or p.sent_at is null then 'TRS09'
        when p.epoch < p.head_epoch then 'TRS01'
        when p.epoch > p.head_epoch or p.seq > p.prior + 1 then 'TRS02'
        when p.seq <= p.prior then 'SEEN'
        when p.shape_error is not null then p.shape_error
        when not p.raises_exposure then null
        when v_halted or p.status = 'HALTED' then 'TRS08'
        when p.status <> 'ACTIVE' then 'TRS22'
        when p.sent_at < v_now - p.ttl then 'TRS04'
        when p.sent_at > v_now + p.max_skew then 'TRS05'
      end as fault
    from placed as p
  ), repeated as (
    -- Of a repeated seq, whether the bytes are those of the original: earlier in this batch, or stored by an earlier one.
    select
      k.*, coalesce(coalesce(k.twin_tag, o.tag) = k.tag, false) as is_same, o.verdict as original_verdict, o.code as original_code,
      -- A gap is one event, however many signals run into it.
      k.fault = 'TRS02' and k.gap_seq <> k.prior + 1 and k.prior is distinct from k.gap_before as is_new_gap
    from (
      select
        c.*,
        (array_agg(c.tag) filter (where c.in_sequence) over (partition by c.stream_id, c.seq))[1] as twin_tag,
        max(c.prior) filter (where c.fault = 'TRS02')
          over (partition by c.stream_id order by c.ord rows between unbounded preceding and 1 preceding) as gap_before
      from checked as c
    ) as k
    left join lateral (
      select x.tag, x.verdict, x.code
      from signals.signals as x
      where k.fault = 'SEEN' and k.twin_tag is null
        and x.lane = p_lane and x.stream_id = k.stream_id and x.epoch = k.head_epoch and x.seq = k.seq
      limit 1
    ) as o on true
  ), charged as (
    -- What each costs its provider's trust.
    select r.*, coalesce(t.points, 0) as points
    from repeated as r
    left join lateral (
      select w.points
      from trust.rules as w
      where (r.fault in ('TRS01', 'TRS03', 'TRS04') or (r.fault = 'SEEN' and not r.is_same) or r.is_new_gap)
        and w.role = 'provider' and w.code = case when r.fault = 'SEEN' then 'TRS01' else r.fault end
      limit 1
    ) as t on true
  ), gated as (
    -- Points are only taken here, so whoever comes under 50 stays there, and the plain sum shows when.
    select
      c.*,
      case
        when c.raises_exposure and coalesce(c.fault, 'TRS04') in ('TRS04', 'TRS05')
          and c.score + coalesce(sum(c.points) over of_provider, 0) < 50
          then 'TRS38'
        else c.fault
      end as gate
    from charged as c
    window of_provider as (partition by c.account_id order by c.ord rows between unbounded preceding and 1 preceding)
  ), judged as materialized (
    select
      g.*,
      coalesce(
        g.gate,
        case
          when g.raises_exposure
            and count(*) filter (where g.gate is null and g.raises_exposure) over in_order > floor(g.tokens)
            then 'TRS06'
        end
      ) as ruling
    from gated as g
    window in_order as (partition by g.stream_id order by g.ord)
  ), ruled as materialized (
    select
      j.*,
      case
        when j.ruling is null then 'ACCEPTED'
        when j.ruling = 'SEEN' then 'SEEN'
        when j.ruling = 'TRS01' then 'REPLAY'
        when j.ruling = 'TRS02' then 'GAP'
        when j.ruling = 'TRS03' then 'BAD_SIGNATURE'
        when j.ruling = 'TRS04' then 'STALE'
        when j.ruling = 'TRS05' then 'FUTURE'
        when j.ruling = 'TRS06' then 'RATE_LIMITED'
        when j.ruling = 'TRS08' then 'HALTED'
        when j.ruling in ('TRA06', 'TRS10', 'TRS22', 'TRS38') then 'NOT_ALLOWED'
        else 'MALFORMED'
      end as verdict
    from judged as j
  ), answered as materialized (
    select
      r.*,
      case when r.verdict <> 'SEEN' then r.verdict when r.is_same then 'DUPLICATE' else 'REPLAY' end as answer,
      case when r.verdict = 'SEEN' and r.is_same then coalesce(r.twin_verdict, r.original_verdict) end as original,
      case
        when r.verdict <> 'SEEN' then r.ruling
        when not r.is_same then 'TRS01'
        when r.twin_verdict is not null then r.twin_code
        else r.original_code
      end as answer_code
    from (
      select
        q.*,
        max(q.verdict) filter (where q.in_sequence) over of_seq as twin_verdict,
        max(q.ruling) filter (where q.in_sequence) over of_seq as twin_code
      from ruled as q
      window of_seq as (partition by q.stream_id, q.seq)
    ) as r
  ), stored as (
    insert into signals.signals (
      lane, stream_id, epoch, seq, verdict, code, action, symbol, side, position_id, volume, price, stop_loss,
      take_profit, magic, order_type, book, sent_at, received_at, payload, tag, balance, equity
    )
    select
      p_lane, r.stream_id, r.head_epoch, r.seq, r.verdict, r.ruling, r.action, r.symbol, r.side, r.position_id,
      case when r.action = 'PARTIAL_CLOSE' then r.volume_e8 * 0.00000001 else core.from_e8(r.volume_e8) end,
      core.from_e8(r.price_e8), core.from_e8(r.stop_loss_e8), core.from_e8(r.take_profit_e8), r.magic, r.order_type,
      r.book, r.sent_at, v_now, r.payload, r.tag, core.from_e8(r.balance), core.from_e8(r.equity)
    from ruled as r
    where r.in_sequence
    order by r.stream_id, r.seq
  ), refused as (
    insert into signals.protection_events (lane, occurred_at, origin, code, stream_id, epoch, seq, detail)
    select
      p_lane, v_now, 'PLANE', a.answer_code, a.known_id,
      case when a.epoch between 0 and 2147483647 then a.epoch end::integer, a.seq,
      jsonb_build_object('verdict', a.answer, 'session', a.session_id, 'expected', a.prior + 1)
    from answered as a
    where a.answer not in ('ACCEPTED', 'DUPLICATE') and (a.answer <> 'GAP' or a.is_new_gap)
  ), moved as (
    -- Every head is there; ON CONFLICT finds it by its key, whatever the planner knew of the table.
    insert into signals.stream_heads as h (
      lane, stream_id, epoch, last_seq, accepted_epoch, accepted_seq, gap_seq, tokens, refilled_at
    )
    select
      p_lane, r.stream_id, r.head_epoch, max(r.reached),
      case when bool_or(r.verdict = 'ACCEPTED') then r.head_epoch else r.accepted_epoch end,
      coalesce(max(r.seq) filter (where r.verdict = 'ACCEPTED'), r.accepted_seq),
      coalesce(max(r.prior) filter (where r.verdict = 'GAP') + 1, r.gap_seq),
      max(r.tokens) - count(*) filter (where r.verdict = 'ACCEPTED' and r.raises_exposure), v_now
    from ruled as r
    where r.is_publisher and r.is_authentic
    group by r.stream_id, r.head_epoch, r.accepted_epoch, r.accepted_seq, r.gap_seq
    order by r.stream_id
    on conflict (lane, stream_id) do update
    set
      last_seq = excluded.last_seq, accepted_epoch = excluded.accepted_epoch, accepted_seq = excluded.accepted_seq,
      gap_seq = excluded.gap_seq, tokens = excluded.tokens, refilled_at = excluded.refilled_at
  ), distrusted as materialized (
    select trust.record(
      p_lane, v_now, 'signals.ingest', 'provider', array_agg(a.account_id order by a.ord), array_agg(a.answer_code order by a.ord),
      array_agg(a.stream_id order by a.ord), null,
      array_agg(case when a.epoch between 0 and 2147483647 then a.epoch end::integer order by a.ord), array_agg(a.seq order by a.ord)
    )
    from answered as a
    -- Age is not held against who is gated by trust already.
    where a.points < 0 and a.answer <> 'NOT_ALLOWED'
    having count(*) > 0
  )
  select
    a.ord::integer, a.answer, coalesce(a.original, a.answer), a.answer_code,
    -- Where a stream stands is told to its publisher only.
    case when a.is_publisher then a.reached + 1 end, case when a.is_publisher then a.head_epoch end, v_now
  from answered as a
  -- Named, so that it runs: a common table that nobody reads does not.
  left join distrusted as t on true
  order by a.ord;
end
$$;

comment on function signals.ingest(
  smallint, uuid[], bigint[], bigint[], bigint[], text[], text[], text[], bigint[], bigint[], bigint[], bigint[],
  bigint[], bigint[], text[], jsonb[], bigint[], bytea[], bytea[], bigint[], bigint[]
) is
'Decides a batch of signals of one lane: a row each, in order, with verdict (original for a DUPLICATE), code and the next seq
expected. Parallel arrays; prices and volumes in 1e-8, times in microseconds. Refusals are rows, never errors.';
