-- requires: signals/week_minutes
-- Copying: the master's book as each lane of followers has come to it, portfolios (the followers' broker accounts) with
-- their symbols, settings, equity and protections, and decisions that no signal caused: catch-up by difference.
-- It changes tables that are in use, under their locks, in one go: nobody had these in production before it.
-- squawk-ignore-file adding-field-with-default, adding-foreign-key-constraint, adding-not-nullable-field
-- squawk-ignore-file adding-serial-primary-key-field, ban-drop-constraint, constraint-missing-not-valid
-- squawk-ignore-file require-concurrent-index-creation, require-concurrent-index-deletion

-- The master's side -----------------------------------------------------------------------------------------

alter table signals.signals
add column balance numeric,
add column equity numeric;
comment on column signals.signals.balance is 'Of the master''s account when it sent this; null: not told.';
comment on column signals.signals.equity is 'Of the master''s account when it sent this; null: not told.';
-- A book is folded from the newest snapshot on; there are few of them.
create index signals_snapshots on signals.signals (lane, stream_id, epoch, seq)
where action = 'SNAPSHOT' and verdict = 'ACCEPTED';

create table signals.positions (
  lane smallint not null,
  stream_id bigint not null,
  position_id bigint not null,
  symbol text not null,
  side text not null,
  order_type text not null,
  volume numeric not null,
  opened_volume numeric not null,
  price numeric,
  stop_loss numeric not null,
  take_profit numeric not null,
  magic bigint not null,
  digits integer not null,
  contract_size numeric not null,
  balance numeric,
  equity numeric,
  opened_at timestamptz not null,
  changed_epoch integer not null,
  changed_seq bigint not null,
  constraint positions_pk primary key (lane, stream_id, position_id),
  constraint positions_volume check (volume > 0 and opened_volume >= volume)
) with (fillfactor = 70);
comment on table signals.positions is
'The master''s open book, as far as the stream was dispatched into the lane: one copy for each lane that follows it, so that catch-up
reads no other lane and never sees a signal that dispatch has not.';
comment on column signals.positions.lane is 'Of the followers, not of the stream.';
comment on column signals.positions.order_type is 'MARKET: an open position; LIMIT, STOP, STOP_LIMIT: a pending order.';
comment on column signals.positions.volume is 'Lots that remain.';
comment on column signals.positions.price is 'Of the opening, or of the pending order.';
comment on column signals.positions.stop_loss is '0: none.';

create table signals.differences (
  lane smallint not null,
  difference_id bigint generated always as identity,
  found_at timestamptz not null,
  origin text not null,
  kind text not null,
  stream_id bigint not null,
  subscription_id bigint,
  epoch integer,
  seq bigint,
  position_id bigint,
  symbol text,
  expected jsonb,
  found jsonb,
  constraint differences_pk primary key (lane, difference_id),
  constraint differences_origin_known check (origin in ('MASTER', 'FOLLOWER')),
  constraint differences_kind_known check (
    kind in ('MISSING', 'UNEXPECTED', 'VOLUME', 'SIDE', 'STOPS', 'NET_VOLUME')
  )
);
create index differences_subscription on signals.differences (lane, subscription_id, found_at) where subscription_id is not null;
comment on table signals.differences is
'Where a snapshot disagreed with what the plane had derived: of a master (the book follows the snapshot) or of a follower.';
comment on column signals.differences.kind is 'MISSING: derived, not in the snapshot. UNEXPECTED: the other way round.';

-- The follower's side: portfolios ---------------------------------------------------------------------------

