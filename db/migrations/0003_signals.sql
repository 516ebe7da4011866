-- requires: core/make_time_series
-- Signals. Hot tables lead their key with the lane and have no foreign keys on the hot path: the rows that they
-- would point to are locked by the same statement that writes them. Configuration tables have theirs.

create schema signals;
comment on schema signals is 'Streams, subscriptions and what flows through them: signals, decisions, reports, protection events.';

create table signals.actions (
  action text constraint actions_pk primary key,
  raises_exposure boolean not null,
  cuts_exposure boolean not null,
  constraint actions_raise_or_cut check (not (raises_exposure and cuts_exposure))
);
comment on table signals.actions is 'What a signal can ask for, and what it does to exposure: only raising is ever gated.';
insert into signals.actions (action, raises_exposure, cuts_exposure) values
('OPEN', true, false),
('PLACE', true, false),
('MODIFY', false, false),
('AMEND', false, false),
('CLOSE', false, true),
('PARTIAL_CLOSE', false, true),
('CANCEL', false, true),
('SNAPSHOT', false, false);

-- Provider side: the stream's lane -----------------------------------------------------------------------

create table signals.streams (
  lane smallint not null constraint streams_lane_fk references core.lanes,
  stream_id bigint generated always as identity,
  account_id bigint not null constraint streams_account_fk references access.accounts (account_id),
  name text not null,
  key_inner bytea not null,
  key_outer bytea not null,
  ttl interval not null,
  max_skew interval not null,
  rate_per_second integer not null,
  burst integer not null,
  status text not null default 'ACTIVE',
  created_at timestamptz not null,
  constraint streams_pk primary key (lane, stream_id),
  constraint streams_id_unique unique (stream_id),
  constraint streams_name_unique unique (name),
  constraint streams_name_shape check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  constraint streams_key_pads check (octet_length(key_inner) = 64 and octet_length(key_outer) = 64),
  constraint streams_ttl_positive check (ttl > interval '0'),
  constraint streams_max_skew_positive check (max_skew >= interval '0'),
  constraint streams_rate_positive check (rate_per_second > 0 and burst > 0),
  constraint streams_status_known check (status in ('ACTIVE', 'HALTED', 'CLOSED'))
);
comment on table signals.streams is 'A provider''s ordered signal source: what rarely changes.';
comment on column signals.streams.key_inner is 'HMAC key xor 0x36 pad (RFC 2104): two sha256() calls make the HMAC.';
comment on column signals.streams.key_outer is 'HMAC key xor 0x5c pad.';
comment on column signals.streams.ttl is 'Oldest age, by the database clock, at which a signal may still raise exposure.';

create table signals.stream_heads (
  lane smallint not null,
  stream_id bigint not null,
  epoch integer not null default 1,
  last_seq bigint not null default 0,
  accepted_epoch integer not null default 1,
  accepted_seq bigint not null default 0,
  gap_seq bigint not null default 0,
  tokens double precision not null,
  refilled_at timestamptz not null,
  session_id uuid,
  constraint stream_heads_pk primary key (lane, stream_id),
  constraint stream_heads_stream_fk foreign key (lane, stream_id) references signals.streams,
  constraint stream_heads_position check (epoch >= 1 and last_seq >= 0 and accepted_seq >= 0),
  constraint stream_heads_accepted_behind check ((accepted_epoch, accepted_seq) <= (epoch, last_seq))
) with (fillfactor = 50);
create index stream_heads_session on signals.stream_heads (session_id) where session_id is not null;
comment on table signals.stream_heads is 'Where each stream stands: the row that ingest locks. Narrow, so that its updates stay HOT.';
comment on column signals.stream_heads.gap_seq is 'The expected seq of the last gap that was counted: a gap is one event however often it is hit.';
comment on column signals.stream_heads.tokens is 'Token bucket of the exposure-raising rate limit, as of refilled_at.';
comment on column signals.stream_heads.session_id is 'The one session that may publish: the fence against a second copy of the master.';

create table signals.instruments (
  lane smallint not null,
  stream_id bigint not null,
  symbol text not null,
  digits smallint not null,
  contract_size numeric not null,
  volume_min numeric not null,
  volume_max numeric not null,
  volume_step numeric not null,
  constraint instruments_pk primary key (lane, stream_id, symbol),
  constraint instruments_stream_fk foreign key (lane, stream_id) references signals.streams,
  constraint instruments_symbol_length check (length(symbol) between 1 and 32),
  constraint instruments_digits_range check (digits between 0 and 8),
  -- NaN sorts above every number, so each upper bound also refuses it.
  constraint instruments_contract_size_range check (contract_size > 0 and contract_size <= 1e9),
  constraint instruments_volume_step_range check (volume_step between 0.00000001 and 1e6 and volume_step % 0.00000001 = 0),
  constraint instruments_volume_range check (volume_min > 0 and volume_min <= volume_max and volume_max <= 1e9)
);
comment on table signals.instruments is 'What a stream trades: the master broker''s specification of each symbol.';

