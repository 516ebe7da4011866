-- requires: access/is_tenant core/error_registry signals/formula signals/lots
-- Not hot: it follows the subscription to the stream's lane. Thresholds are read from the version of the settings that the
-- decision names, which never changes; values from the inputs that it keeps. What a signal says is a subscriber's only if the plane
-- took it, and before the end: of any other it learns what became of it.
create or replace function signals.explanation(p_subscription bigint, p_epoch integer, p_seq bigint, p_part integer)
returns table (
  subscription_id bigint, stream text, epoch integer, seq bigint, action text, symbol text, side text,
  master_volume numeric, verdict text, outcome text, reason text, delivery_seq bigint, volume numeric, formula text,
  rule text, threshold text, value text, settings_version integer, report text, report_code text, ticket bigint,
  fill_price numeric, slippage numeric, decided_at timestamptz, sentence text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select
    s.subscription_id, t.name, p_epoch, p_seq, coalesce(d.action, c.action), coalesce(d.symbol, c.symbol),
    coalesce(d.side, c.side), trim_scale(case when p_part = 0 then c.volume else (d.inputs ->> 'master_volume')::numeric end),
    x.verdict,
    case
      when d.delivery_seq is not null then 'DELIVERED'
      when d.reason is not null then 'SKIPPED'
      when x.verdict is null then 'UNKNOWN'
      when x.verdict <> 'ACCEPTED' then 'REFUSED'
      when (p_epoch, p_seq) <= (s.started_epoch, s.started_seq) then 'BEFORE_SUBSCRIPTION'
      when s.ended_at <= x.received_at then 'AFTER_END'
      else 'PENDING'
    end,
    coalesce(d.reason, x.code), d.delivery_seq, trim_scale(d.volume), l.formula, w.rule, w.threshold, w.value,
    d.settings_version, r.status, r.code, r.ticket, trim_scale(r.price), trim_scale(r.slippage), d.decided_at,
    case
      when d.reason is null and x.verdict is null then 'The plane holds no such signal of this stream.'
      when d.reason is null and x.verdict <> 'ACCEPTED' then format('Not copied: the plane refused the signal (%s). %s', x.verdict, e.message)
      when d.delivery_seq is not null then
        case d.reason
          when 'CAUGHT_UP' then format('Caught up (%s). ', d.inputs ->> 'cause')
          when 'PROTECTED' then 'Closed by a protection. '
          else ''
        end || case
          when r.status = 'EXECUTED' then
            format('%selivery %s was executed%s.', case d.reason when 'COPIED' then 'Copied: d' else 'D' end, d.delivery_seq, ', ticket ' || r.ticket)
          when r.status = 'UNKNOWN' then
            format('Delivered as %s; the broker has not answered, and nothing is tried again before it is known.', d.delivery_seq)
          when r.status is not null then
            format('Delivered as %s, but not executed (%s). %s', d.delivery_seq, r.code, g.message)
          else format('Delivered as %s; no report yet.', d.delivery_seq)
        end
      when d.reason = 'NOT_COPIED' then 'Skipped: the position it manages was never copied, or is closed already, or the settings leave out its stops.'
      when d.reason = 'ALREADY_COPIED' then 'Skipped: this position is copied already.'
      when d.reason = 'SNAPSHOT_RECORDED' then 'Recorded: a snapshot of the master''s book is not traded.'
      when d.reason = 'HALTED' then format('Skipped: an operator had halted %s.', coalesce(w.value, 'everything that raises exposure'))
      when d.reason = 'TTL_EXPIRED' then format('Skipped: %s old when decided, the subscription allows %s.', w.value, w.threshold)
      when d.reason = 'BELOW_MINIMUM' then format('Skipped: %s is below the minimum of %s.', w.value, w.threshold)
      when d.reason = 'ABOVE_MAXIMUM' then format('Skipped: %s is above the maximum of %s.', w.value, w.threshold)
      when d.reason = 'SYMBOL_FILTERED' then format('Skipped: the settings leave out %s.', w.value)
      when d.reason = 'SIDE_FILTERED' then format('Skipped: the settings copy only %s.', w.threshold)
      when d.reason = 'MAGIC_FILTERED' then format('Skipped: the settings leave out the magic number %s.', w.value)
      when d.reason = 'OUT_OF_HOURS' then format('Skipped: it was %s, outside %s.', w.value, w.threshold)
      when d.reason = 'NEWS_WINDOW' then format('Skipped: too near to the news "%s".', w.value)
      when d.reason = 'TRADES_PER_DAY' then format('Skipped: the day''s %s trades had been made.', w.threshold)
      when d.reason = 'UNKNOWN_SYMBOL' then format('Skipped: the broker trades nothing that is called like %s.', coalesce(d.symbol, x.symbol))
      when d.reason = 'AMBIGUOUS_SYMBOL' then format('Skipped: %s may be any of %s; map it.', coalesce(d.symbol, x.symbol), w.value)
      when d.reason = 'SYMBOL_NOT_TRADED' then format('Skipped: the broker takes no such opening in %s.', d.symbol)
      when d.reason = 'NO_BALANCE' then 'Skipped: the ratio needs the balances of both accounts, and one was not told.'
      when d.reason = 'NO_STOP' then 'Skipped: a lot by risk needs a stop loss, and the master set none.'
      when d.reason = 'NO_SPECIFICATION' then 'Skipped: a lot by risk needs the value of a tick, and the terminal has not uploaded it.'
      when d.reason = 'REVERSE_UNSUPPORTED' then 'Skipped: such a pending order has no reverse.'
      when d.reason = 'EQUITY_PROTECTION' then format('Skipped: protection %s had been triggered.', w.value)
      when d.reason = 'EQUITY_UNKNOWN' then 'Skipped: a protection stands, and the equity was not told within the last minute.'
      when d.reason = 'LATE_JOIN' then 'Skipped by late join: ' || case
        when d.inputs ->> 'late_join' = 'NONE' then 'what was missed is not caught up.'
        when d.inputs ->> 'refusal' is not null then format('%s.', d.inputs ->> 'refusal')
        else format('opened %s ago, the settings allow %s.', w.value, w.threshold)
      end
      when d.reason is not null then format('Skipped: the subscription was %s and took no new exposure.', d.reason)
      when (p_epoch, p_seq) <= (s.started_epoch, s.started_seq) then 'Not copied: the subscription began after this signal.'
      when s.ended_at <= x.received_at then 'Not copied: the subscription had ended.'
      else 'Accepted; not dispatched yet.'
    end
  from signals.subscriptions as s
  inner join signals.streams as t on t.lane = s.stream_lane and t.stream_id = s.stream_id
  left join signals.signals as x
    on x.lane = s.stream_lane and x.stream_id = s.stream_id and x.epoch = p_epoch and x.seq = p_seq
  left join signals.decisions as d
    on d.lane = s.lane and d.subscription_id = s.subscription_id and d.stream_id = s.stream_id
      and d.epoch = p_epoch and d.seq = p_seq and d.part = p_part
  left join lateral (
    select x.action, x.symbol, x.side, x.volume
    where not access.is_tenant() or d.reason is not null
      or (x.verdict = 'ACCEPTED' and x.received_at < coalesce(s.ended_at, 'infinity'))
  ) as c on true
  left join signals.copy_settings as k
    on k.lane = s.lane and k.subscription_id = s.subscription_id and k.version = d.settings_version
  left join signals.reports as r
    on r.lane = s.lane and r.subscription_id = s.subscription_id and r.delivery_seq = d.delivery_seq
  left join core.error_registry() as e on e.code = x.code
  left join core.error_registry() as g on g.code = r.code
  cross join lateral (
    select
      case when d.action in ('OPEN', 'PLACE', 'PARTIAL_CLOSE', 'CLOSE', 'MODIFY', 'AMEND') then signals.formula(d.inputs) end as formula,
      signals.lots(div((d.inputs ->> 'numerator')::numeric, (d.inputs ->> 'denominator')::numeric * (d.inputs ->> 'step')::numeric)
        * (d.inputs ->> 'step')::numeric) || ' lots' as computed
  ) as l
  left join lateral (
    values
    ('HALTED', 'halt', null, case d.inputs ->> 'value'
      when 'GLOBAL' then 'everything that raises exposure'
      when 'STREAM' then format('stream %s (%s)', t.stream_id, t.name)
      when 'PROVIDER' then format('account %s, the provider', t.account_id)
      when 'SUBSCRIBER' then format('account %s, the subscriber', s.account_id)
      when 'SYMBOL' then format('symbol %s', x.symbol)
      when 'BROKER_SYMBOL' then format('symbol %s', d.symbol)
    end),
    ('TTL_EXPIRED', 'ttl', signals.lots(extract(epoch from k.ttl) * 1000) || ' ms', (d.inputs ->> 'age_ms') || ' ms'),
    ('BELOW_MINIMUM', 'volume_min', signals.lots((d.inputs ->> 'minimum')::numeric), l.computed),
    ('ABOVE_MAXIMUM', 'volume_max', signals.lots((d.inputs ->> 'maximum')::numeric), l.computed),
    ('SYMBOL_FILTERED', 'symbols', coalesce('only ' || k.symbols::text, 'not ' || k.excluded_symbols::text), x.symbol),
    ('SIDE_FILTERED', 'sides', array_to_string(k.sides, ', '), x.side),
    ('MAGIC_FILTERED', 'magics', coalesce('only ' || k.magics::text, 'not ' || k.excluded_magics::text), x.magic::text),
    ('OUT_OF_HOURS', 'hours', array_to_string(k.hours, ', ') || ' ' || k.zone, case d.reason when 'OUT_OF_HOURS' then to_char((d.inputs ->> 'value')::timestamp, 'Dy HH24:MI') end),
    ('NEWS_WINDOW', 'news', format('%s before to %s after, %s', k.news_before, k.news_after, k.news_impact), d.inputs ->> 'value'),
    ('TRADES_PER_DAY', 'trades_per_day', k.trades_per_day::text, null),
    ('UNKNOWN_SYMBOL', 'symbol', x.symbol, null),
    ('AMBIGUOUS_SYMBOL', 'symbol', x.symbol, (
      select string_agg(v.symbol, ', ')
      from jsonb_array_elements_text(case jsonb_typeof(d.inputs -> 'value') when 'array' then d.inputs -> 'value' else '[]' end) as v (symbol)
    )),
    ('EQUITY_PROTECTION', 'protection', (
      select format('%s %s %s', p.kind, signals.lots(p.threshold), p.unit)
      from signals.protections as p
      where p.lane = s.lane and p.protection_id::text = d.inputs ->> 'value'
    ), d.inputs ->> 'value'),
    ('EQUITY_UNKNOWN', 'protection', '1 minute', coalesce(d.inputs ->> 'value', 'never')),
    ('LATE_JOIN', 'late_join', concat_ws(' ', k.late_join, k.late_join_max_age), round((d.inputs ->> 'age_ms')::numeric / 1000, 1) || ' s')
  ) as w (reason, rule, threshold, value) on w.reason = d.reason
  where s.subscription_id = p_subscription
$$;

comment on function signals.explanation(bigint, integer, bigint, integer) is
'One row for one decision: part 0 on the signal (epoch, seq), others by catch-up while the stream stood there.';