create table signals.portfolios (
  lane smallint not null,
  portfolio_id bigint generated always as identity,
  account_id bigint not null,
  name text not null,
  mode text not null default 'HEDGING',
  currency text,
  balance numeric,
  equity numeric,
  broker_offset interval not null default '0',
  stated_at timestamptz,
  is_protected boolean not null default false,
  blocked_by bigint,
  created_at timestamptz not null,
  constraint portfolios_pk primary key (lane, portfolio_id),
  constraint portfolios_id_unique unique (portfolio_id),
  constraint portfolios_name_unique unique (account_id, name),
  constraint portfolios_account_fk foreign key (lane, account_id) references access.accounts,
  constraint portfolios_name_length check (length(name) between 1 and 100),
  constraint portfolios_mode_known check (mode in ('HEDGING', 'NETTING')),
  constraint portfolios_currency_shape check (currency ~ '^[A-Z]{3,5}$'),
  constraint portfolios_broker_offset_range check (broker_offset between interval '-15 hours' and interval '15 hours')
) with (fillfactor = 70);
comment on table signals.portfolios is 'A subscriber''s account at a broker, into which its subscriptions copy.';
comment on column signals.portfolios.mode is 'HEDGING: a position for each copy. NETTING: one net position a symbol, attributed to copies by lots.';
comment on column signals.portfolios.broker_offset is 'Broker time minus UTC, to the quarter of an hour, as of stated_at.';
comment on column signals.portfolios.is_protected is 'Whether a protection stands: then new exposure needs a fresh equity.';
comment on column signals.portfolios.blocked_by is 'The protection of the whole portfolio that is triggered and stops new exposure.';

create table signals.specifications (
  lane smallint not null,
  portfolio_id bigint not null,
  symbol text not null,
  digits smallint not null,
  contract_size numeric not null,
  volume_min numeric not null,
  volume_max numeric not null,
  volume_step numeric not null,
  tick_size numeric not null,
  tick_value numeric not null,
  base_currency text,
  profit_currency text,
  trade_mode text not null,
  uploaded_at timestamptz not null,
  constraint specifications_pk primary key (lane, portfolio_id, symbol),
  constraint specifications_portfolio_fk foreign key (lane, portfolio_id) references signals.portfolios,
  constraint specifications_symbol_length check (length(symbol) between 1 and 32),
  constraint specifications_digits_range check (digits between 0 and 8),
  constraint specifications_contract_size_range check (contract_size > 0 and contract_size <= 1e9),
  constraint specifications_volume_range check (
    volume_step > 0 and volume_min > 0 and volume_min <= volume_max and volume_max <= 1e9
  ),
  constraint specifications_tick_range check (tick_size > 0 and tick_value >= 0),
  constraint specifications_trade_mode_known check (
    trade_mode in ('FULL', 'LONG_ONLY', 'SHORT_ONLY', 'CLOSE_ONLY', 'DISABLED')
  )
);
comment on table signals.specifications is 'What the broker of a portfolio trades, as the EA uploaded it.';
comment on column signals.specifications.tick_value is 'Money of the account that one lot gains with one tick; 0: the terminal does not know.';

create table signals.symbol_maps (
  lane smallint not null,
  portfolio_id bigint not null,
  master_symbol text not null,
  symbol text not null,
  constraint symbol_maps_pk primary key (lane, portfolio_id, master_symbol),
  constraint symbol_maps_portfolio_fk foreign key (lane, portfolio_id) references signals.portfolios
);
comment on table signals.symbol_maps is 'What the subscriber said that a master''s symbol is called at the broker: outranks every guess.';

create table signals.symbol_resolutions (
  lane smallint not null,
  portfolio_id bigint not null,
  master_symbol text not null,
  symbol text,
  reason text,
  candidates text [] not null default '{}',
  digits smallint,
  contract_size numeric,
  volume_min numeric,
  volume_max numeric,
  volume_step numeric,
  tick_size numeric,
  tick_value numeric,
  currencies text [] not null default '{}',
  trade_mode text,
  constraint symbol_resolutions_pk primary key (lane, portfolio_id, master_symbol),
  constraint symbol_resolutions_portfolio_fk foreign key (lane, portfolio_id) references signals.portfolios,
  constraint symbol_resolutions_decided check ((symbol is null) = (reason is not null)),
  constraint symbol_resolutions_reason_known check (reason in ('UNKNOWN_SYMBOL', 'AMBIGUOUS_SYMBOL'))
);
comment on table signals.symbol_resolutions is
'Derived by signals.resolve_symbols whenever specifications, maps or instruments change, so that dispatch looks up one row by key.';