create table signals.signals (
  lane smallint not null,
  stream_id bigint not null,
  epoch integer not null,
  seq bigint not null,
  verdict text not null,
  code text,
  action text,
  symbol text,
  side text,
  position_id bigint,
  volume numeric,
  price numeric,
  stop_loss numeric,
  take_profit numeric,
  magic bigint,
  order_type text,
  book jsonb,
  sent_at timestamptz not null,
  received_at timestamptz not null,
  payload bytea not null,
  tag bytea not null,
  constraint signals_pk primary key (lane, stream_id, epoch, seq),
  constraint signals_verdict_in_sequence check (
    verdict in ('ACCEPTED', 'STALE', 'FUTURE', 'RATE_LIMITED', 'NOT_ALLOWED', 'HALTED', 'MALFORMED')
  ),
  constraint signals_refusal_has_code check ((verdict = 'ACCEPTED') = (code is null)),
  constraint signals_tag_length check (octet_length(tag) = 32)
);
comment on table signals.signals is
'Every signal that took its place in its stream, accepted or refused there: authentic, and seq = last + 1.';
comment on column signals.signals.volume is 'Lots; for PARTIAL_CLOSE what must remain open.';
comment on column signals.signals.payload is 'The bytes that were signed, as received.';
comment on column signals.signals.tag is 'HMAC-SHA256 of payload under the stream''s key; same tag means same bytes.';

-- Subscriber side: the account's lane --------------------------------------------------------------------

create table signals.subscription_states (
  state text constraint subscription_states_pk primary key,
  takes_new_exposure boolean not null
);
comment on table signals.subscription_states is 'Every state but SYNCED stops new exposure, and nothing else.';
insert into signals.subscription_states (state, takes_new_exposure) values
('SYNCED', true),
('DEGRADED_GAP', false),
('LOCKED_NO_FUNDS', false),
('PAUSED_TOXIC', false),
('PAUSED_BY_USER', false),
('ENDED', false);

create table signals.subscription_transitions (
  from_state text not null constraint transitions_from_fk references signals.subscription_states,
  cause text not null,
  to_state text not null constraint transitions_to_fk references signals.subscription_states,
  constraint subscription_transitions_pk primary key (from_state, cause)
);
comment on table signals.subscription_transitions is
'The legal transitions. What is not a row here cannot happen; docs/state_machines.md draws it.';
insert into signals.subscription_transitions (from_state, cause, to_state) values
('SYNCED', 'user_pause', 'PAUSED_BY_USER'),
('SYNCED', 'gap', 'DEGRADED_GAP'),
('SYNCED', 'no_funds', 'LOCKED_NO_FUNDS'),
('SYNCED', 'toxic', 'PAUSED_TOXIC'),
('SYNCED', 'end', 'ENDED'),
('DEGRADED_GAP', 'resumed', 'SYNCED'),
('DEGRADED_GAP', 'user_pause', 'PAUSED_BY_USER'),
('DEGRADED_GAP', 'no_funds', 'LOCKED_NO_FUNDS'),
('DEGRADED_GAP', 'toxic', 'PAUSED_TOXIC'),
('DEGRADED_GAP', 'end', 'ENDED'),
('LOCKED_NO_FUNDS', 'funded', 'SYNCED'),
('LOCKED_NO_FUNDS', 'user_pause', 'PAUSED_BY_USER'),
('LOCKED_NO_FUNDS', 'toxic', 'PAUSED_TOXIC'),
('LOCKED_NO_FUNDS', 'end', 'ENDED'),
('PAUSED_TOXIC', 'recovered', 'SYNCED'),
('PAUSED_TOXIC', 'end', 'ENDED'),
('PAUSED_BY_USER', 'user_resume', 'SYNCED'),
('PAUSED_BY_USER', 'toxic', 'PAUSED_TOXIC'),
('PAUSED_BY_USER', 'end', 'ENDED');

