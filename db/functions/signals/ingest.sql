-- requires: core/from_e8 core/from_microseconds core/hmac_matches core/now signals/advance signals/halted signals/shape_error trust/record
-- A batch of one lane, one verdict each, all of it in one transaction. The locks (heads, by stream) are a statement of their own, so
-- that the next has a snapshot in which everything committed before them is visible: what each signal is by itself, then what it is in
-- its stream, then what is stored. Between them go arrays: rows with everything in them would be copied by every window.
-- No NOTIFY: the gateway that called dispatches at once, and the others find by their poll what it left undone.
-- A verdict depends on what arrived before it in its stream and on the clock, never on how signals were batched.
create or replace function signals.ingest(
  p_lane smallint, p_sessions uuid[], p_streams bigint[], p_epochs bigint[], p_seqs bigint[], p_actions text[],
  p_symbols text[], p_sides text[], p_positions bigint[], p_volumes bigint[], p_prices bigint[],
  p_stop_losses bigint[], p_take_profits bigint[], p_magics bigint[], p_order_types text[], p_books jsonb[],
  p_sent_us bigint[], p_payloads bytea[], p_tags bytea[], p_balances bigint[], p_equities bigint[], p_received_us bigint[]
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
  v_halted signals.halted;
  v_is_plain boolean;
  -- Of each signal by itself.
  v_accounts bigint[];
  v_scores numeric[];
  v_tokens double precision[];
  v_raising boolean[];
  v_came_late boolean[];
  v_sender_faults text[];
  v_signal_faults text[];
  -- Of each in its stream.
  v_answers text[];
  v_originals text[];
  v_codes text[];
  v_reached bigint[];
  v_epochs integer[];
  v_verdicts text[];
  v_rulings text[];
begin
  perform 1
  from signals.stream_heads as h
  where h.lane = p_lane and h.stream_id = any (p_streams)
  order by h.stream_id
  for no key update;
  -- After the locks: a batch that waited must not judge by an older clock than the one it waited for.
  v_now := core.now();
  -- Nearly always nothing is, and to see that costs a fifth of working out what is.
  if exists (select from signals.halts) then
    select h.* into v_halted from signals.halted as h;
  end if;

  with told as materialized (
    select
      a.ord, a.stream_id, a.seq, s.account_id, h.last_seq, a.epoch = h.epoch as is_of_epoch, c.raises_exposure as is_raising,
      coalesce(u.score, 100) as score,
      least(
        s.burst,
        -- A clock that was set back must not take tokens away.
        h.tokens + s.rate_per_second * greatest(extract(epoch from v_now - h.refilled_at)::double precision, 0)
      ) as tokens,
      case
        when s.stream_id is null then 'TRS10'
        when (h.session_id = a.session_id) is not true then 'TRA06'
        when core.hmac_matches(s.key_inner, s.key_outer, a.payload, a.tag) is not true then 'TRS03'
        when a.epoch is null or a.seq is null or core.from_microseconds(a.sent_us) is null then 'TRS09'
      end as sender_fault,
      core.from_microseconds(a.sent_us) < least(core.from_microseconds(a.received_us), v_now) - s.ttl as came_late,
      coalesce(
        signals.shape_error(
          a.action, c.raises_exposure, a.side, a.order_type, a.position_id, a.volume_e8 * 0.00000001,
          a.price_e8 * 0.00000001, a.stop_loss_e8 * 0.00000001, a.take_profit_e8 * 0.00000001, a.book, i::signals.instruments
        ),
        case
          when not c.raises_exposure then null
          when v_halted.everything then 'TRS08'
          when a.stream_id = any (v_halted.streams) then 'TRS39'
          when a.stream_id = any (v_halted.provided) then 'TRS40'
          when a.symbol = any (v_halted.symbols) then 'TRS41'
          when s.status <> 'ACTIVE' then 'TRS22'
          when core.from_microseconds(a.sent_us) < v_now - s.ttl then 'TRS04'
          when core.from_microseconds(a.sent_us) > v_now + s.max_skew then 'TRS05'
        end
      ) as signal_fault
    from (
      -- By subscript: unnest() writes each array into a store of its own and reads it back, a tenth of the whole call.
      select
        o.ord, p_sessions[o.ord] as session_id, p_streams[o.ord] as stream_id, p_epochs[o.ord] as epoch, p_seqs[o.ord] as seq,
        p_actions[o.ord] as action, p_symbols[o.ord] as symbol, p_sides[o.ord] as side, p_positions[o.ord] as position_id,
        p_volumes[o.ord] as volume_e8, p_prices[o.ord] as price_e8, p_stop_losses[o.ord] as stop_loss_e8,
        p_take_profits[o.ord] as take_profit_e8, p_order_types[o.ord] as order_type, p_books[o.ord] as book,
        p_sent_us[o.ord] as sent_us, p_payloads[o.ord] as payload, p_tags[o.ord] as tag, p_received_us[o.ord] as received_us
      from generate_series(1, cardinality(p_seqs)) as o (ord)
      offset 0
    ) as a
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
  )
  select
    (
      select bool_and(g.is_plain)
      from (
        select
          bool_and(w.sender_fault is null and w.signal_fault is null and w.is_of_epoch and (w.score >= 50 or not w.is_raising))
          and signals.advance(w.last_seq, w.seq order by w.ord) = max(w.last_seq) + count(*)
          and count(*) filter (where w.is_raising) <= floor(max(w.tokens)) as is_plain
        from told as w
        group by w.stream_id
      ) as g
    ),
    array_agg(t.account_id order by t.ord), array_agg(t.score order by t.ord), array_agg(t.tokens order by t.ord),
    array_agg(t.is_raising order by t.ord), array_agg(t.came_late order by t.ord), array_agg(t.sender_fault order by t.ord),
    array_agg(t.signal_fault order by t.ord)
  into v_is_plain, v_accounts, v_scores, v_tokens, v_raising, v_came_late, v_sender_faults, v_signal_faults
  from told as t;

  if v_is_plain then
    -- Each is the next of its stream and nothing is wrong with any: what all of this comes to then, and nearly always.
    v_answers := array_fill('ACCEPTED'::text, array[cardinality(p_seqs)]);
    v_originals := v_answers;
    v_verdicts := v_answers;
    v_reached := p_seqs;
    v_epochs := p_epochs;
  else
    with arrived as (
      select
        a.*, h.epoch as head_epoch, h.last_seq, h.gap_seq
      from unnest(
        p_streams, p_epochs, p_seqs, p_tags, v_accounts, v_scores, v_tokens, v_raising, v_came_late, v_sender_faults, v_signal_faults
      ) with ordinality as a (
        stream_id, epoch, seq, tag, account_id, score, tokens, raises_exposure, came_late, sender_fault, signal_fault, ord
      )
      left join lateral (
        select w.epoch, w.last_seq, w.gap_seq from signals.stream_heads as w where w.lane = p_lane and w.stream_id = a.stream_id limit 1
      ) as h on true
    ), sequenced as (
      select
        a.*,
        signals.advance(a.last_seq, case when a.sender_fault is null and a.epoch = a.head_epoch then a.seq end) over in_order as reached
      from arrived as a
      window in_order as (partition by a.stream_id order by a.ord)
    ), placed as (
      select q.*, coalesce(lag(q.reached) over in_order, q.last_seq) as prior
      from sequenced as q
      window in_order as (partition by q.stream_id order by q.ord)
    ), checked as materialized (
      select
        p.*,
        p.reached > p.prior as in_sequence,
        case
          when p.sender_fault is not null then p.sender_fault
          when p.epoch < p.head_epoch then 'TRS01'
          when p.epoch > p.head_epoch or p.seq > p.prior + 1 then 'TRS02'
          when p.seq <= p.prior then 'SEEN'
          else p.signal_fault
        end as fault
      from placed as p
    ), repeated as (
      -- Of a repeated seq, whether the bytes are those of the original: earlier in this batch, or stored by an earlier one.
      select
        c.*, coalesce(coalesce(t.tag, o.tag) = c.tag, false) as is_same, o.verdict as original_verdict, o.code as original_code,
        -- A gap is one event, however many signals run into it.
        c.fault = 'TRS02' and c.gap_seq <> c.prior + 1 and c.prior is distinct from c.gap_before as is_new_gap
      from (
        select
          k.*,
          max(k.prior) filter (where k.fault = 'TRS02')
            over (partition by k.stream_id order by k.ord rows between unbounded preceding and 1 preceding) as gap_before
        from checked as k
      ) as c
      left join lateral (
        select w.tag
        from checked as w
        where c.fault = 'SEEN' and c.seq > c.last_seq and w.in_sequence and w.stream_id = c.stream_id and w.seq = c.seq
        limit 1
      ) as t on true
      left join lateral (
        select x.tag, x.verdict, x.code
        from signals.signals as x
        where c.fault = 'SEEN' and c.seq <= c.last_seq
          and x.lane = p_lane and x.stream_id = c.stream_id and x.epoch = c.head_epoch and x.seq = c.seq
        limit 1
      ) as o on true
    ), charged as (
      -- What each costs its provider's trust. How long the plane took is not held against anybody.
      select r.*, coalesce(t.points, 0) as points
      from repeated as r
      left join lateral (
        select w.points
        from trust.rules as w
        where (r.fault in ('TRS01', 'TRS03') or (r.fault = 'TRS04' and r.came_late) or (r.fault = 'SEEN' and not r.is_same) or r.is_new_gap)
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
          when j.ruling in ('TRS08', 'TRS39', 'TRS40', 'TRS41') then 'HALTED'
          when j.ruling in ('TRA06', 'TRS10', 'TRS22', 'TRS38') then 'NOT_ALLOWED'
          else 'MALFORMED'
        end as verdict
      from judged as j
    ), answered as materialized (
      select
        r.*,
        case when r.verdict <> 'SEEN' then r.verdict when r.is_same then 'DUPLICATE' else 'REPLAY' end as answer,
        case when r.verdict = 'SEEN' and r.is_same then coalesce(t.verdict, r.original_verdict) end as original,
        case
          when r.verdict <> 'SEEN' then r.ruling
          when not r.is_same then 'TRS01'
          when t.verdict is not null then t.ruling
          else r.original_code
        end as answer_code
      from ruled as r
      left join lateral (
        select w.verdict, w.ruling
        from ruled as w
        where r.verdict = 'SEEN' and r.seq > r.last_seq and w.in_sequence and w.stream_id = r.stream_id and w.seq = r.seq
        limit 1
      ) as t on true
    ), refused as (
      insert into signals.protection_events (lane, occurred_at, origin, code, stream_id, epoch, seq, detail)
      select
        p_lane, v_now, 'PLANE', a.answer_code, case when a.answer_code <> 'TRS10' then a.stream_id end,
        case when a.epoch between 0 and 2147483647 then a.epoch end::integer, a.seq,
        jsonb_build_object('verdict', a.answer, 'session', p_sessions[a.ord], 'expected', a.prior + 1)
      from answered as a
      where a.answer not in ('ACCEPTED', 'DUPLICATE') and (a.answer <> 'GAP' or a.is_new_gap)
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
      array_agg(a.answer order by a.ord), array_agg(coalesce(a.original, a.answer) order by a.ord), array_agg(a.answer_code order by a.ord),
      array_agg(a.reached order by a.ord), array_agg(a.head_epoch order by a.ord),
      array_agg(case when a.in_sequence then a.verdict end order by a.ord), array_agg(a.ruling order by a.ord)
    into v_answers, v_originals, v_codes, v_reached, v_epochs, v_verdicts, v_rulings
    from answered as a
    -- Named, so that it runs: a common table that nobody reads does not.
    left join distrusted as t on true;
  end if;

  insert into signals.signals (
    lane, stream_id, epoch, seq, verdict, code, action, symbol, side, position_id, volume, price, stop_loss,
    take_profit, magic, order_type, book, sent_at, received_at, payload, tag, balance, equity
  )
  select
    p_lane, p_streams[o.ord], p_epochs[o.ord], p_seqs[o.ord], v_verdicts[o.ord], v_rulings[o.ord], p_actions[o.ord], p_symbols[o.ord],
    p_sides[o.ord], p_positions[o.ord],
    case when p_actions[o.ord] = 'PARTIAL_CLOSE' then p_volumes[o.ord] * 0.00000001 else core.from_e8(p_volumes[o.ord]) end,
    core.from_e8(p_prices[o.ord]), core.from_e8(p_stop_losses[o.ord]), core.from_e8(p_take_profits[o.ord]), p_magics[o.ord],
    p_order_types[o.ord], p_books[o.ord], core.from_microseconds(p_sent_us[o.ord]), v_now, p_payloads[o.ord], p_tags[o.ord],
    core.from_e8(p_balances[o.ord]), core.from_e8(p_equities[o.ord])
  from generate_series(1, cardinality(p_seqs)) as o (ord)
  where v_verdicts[o.ord] is not null;

  -- Every head is there; ON CONFLICT finds it by its key, whatever the planner knew of the table.
  insert into signals.stream_heads as h (lane, stream_id, last_seq, accepted_seq, gap_seq, tokens, refilled_at)
  select
    p_lane, a.stream_id, max(a.reached), coalesce(max(a.seq) filter (where a.verdict = 'ACCEPTED'), 0),
    coalesce(max(a.reached) filter (where a.answer = 'GAP') + 1, 0),
    max(a.tokens) - count(*) filter (where a.verdict = 'ACCEPTED' and a.is_raising), v_now
  from unnest(p_streams, p_seqs, v_reached, v_tokens, v_raising, v_sender_faults, v_answers, v_verdicts) as a (
    stream_id, seq, reached, tokens, is_raising, sender_fault, answer, verdict
  )
  where coalesce(a.sender_fault, 'TRS09') = 'TRS09'
  group by a.stream_id
  order by a.stream_id
  on conflict (lane, stream_id) do update
  set
    last_seq = excluded.last_seq, tokens = excluded.tokens, refilled_at = excluded.refilled_at,
    accepted_epoch = case when excluded.accepted_seq > 0 then h.epoch else h.accepted_epoch end,
    accepted_seq = case when excluded.accepted_seq > 0 then excluded.accepted_seq else h.accepted_seq end,
    gap_seq = case when excluded.gap_seq > 0 then excluded.gap_seq else h.gap_seq end;

  return query
  select
    o.ord, v_answers[o.ord], v_originals[o.ord], v_codes[o.ord],
    -- Where a stream stands is told to its publisher only.
    case when f.is_told then v_reached[o.ord] + 1 end, case when f.is_told then v_epochs[o.ord] end, v_now
  from generate_series(1, cardinality(p_seqs)) as o (ord)
  cross join lateral (select coalesce(v_sender_faults[o.ord], '') not in ('TRS10', 'TRA06') as is_told) as f;
end
$$;

comment on function signals.ingest(
  smallint, uuid[], bigint[], bigint[], bigint[], text[], text[], text[], bigint[], bigint[], bigint[], bigint[],
  bigint[], bigint[], text[], jsonb[], bigint[], bytea[], bytea[], bigint[], bigint[], bigint[]
) is
'Decides a batch of signals of one lane: a row each, in order, with verdict (original for a DUPLICATE), code and the next seq
expected. Parallel arrays; prices and volumes in 1e-8, times in microseconds; p_received_us: when the gateway had read it. Refusals are
rows, never errors.';