create table signals.equities (
  lane smallint not null,
  portfolio_id bigint not null,
  subscription_id bigint not null,
  equity numeric not null,
  day date not null,
  day_equity numeric not null,
  peak_equity numeric not null,
  stated_at timestamptz not null,
  constraint equities_pk primary key (lane, portfolio_id, subscription_id),
  constraint equities_portfolio_fk foreign key (lane, portfolio_id) references signals.portfolios,
  constraint equities_peak_is_highest check (peak_equity >= equity)
) with (fillfactor = 70);
comment on table signals.equities is 'What protections are measured against, from the newest equity heartbeat.';
comment on column signals.equities.subscription_id is '0: the whole portfolio. Otherwise equity is settings.capital plus the subscription''s profit.';
comment on column signals.equities.day is 'The broker''s day that day_equity was the first of.';

create table signals.protections (
  lane smallint not null,
  protection_id bigint generated always as identity,
  portfolio_id bigint not null,
  subscription_id bigint not null,
  kind text not null,
  threshold numeric not null,
  unit text not null,
  action text not null,
  triggered_at timestamptz,
  triggered_day date,
  triggered_value numeric,
  created_at timestamptz not null,
  removed_at timestamptz,
  constraint protections_pk primary key (lane, protection_id),
  constraint protections_id_unique unique (protection_id),
  constraint protections_portfolio_fk foreign key (lane, portfolio_id) references signals.portfolios,
  constraint protections_kind_known check (kind in ('DAILY_LOSS', 'DRAWDOWN', 'EQUITY_FLOOR')),
  constraint protections_unit_known check (unit in ('PERCENT', 'MONEY')),
  constraint protections_floor_is_money check (kind <> 'EQUITY_FLOOR' or unit = 'MONEY'),
  constraint protections_action_known check (action in ('NOTIFY', 'CLOSE_ONLY', 'CLOSE_ALL')),
  constraint protections_threshold_range check (
    threshold > 0 and threshold <= 1e12 and (unit <> 'PERCENT' or threshold <= 100)
  ),
  constraint protections_triggered_whole check (
    (triggered_at is null) = (triggered_day is null) and (triggered_at is null) = (triggered_value is null)
  )
);
create index protections_standing on signals.protections (lane, portfolio_id, subscription_id) where removed_at is null;
comment on table signals.protections is
'Limits on loss. A daily loss is triggered until the broker''s next day, the others until signals.lift_protection.';
comment on column signals.protections.subscription_id is '0: the whole portfolio.';

-- The follower's side: subscriptions ------------------------------------------------------------------------

alter table signals.subscriptions
add column portfolio_id bigint;
insert into signals.portfolios (lane, account_id, name, created_at)
select distinct on (s.account_id) s.lane, s.account_id, 'main', s.created_at
from signals.subscriptions as s
order by s.account_id, s.created_at;
update signals.subscriptions as s
set portfolio_id = p.portfolio_id
from signals.portfolios as p
where p.account_id = s.account_id;
alter table signals.subscriptions
alter column portfolio_id set not null,
add constraint subscriptions_portfolio_fk foreign key (lane, portfolio_id) references signals.portfolios;
drop index signals.subscriptions_one_live;
create unique index subscriptions_one_live on signals.subscriptions (lane, portfolio_id, stream_id)
where ended_at is null;
create index subscriptions_of_portfolio on signals.subscriptions (lane, portfolio_id);
comment on column signals.subscriptions.portfolio_id is 'The broker account that it copies into.';