create table signals.subscriptions (
  lane smallint not null,
  subscription_id bigint generated always as identity,
  account_id bigint not null,
  stream_lane smallint not null,
  stream_id bigint not null,
  stream_name text not null,
  state text not null default 'SYNCED' constraint subscriptions_state_fk references signals.subscription_states,
  settings_version integer not null default 1,
  started_epoch integer not null,
  started_seq bigint not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  constraint subscriptions_pk primary key (lane, subscription_id),
  constraint subscriptions_id_unique unique (subscription_id),
  constraint subscriptions_account_fk foreign key (lane, account_id) references access.accounts,
  constraint subscriptions_stream_fk foreign key (stream_lane, stream_id) references signals.streams,
  constraint subscriptions_ended_whole check ((state = 'ENDED') = (ended_at is not null))
) with (fillfactor = 80);
create unique index subscriptions_one_live on signals.subscriptions (lane, account_id, stream_id)
where ended_at is null;
create index subscriptions_of_stream on signals.subscriptions (lane, stream_id, subscription_id);
comment on table signals.subscriptions is 'A subscriber following a stream, in the subscriber''s lane.';
comment on column signals.subscriptions.stream_name is 'Of the stream, which may be out of reach: it is in a lane of its own.';
comment on column signals.subscriptions.started_seq is
'Signals after (started_epoch, started_seq) are this subscription''s; what was open before is late join.';

create table signals.copy_settings (
  lane smallint not null,
  subscription_id bigint not null,
  version integer not null,
  multiplier numeric not null,
  volume_min numeric not null,
  volume_max numeric not null,
  volume_step numeric not null,
  max_deviation_points integer,
  ttl interval not null,
  created_at timestamptz not null,
  constraint copy_settings_pk primary key (lane, subscription_id, version),
  constraint copy_settings_subscription_fk foreign key (lane, subscription_id) references signals.subscriptions,
  constraint copy_settings_multiplier_range check (multiplier > 0 and multiplier <= 1000),
  constraint copy_settings_volume_step_range check (volume_step between 0.00000001 and 1e6 and volume_step % 0.00000001 = 0),
  constraint copy_settings_volume_range check (volume_min > 0 and volume_min <= volume_max and volume_max <= 1e9),
  constraint copy_settings_volume_on_step check (
    case when volume_step > 0 then volume_min % volume_step = 0 and volume_max % volume_step = 0 else true end
  ),
  constraint copy_settings_max_deviation_positive check (max_deviation_points > 0),
  constraint copy_settings_ttl_range check (ttl > interval '0' and ttl <= interval '1 hour')
);
comment on table signals.copy_settings is 'How a subscription copies, one row a version; a decision names the version it used.';
comment on column signals.copy_settings.max_deviation_points is 'Guard: furthest price from the master''s, in points of the symbol; null: no limit.';
comment on column signals.copy_settings.ttl is 'Oldest age at which an exposure-raising signal may still be executed.';

create table signals.subscription_heads (
  lane smallint not null,
  subscription_id bigint not null,
  delivery_seq bigint not null default 0,
  session_id uuid,
  constraint subscription_heads_pk primary key (lane, subscription_id),
  constraint subscription_heads_subscription_fk foreign key (lane, subscription_id) references signals.subscriptions,
  constraint subscription_heads_position check (delivery_seq >= 0)
) with (fillfactor = 50);
create index subscription_heads_session on signals.subscription_heads (session_id) where session_id is not null;
comment on table signals.subscription_heads is 'Where each subscription stands: the row that dispatch and report lock.';
comment on column signals.subscription_heads.session_id is 'The one session that may report: the fence against a second copier.';

create table signals.dispatch_cursors (
  lane smallint not null,
  stream_id bigint not null,
  stream_lane smallint not null,
  epoch integer not null,
  seq bigint not null,
  constraint dispatch_cursors_pk primary key (lane, stream_id)
) with (fillfactor = 50);
comment on table signals.dispatch_cursors is
'How far each stream has been dispatched into each lane that follows it. The lock that makes dispatch exactly-once.';

