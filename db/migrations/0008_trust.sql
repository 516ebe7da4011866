-- Trust: what an account's record is worth, and everything that moved it. A score is in the lane of the transaction that moves it: of a
-- provider in that of its stream, of a subscriber in its own.
-- squawk-ignore-file require-concurrent-index-creation

create schema trust;
comment on schema trust is 'Scores of providers and subscribers, what moves them, and what they stop.';

create table trust.rules (
  role text not null,
  code text not null,
  points integer not null,
  meaning text not null,
  constraint rules_pk primary key (role, code),
  constraint rules_role_known check (role in ('provider', 'subscriber')),
  constraint rules_points_range check (points between -100 and 100)
);
comment on table trust.rules is
'What moves a score, and by how much. Codes are those of docs/errors.md; a word is no refusal. What has 0 points moves nothing by itself:
trust.scan counts it.';
insert into trust.rules (role, code, points, meaning) values
('provider', 'TRS01', -50, 'replay'),
('provider', 'TRS02', -20, 'sequence gap, once however often it is hit'),
('provider', 'TRS03', -40, 'invalid signature, of a signal or a resync'),
('provider', 'TRS04', -5, 'signal older than the stream''s TTL'),
('provider', 'TRS05', 0, 'signal from the future'),
('provider', 'TRS06', 0, 'over the rate'),
('provider', 'TRS09', 0, 'malformed'),
('provider', 'TRS11', 0, 'unknown symbol'),
('provider', 'TRS12', 0, 'volume not positive'),
('provider', 'TRS13', 0, 'volume off the step'),
('provider', 'TRS14', 0, 'volume out of range'),
('provider', 'TRS15', 0, 'price absurd'),
('provider', 'TRS16', 0, 'no position named'),
('provider', 'TRS19', 0, 'resync to an old epoch'),
('provider', 'BURST', -10, 'a hundred refusals or more within a minute'),
('provider', 'RECOVERED', 10, 'for each 24 hours without an incident'),
('subscriber', 'EXECUTED', 1, 'delivery executed'),
('subscriber', 'TRG01', -5, 'refused by its guard: too late'),
('subscriber', 'TRG02', -3, 'refused by its guard: the price had moved'),
('subscriber', 'TRR01', 0, 'report of a delivery that was never made'),
('subscriber', 'TRR02', 0, 'report that contradicts the one that stands'),
('subscriber', 'TRR03', 0, 'report without what its status needs'),
('subscriber', 'TRR04', 0, 'ticket reported twice'),
('subscriber', 'TRR05', 0, 'more opened than was decided'),
('subscriber', 'BURST', -10, 'a hundred refusals or more within a minute'),
('subscriber', 'REJECTION_RATE', -10, 'of at least 20 openings answered in 24 hours, its guard refused more than half'),
('subscriber', 'LATENCY_ARBITRAGE', -20, 'takes the openings that turn out well and refuses those that do not'),
('subscriber', 'RECOVERED', 10, 'for each 24 hours without an incident');

create table trust.scores (
  lane smallint not null,
  account_id bigint not null,
  role text not null,
  score integer not null default 100,
  last_incident_at timestamptz,
  recovered_at timestamptz,
  is_pausing boolean not null default false,
  changed_at timestamptz not null,
  constraint scores_pk primary key (lane, account_id, role),
  constraint scores_account_fk foreign key (account_id) references access.accounts (account_id),
  constraint scores_role_known check (role in ('provider', 'subscriber')),
  constraint scores_range check (score between 0 and 100),
  constraint scores_pausing_subscriber check (role = 'subscriber' or not is_pausing)
) with (fillfactor = 70);
-- Whose subscriptions do not stand as the score says: empty but within the transaction that moved it.
create index scores_unsettled on trust.scores (lane) where role = 'subscriber' and is_pausing <> (score < 50);
-- For whom an execution counts: few.
create index scores_below_full on trust.scores (lane, role) where score < 100;
comment on table trust.scores is 'How far each account is trusted, 0 to 100; without a row 100. Under 50 nothing that raises exposure passes.';
comment on column trust.scores.last_incident_at is 'When points were last taken, at 0 too.';
comment on column trust.scores.recovered_at is 'Up to when incident-free days have been credited; a reset begins anew.';
comment on column trust.scores.is_pausing is 'Of a subscriber: its subscriptions stand paused for this score.';

create table trust.events (
  lane smallint not null,
  event_id bigint generated always as identity,
  account_id bigint not null,
  role text not null,
  code text not null,
  points integer not null,
  score_before integer not null,
  score_after integer not null,
  stream_id bigint,
  subscription_id bigint,
  epoch integer,
  seq bigint,
  actor text not null,
  reason text,
  occurred_at timestamptz not null,
  constraint events_pk primary key (lane, event_id),
  constraint events_add_up check (score_after = least(greatest(score_before + points, 0), 100)),
  constraint events_reset_has_reason check ((code = 'RESET') = (reason is not null))
);
create index events_of_account on trust.events (lane, account_id, role, event_id);
comment on table trust.events is
'Every change of a score, in order of event_id: the points of its rule, the score before and after. Nothing is ever changed or removed.';
comment on column trust.events.seq is 'Of the signal (provider) or the delivery (subscriber).';
comment on column trust.events.actor is 'The function that moved it, or who reset it.';

-- The scan reads a day of these. Where the time series is TimescaleDB's there is an index already; this one costs next to nothing.
create index protection_events_time on signals.protection_events using brin (occurred_at);
create index reports_time on signals.reports using brin (reported_at);