alter table signals.copy_settings
add column sizing text not null default 'MULTIPLIER',
add column fixed_volume numeric,
add column risk_percent numeric,
add column align_contract_size boolean not null default false,
add column below_minimum text not null default 'SKIP',
add column above_maximum text not null default 'CAP',
add column reverse boolean not null default false,
add column copy_stops boolean not null default true,
add column symbols text [],
add column excluded_symbols text [],
add column sides text [],
add column magics bigint [],
add column excluded_magics bigint [],
add column hours text [],
add column hours_minutes int4multirange generated always as (signals.week_minutes(hours)) stored,
add column zone text not null default 'UTC',
add column news_before interval,
add column news_after interval,
add column news_impact text not null default 'HIGH',
add column trades_per_day integer,
add column late_join text not null default 'NONE',
add column late_join_max_age interval,
add column capital numeric,
add column actor text not null default 'operator',
add constraint copy_settings_sizing_known check (
  sizing in ('SAME', 'FIXED', 'MULTIPLIER', 'BALANCE_RATIO', 'EQUITY_RATIO', 'RISK')
),
add constraint copy_settings_fixed_volume_with_its_mode check ((sizing = 'FIXED') = (fixed_volume is not null)),
add constraint copy_settings_fixed_volume_range check (fixed_volume > 0 and fixed_volume <= 1e9),
add constraint copy_settings_risk_percent_with_its_mode check ((sizing = 'RISK') = (risk_percent is not null)),
add constraint copy_settings_risk_percent_range check (risk_percent > 0 and risk_percent <= 100),
add constraint copy_settings_alignment_needs_master_volume check (not align_contract_size or sizing not in ('FIXED', 'RISK')),
add constraint copy_settings_below_minimum_known check (below_minimum in ('SKIP', 'ROUND_UP')),
add constraint copy_settings_above_maximum_known check (above_maximum in ('CAP', 'SKIP')),
add constraint copy_settings_symbols_listed check (cardinality(symbols) > 0 and array_position(symbols, null) is null),
add constraint copy_settings_symbols_not_both check (not symbols && excluded_symbols),
add constraint copy_settings_sides_known check (cardinality(sides) > 0 and sides <@ array['BUY', 'SELL']),
add constraint copy_settings_magics_listed check (cardinality(magics) > 0 and array_position(magics, null) is null),
add constraint copy_settings_magics_not_both check (not magics && excluded_magics),
add constraint copy_settings_hours_not_empty check (not isempty(hours_minutes)),
add constraint copy_settings_zone_length check (length(zone) between 1 and 64),
add constraint copy_settings_news_range check (
  news_before between interval '0' and interval '1 day' and news_after between interval '0' and interval '1 day'
),
add constraint copy_settings_news_whole check ((news_before is null) = (news_after is null)),
add constraint copy_settings_news_impact_known check (news_impact in ('LOW', 'MEDIUM', 'HIGH')),
add constraint copy_settings_trades_per_day_positive check (trades_per_day > 0),
add constraint copy_settings_late_join_known check (late_join in ('NONE', 'ALL', 'NOT_IN_PROFIT', 'MAX_AGE')),
add constraint copy_settings_late_join_age_with_its_policy check ((late_join = 'MAX_AGE') = (late_join_max_age is not null)),
add constraint copy_settings_late_join_max_age_positive check (late_join_max_age > interval '0'),
add constraint copy_settings_capital_range check (capital > 0 and capital <= 1e12);
comment on column signals.copy_settings.sizing is
'SAME: the master''s lots. FIXED: fixed_volume. MULTIPLIER: times multiplier. BALANCE_RATIO, EQUITY_RATIO: times the ratio of the
accounts, times multiplier. RISK: what loses risk_percent of the equity at the stop.';
comment on column signals.copy_settings.align_contract_size is 'Lots times master contract size / own contract size: the same amount of the underlying.';
comment on column signals.copy_settings.volume_step is 'Lots; together with the broker''s step the least common multiple counts.';
comment on column signals.copy_settings.below_minimum is 'SKIP the trade, or ROUND_UP to the minimum.';
comment on column signals.copy_settings.above_maximum is 'CAP at the maximum, or SKIP the trade.';
comment on column signals.copy_settings.reverse is 'Sell what the master buys; stop loss and take profit change places.';
comment on column signals.copy_settings.symbols is 'Only these symbols of the master; null: all.';
comment on column signals.copy_settings.hours is 'Openings only within these, as written: {"Mon-Fri 08:00-17:30"}; null: always.';
comment on column signals.copy_settings.zone is 'Of hours and of the trading day: UTC, BROKER (as measured at the heartbeat), or an IANA name.';
comment on column signals.copy_settings.late_join is
'What is done about positions of the master that were missed: NONE, ALL, NOT_IN_PROFIT (at the master''s price or better), MAX_AGE.';
comment on column signals.copy_settings.capital is 'Money that the subscription is given: what its protections are measured against.';

alter table signals.dispatch_cursors
add column is_halted boolean not null default false;
comment on column signals.dispatch_cursors.is_halted is 'Of the stream, so that a halt reaches what was accepted before it and is not dispatched.';