create table signals.decisions (
  lane smallint not null,
  subscription_id bigint not null,
  stream_id bigint not null,
  epoch integer not null,
  seq bigint not null,
  delivery_seq bigint,
  reason text not null,
  action text not null,
  symbol text,
  side text,
  position_id bigint,
  volume numeric,
  price numeric,
  stop_loss numeric,
  take_profit numeric,
  magic bigint,
  order_type text,
  max_deviation numeric,
  sent_at timestamptz not null,
  expires_at timestamptz,
  settings_version integer not null,
  inputs jsonb not null,
  decided_at timestamptz not null,
  constraint decisions_pk primary key (lane, subscription_id, stream_id, epoch, seq),
  constraint decisions_delivery_unique unique (lane, subscription_id, delivery_seq),
  constraint decisions_reason_known check (
    reason in (
      'COPIED', 'NOT_COPIED', 'ALREADY_COPIED', 'TTL_EXPIRED', 'BELOW_MINIMUM', 'HALTED', 'SNAPSHOT_RECORDED',
      'DEGRADED_GAP', 'LOCKED_NO_FUNDS', 'PAUSED_TOXIC', 'PAUSED_BY_USER', 'ENDED'
    )
  ),
  constraint decisions_delivered_is_copied check ((delivery_seq is not null) = (reason = 'COPIED'))
);
comment on table signals.decisions is 'What the plane decided for each (subscription, signal): deliver, or skip with the reason.';
comment on column signals.decisions.delivery_seq is 'Counts the deliveries of the subscription from 1 without a hole; null: skipped.';
comment on column signals.decisions.volume is 'Lots to trade; for PARTIAL_CLOSE the volume that must remain.';
comment on column signals.decisions.max_deviation is 'Guard limit in price units; null: none.';
comment on column signals.decisions.inputs is 'The numbers behind volume: mode, master volume, multiplier, raw, step, minimum, maximum.';

create table signals.copies (
  lane smallint not null,
  subscription_id bigint not null,
  stream_id bigint not null,
  position_id bigint not null,
  symbol text not null,
  side text not null,
  master_volume numeric not null,
  opened_volume numeric not null,
  target_volume numeric not null,
  ticket bigint,
  status text not null,
  opened_at timestamptz not null,
  changed_at timestamptz not null,
  constraint copies_pk primary key (lane, subscription_id, stream_id, position_id),
  constraint copies_status_known check (status in ('DELIVERED', 'OPEN', 'REFUSED', 'CLOSING', 'CLOSED')),
  constraint copies_volumes check (
    master_volume > 0 and opened_volume > 0 and target_volume between 0 and opened_volume
  )
) with (fillfactor = 80);
comment on table signals.copies is 'The subscriber''s side of each master position that was copied.';
comment on column signals.copies.target_volume is 'What should be open once every delivered decision is executed; lots.';
comment on column signals.copies.ticket is 'The subscriber broker''s ticket, from the report of the opening.';

create table signals.reports (
  lane smallint not null,
  subscription_id bigint not null,
  delivery_seq bigint not null,
  status text not null,
  code text,
  ticket bigint,
  price numeric,
  volume numeric,
  slippage numeric,
  received_at timestamptz,
  executed_at timestamptz,
  reported_at timestamptz not null,
  constraint reports_pk primary key (lane, subscription_id, delivery_seq),
  constraint reports_status_known check (status in ('EXECUTED', 'REJECTED', 'FAILED')),
  constraint reports_refusal_has_code check ((status = 'EXECUTED') = (code is null))
);
comment on table signals.reports is 'What the subscriber''s EA did with a delivery: one row each, the first report wins.';
comment on column signals.reports.slippage is 'Fill price minus the master''s, signed against the subscriber: positive is worse.';

create table signals.protection_events (
  lane smallint not null,
  occurred_at timestamptz not null,
  origin text not null,
  code text not null,
  stream_id bigint,
  subscription_id bigint,
  epoch integer,
  seq bigint,
  detail jsonb,
  constraint protection_events_origin_known check (origin in ('PLANE', 'GUARD'))
);
comment on table signals.protection_events is
'Every refusal, by the plane or by a subscriber''s guard. A time series: see db/policies/retention.';
comment on column signals.protection_events.seq is 'Of the signal; for GUARD events of the delivery.';
select core.make_time_series('signals.protection_events', 'occurred_at', interval '7 days');

create table signals.subscription_events (
  lane smallint not null,
  event_id bigint generated always as identity,
  subscription_id bigint not null,
  from_state text,
  to_state text not null,
  cause text not null,
  actor text not null,
  occurred_at timestamptz not null,
  constraint subscription_events_pk primary key (lane, event_id)
);
comment on table signals.subscription_events is 'Every change of a subscription''s state, with cause, actor and time.';

create type signals.delivery as (
  subscription_id bigint,
  delivery_seq bigint,
  stream_id bigint,
  epoch integer,
  seq bigint,
  possible_duplicate boolean,
  gap_fill boolean,
  action text,
  symbol text,
  side text,
  position_id bigint,
  volume_e8 bigint,
  price_e8 bigint,
  stop_loss_e8 bigint,
  take_profit_e8 bigint,
  max_deviation_e8 bigint,
  sent_at_us bigint,
  expires_at_us bigint,
  magic bigint,
  order_type text,
  session_id uuid
);
comment on type signals.delivery is 'A delivery as the wire carries it (gateway/ecp.proto, Delivery): no nulls, units of 1e-8, microseconds;
and the one session that it may be sent to.';