alter table signals.subscription_heads
add column acknowledged_seq bigint not null default 0,
add column checked_at timestamptz,
add column book_at timestamptz,
add column day date,
add column day_openings integer not null default 0,
add column blocked_by bigint,
add constraint subscription_heads_acknowledged_exists check (acknowledged_seq between 0 and delivery_seq);
comment on column signals.subscription_heads.acknowledged_seq is 'The EA said that it has processed deliveries up to here.';
comment on column signals.subscription_heads.checked_at is 'When catch-up last compared the books.';
comment on column signals.subscription_heads.book_at is 'When the EA last showed its broker''s book.';
comment on column signals.subscription_heads.day_openings is 'Openings delivered on day, in the zone of the settings.';
comment on column signals.subscription_heads.blocked_by is 'The protection of the subscription that is triggered and stops new exposure.';

alter table signals.decisions
drop constraint decisions_pk,
drop constraint decisions_reason_known,
drop constraint decisions_delivered_is_copied,
add column part integer not null default 0,
add column worst_price numeric,
add column held_volume numeric,
add column ticket bigint,
add constraint decisions_pk primary key (lane, subscription_id, stream_id, epoch, seq, part),
add constraint decisions_reason_known check (
  reason in (
    'COPIED', 'CAUGHT_UP', 'PROTECTED',
    'NOT_COPIED', 'ALREADY_COPIED', 'SNAPSHOT_RECORDED', 'TTL_EXPIRED', 'HALTED', 'LATE_JOIN',
    'BELOW_MINIMUM', 'ABOVE_MAXIMUM', 'NO_BALANCE', 'NO_STOP', 'NO_SPECIFICATION', 'REVERSE_UNSUPPORTED',
    'SYMBOL_FILTERED', 'SIDE_FILTERED', 'MAGIC_FILTERED', 'OUT_OF_HOURS', 'NEWS_WINDOW', 'TRADES_PER_DAY',
    'UNKNOWN_SYMBOL', 'AMBIGUOUS_SYMBOL', 'SYMBOL_NOT_TRADED', 'EQUITY_PROTECTION', 'EQUITY_UNKNOWN',
    'DEGRADED_GAP', 'LOCKED_NO_FUNDS', 'PAUSED_TOXIC', 'PAUSED_BY_USER', 'ENDED'
  )
),
add constraint decisions_delivered_has_reason check (
  (delivery_seq is not null) = (reason in ('COPIED', 'CAUGHT_UP', 'PROTECTED'))
),
add constraint decisions_part_zero_is_the_signal check ((part = 0) = (reason not in ('CAUGHT_UP', 'PROTECTED', 'LATE_JOIN')));
comment on column signals.decisions.part is
'0: on the signal (epoch, seq) itself. From 1 on: found by catch-up while the stream stood there.';
comment on column signals.decisions.worst_price is 'Open at this price or better, or not at all; null: no such limit.';
comment on column signals.decisions.held_volume is 'Lots that the copy held when this was decided, as far as was reported.';
comment on column signals.decisions.ticket is 'Of the copy when this was decided; null: not known.';

alter table signals.copies
drop constraint copies_status_known,
drop constraint copies_volumes,
add column held_volume numeric not null default 0,
add column pending integer not null default 0,
add column stop_loss numeric,
add column take_profit numeric,
add column closed_by text,
add column is_reversed boolean not null default false,
add column tries integer not null default 0,
add column closing_seq bigint,
add constraint copies_status_known check (
  status in ('DELIVERED', 'OPEN', 'REFUSED', 'CLOSING', 'CLOSED', 'MISSED', 'SKIPPED')
),
add constraint copies_volumes check (
  master_volume > 0 and target_volume between 0 and opened_volume
  and (opened_volume > 0 or status in ('MISSED', 'SKIPPED'))
),
add constraint copies_pending_not_negative check (pending >= 0),
add constraint copies_closed_by_known check (closed_by in ('MASTER', 'FOLLOWER', 'PROTECTION'));
-- Catch-up reads what is live, however many copies there have been.
create index copies_live on signals.copies (lane, subscription_id, stream_id, position_id)
where status in ('DELIVERED', 'OPEN', 'CLOSING');
create unique index copies_ticket_unique on signals.copies (lane, subscription_id, ticket) where ticket is not null;
comment on column signals.copies.status is
'DELIVERED, OPEN, CLOSING, CLOSED; REFUSED by the guard; MISSED: could not be tried, late join decides; SKIPPED: will not be copied.';
comment on column signals.copies.held_volume is 'Lots opened less lots closed, by reports and by the follower''s own snapshots.';
comment on column signals.copies.pending is 'Deliveries about this copy that have no final report: while there are any, nothing is tried again.';
comment on column signals.copies.closing_seq is 'The first delivery that told it to close.';
comment on column signals.copies.tries is 'How often catch-up has told something about this copy.';
comment on column signals.copies.stop_loss is 'As last delivered; 0: none; null: not known to have arrived.';

alter table signals.reports
drop constraint reports_status_known,
drop constraint reports_refusal_has_code,
add column settled_by text,
add column unknown_since timestamptz,
add constraint reports_status_known check (status in ('EXECUTED', 'REJECTED', 'FAILED', 'UNKNOWN')),
add constraint reports_refusal_has_code check ((status = 'EXECUTED') = (code is null)),
add constraint reports_settled_by_known check (settled_by in ('SNAPSHOT', 'OPERATOR'));
comment on column signals.reports.status is 'UNKNOWN: sent to the broker, no answer. The one status that a later report or snapshot replaces.';
comment on column signals.reports.settled_by is 'Null: the EA reported it.';
comment on column signals.reports.unknown_since is 'When the outcome was first reported as unknown.';

alter type signals.delivery add attribute held_volume_e8 bigint;
alter type signals.delivery add attribute ticket bigint;
alter type signals.delivery add attribute worst_price_e8 bigint;

create table signals.settlements (
  lane smallint not null,
  subscription_id bigint not null,
  settled_seq bigint not null,
  constraint settlements_pk primary key (lane, subscription_id)
) with (fillfactor = 50);
comment on table signals.settlements is
'Up to where the deliveries of a subscription have their final reports. Moved on by signals.escalate, so it may be behind; kept apart
from subscription_heads, so that nobody waits for it.';

create table signals.escalations (
  lane smallint not null,
  subscription_id bigint not null,
  delivery_seq bigint not null,
  level integer not null,
  escalated_at timestamptz not null,
  constraint escalations_pk primary key (lane, subscription_id, delivery_seq),
  constraint escalations_level_range check (level between 1 and 4)
);
comment on table signals.escalations is 'What cuts or manages exposure and was not answered in time; a row goes when the answer comes.';
comment on column signals.escalations.level is '1: ten seconds without an answer, 2: a minute, 3: ten minutes, 4: an hour.';

create table signals.news (
  news_id bigint generated always as identity constraint news_pk primary key,
  currency text not null,
  at timestamptz not null,
  impact text not null,
  title text not null,
  constraint news_unique unique (currency, at, title),
  constraint news_currency_shape check (currency ~ '^[A-Z]{3,5}$'),
  constraint news_impact_known check (impact in ('LOW', 'MEDIUM', 'HIGH')),
  constraint news_title_length check (length(title) between 1 and 200)
);
create index news_at on signals.news (at);
comment on table signals.news is 'The economic calendar that news windows are measured against. Small, the same for every lane.';

-- Schedule --------------------------------------------------------------------------------------------------

create table ops.jobs (
  name text constraint jobs_pk primary key,
  call text not null,
  every interval not null,
  due_at timestamptz not null,
  constraint jobs_call_shape check (call ~ '^[a-z_]+[.][a-z_]+$'),
  constraint jobs_every_positive check (every >= interval '1 second'),
  -- Slots are counted from one origin; months have no length.
  constraint jobs_every_has_a_length check (extract(year from every) = 0 and extract(month from every) = 0)
);
comment on table ops.jobs is 'What runs by the clock: a function without arguments, idempotent, called by ops.run_due_jobs.';

create table ops.job_runs (
  run_id bigint generated always as identity constraint job_runs_pk primary key,
  name text not null,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  result text,
  sqlstate text,
  error text
);
create index job_runs_of_job on ops.job_runs (name, started_at desc);
comment on table ops.job_runs is 'Runs of jobs that did something or failed.';
