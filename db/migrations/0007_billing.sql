-- Money. A transfer has two legs and one amount, so it sums to zero whoever wrote it; nothing in it is ever changed. What a
-- transfer moves between is in one lane: lanes pay each other through TRANSIT, by a job.

create schema billing;
comment on schema billing is 'The ledger, holds, fee plans and what has been settled under them.';

create table billing.currencies (
  currency text constraint currencies_pk primary key,
  digits smallint not null,
  constraint currencies_shape check (currency ~ '^[A-Z]{3,5}$'),
  constraint currencies_digits_range check (digits between 0 and 8)
);
comment on table billing.currencies is 'What money there is, and how many decimals an amount of it may have.';
insert into billing.currencies (currency, digits) values
('USD', 2), ('EUR', 2), ('GBP', 2), ('CHF', 2), ('JPY', 0), ('AUD', 2), ('CAD', 2), ('NZD', 2), ('SGD', 2), ('HKD', 2),
('PLN', 2), ('CZK', 2), ('HUF', 2), ('SEK', 2), ('NOK', 2), ('DKK', 2), ('ZAR', 2), ('TRY', 2), ('MXN', 2), ('CNH', 2),
('AED', 2), ('KWD', 3), ('USDT', 6), ('USDC', 6), ('BTC', 8), ('ETH', 8);

create table billing.ledger_accounts (
  lane smallint not null constraint ledger_accounts_lane_fk references core.lanes,
  ledger_account_id bigint generated always as identity,
  kind text not null,
  account_id bigint constraint ledger_accounts_account_fk references access.accounts (account_id),
  currency text not null constraint ledger_accounts_currency_fk references billing.currencies,
  balance numeric not null default 0,
  held numeric not null default 0,
  created_at timestamptz not null,
  constraint ledger_accounts_pk primary key (lane, ledger_account_id),
  constraint ledger_accounts_one_of_a_kind unique nulls not distinct (lane, account_id, kind, currency),
  constraint ledger_accounts_kind_known check (
    kind in ('WALLET', 'EARNINGS', 'PAYABLE', 'REVENUE', 'PLATFORM', 'EXTERNAL', 'TRANSIT')
  ),
  constraint ledger_accounts_owner_by_kind check ((account_id is not null) = (kind in ('WALLET', 'EARNINGS', 'PAYABLE'))),
  -- Written so that a NaN, which is above every number, is no cover.
  constraint ledger_accounts_covered check (
    kind not in ('WALLET', 'EARNINGS', 'PLATFORM') or (balance >= held and balance < 1e15)
  ),
  constraint ledger_accounts_held_of_wallets check (held >= 0 and (held = 0 or kind = 'WALLET'))
) with (fillfactor = 50);
comment on table billing.ledger_accounts is 'Balances. Each is the sum of its transfers: what the plane owes to whom it belongs.';
comment on column billing.ledger_accounts.kind is
'WALLET: a subscriber''s prepaid credit. PAYABLE: earned by a provider in this lane, not yet swept to its EARNINGS. REVENUE: the
platform''s share in this lane, not yet swept to PLATFORM. EXTERNAL: the world that cash comes from and goes to. TRANSIT: between lanes.';
comment on column billing.ledger_accounts.account_id is 'Whose it is; null: the platform''s.';
comment on column billing.ledger_accounts.held is 'Of balance, what is promised to deliveries without an answer. The rest is available.';

create table billing.transfers (
  lane smallint not null,
  transfer_id bigint generated always as identity,
  kind text not null,
  currency text not null,
  amount numeric not null,
  debit_id bigint not null,
  credit_id bigint not null,
  debit_balance numeric not null,
  credit_balance numeric not null,
  key text,
  subscription_id bigint,
  delivery_seq bigint,
  fee_plan_id bigint,
  period tstzrange,
  reverses bigint,
  reason text,
  actor text not null,
  occurred_at timestamptz not null,
  xact bigint not null default pg_current_xact_id()::text::bigint,
  constraint transfers_pk primary key (lane, transfer_id),
  constraint transfers_kind_known check (
    kind in (
      'DEPOSIT', 'WITHDRAWAL', 'COPY_FEE', 'PERFORMANCE_FEE', 'MANAGEMENT_FEE', 'ARREARS', 'REFUND', 'CORRECTION', 'SWEEP'
    )
  ),
  constraint transfers_amount_range check (amount > 0 and amount < 1e15),
  constraint transfers_two_legs check (debit_id <> credit_id),
  constraint transfers_key_length check (length(key) between 1 and 200),
  constraint transfers_fee_has_its_subscription check ((kind like '%FEE' or kind = 'ARREARS') <= (subscription_id is not null)),
  constraint transfers_copy_fee_has_its_delivery check ((kind = 'COPY_FEE') = (delivery_seq is not null)),
  constraint transfers_counter_entry_has_its_entry check ((kind in ('REFUND', 'CORRECTION')) = (reverses is not null))
);
create unique index transfers_key_once on billing.transfers (lane, key) where key is not null;
create unique index transfers_reversed_once on billing.transfers (lane, reverses) where reverses is not null;
-- Posted twice, a hold would break it.
create unique index transfers_delivery_once on billing.transfers (lane, subscription_id, delivery_seq, credit_id)
where delivery_seq is not null;
create index transfers_of_debit on billing.transfers (lane, debit_id, transfer_id);
create index transfers_of_credit on billing.transfers (lane, credit_id, transfer_id);
create index transfers_xact on billing.transfers using brin (xact) with (autosummarize = on);
comment on table billing.transfers is
'The ledger: one amount from debit_id to credit_id, a row each. Append-only; a mistake is corrected by a counter-entry.';
comment on column billing.transfers.debit_balance is 'Of the account that gave, after this.';
comment on column billing.transfers.credit_balance is 'Of the account that took, after this.';
comment on column billing.transfers.key is 'Idempotency key of who asked for it: asked again, it answers with this row.';
comment on column billing.transfers.delivery_seq is 'The delivery that a copy fee was charged for.';
comment on column billing.transfers.period is 'That a fee was settled for.';
comment on column billing.transfers.reverses is 'The transfer that this one takes back.';
comment on column billing.transfers.xact is 'The transaction that made it: what the audit chain counts by.';
-- No function of ours could, even by mistake; the trigger says so to everybody else.
revoke update, delete, truncate on billing.transfers from ecp_owner;

create table billing.fee_plans (
  fee_plan_id bigint generated always as identity constraint fee_plans_pk primary key,
  stream_id bigint not null,
  version integer not null,
  currency text not null constraint fee_plans_currency_fk references billing.currencies,
  flat numeric not null default 0,
  per_lot numeric not null default 0,
  minimum numeric not null default 0,
  performance_rate numeric not null default 0,
  management_rate numeric not null default 0,
  period text not null default 'MONTHLY',
  platform_share numeric not null default 0,
  actor text not null,
  created_at timestamptz not null,
  constraint fee_plans_version_unique unique (stream_id, version),
  constraint fee_plans_stream_fk foreign key (stream_id) references signals.streams (stream_id),
  constraint fee_plans_copy_fee_range check (flat between 0 and 1e6 and per_lot between 0 and 1e6),
  constraint fee_plans_minimum_of_a_fee check (minimum between 0 and 1e6 and (minimum = 0 or flat + per_lot > 0)),
  constraint fee_plans_rates_range check (performance_rate between 0 and 1 and management_rate between 0 and 1),
  constraint fee_plans_period_known check (period in ('TRADE', 'DAILY', 'WEEKLY', 'MONTHLY')),
  constraint fee_plans_platform_share_range check (platform_share between 0 and 1)
);
comment on table billing.fee_plans is 'What a stream costs, a row a version. A version never changes: whoever was charged by it can read it.';
comment on column billing.fee_plans.flat is 'For each copy that is opened.';
comment on column billing.fee_plans.per_lot is 'For each lot that is opened.';
comment on column billing.fee_plans.minimum is 'Least that a copy costs.';
comment on column billing.fee_plans.performance_rate is 'Of new profit above the high-water mark: 0.2 is 20 %.';
comment on column billing.fee_plans.management_rate is 'Of the capital, for 365 days.';
comment on column billing.fee_plans.period is 'When performance and management fees are settled, in UTC; TRADE: performance at each closing.';
comment on column billing.fee_plans.platform_share is 'Of each fee, the platform''s part.';

create table billing.agreements (
  lane smallint not null,
  subscription_id bigint not null,
  stream_id bigint not null,
  fee_plan_id bigint not null constraint agreements_fee_plan_fk references billing.fee_plans,
  next_plan_id bigint constraint agreements_next_plan_fk references billing.fee_plans,
  wallet_id bigint not null,
  payable_id bigint not null,
  revenue_id bigint not null,
  is_measured boolean not null default false,
  realised numeric not null default 0,
  high_water_mark numeric not null default 0,
  settled_at timestamptz not null,
  due_at timestamptz not null,
  performance_remainder numeric not null default 0,
  management_remainder numeric not null default 0,
  share_remainder numeric not null default 0,
  arrears numeric not null default 0,
  wanted numeric not null default 0,
  constraint agreements_pk primary key (lane, subscription_id),
  constraint agreements_subscription_fk foreign key (lane, subscription_id) references signals.subscriptions,
  constraint agreements_due_ahead check (due_at > settled_at),
  constraint agreements_remainders check (performance_remainder >= 0 and management_remainder >= 0 and share_remainder >= 0),
  constraint agreements_arrears_not_negative check (arrears >= 0)
) with (fillfactor = 50);
create index agreements_of_wallet on billing.agreements (lane, wallet_id);
-- Dispatch locks the wallets of a stream's followers by it; where nobody pays it is empty.
create index agreements_of_stream on billing.agreements (lane, stream_id);
create index agreements_due on billing.agreements (due_at);
create index agreements_short on billing.agreements (lane, wallet_id) where arrears > 0 or wanted > 0;
comment on table billing.agreements is 'What a subscription pays by, from where to where, and how far it is settled.';
comment on column billing.agreements.fee_plan_id is 'In force for performance and management fees until the running period ends.';
comment on column billing.agreements.next_plan_id is 'In force from the next period on; null: the same one.';
comment on column billing.agreements.is_measured is 'Whether fills are kept: since the first plan with a performance fee.';
comment on column billing.agreements.realised is 'E: cumulative net profit of the closings in billing.fills.';
comment on column billing.agreements.high_water_mark is 'H: the highest E that performance fees were settled at. Never falls.';
comment on column billing.agreements.settled_at is 'Up to where fees are settled: the start of the running period.';
comment on column billing.agreements.due_at is 'When the running period ends.';
comment on column billing.agreements.performance_remainder is 'Below the smallest unit of the currency: carried into the next settlement.';
comment on column billing.agreements.share_remainder is 'Of the platform''s share, below the smallest unit.';
comment on column billing.agreements.arrears is 'Due and not paid, for the wallet was empty: later deposits pay it first.';
comment on column billing.agreements.wanted is 'The copy fee that could last not be held; 0: none. What the wallet must have before the lock ends.';

create table billing.holds (
  lane smallint not null,
  subscription_id bigint not null,
  delivery_seq bigint not null,
  wallet_id bigint not null,
  fee_plan_id bigint not null,
  amount numeric not null,
  status text not null default 'HELD',
  posted numeric not null default 0,
  held_at timestamptz not null,
  settled_at timestamptz,
  constraint holds_pk primary key (lane, subscription_id, delivery_seq),
  constraint holds_amount_positive check (amount > 0),
  constraint holds_status_known check (status in ('HELD', 'POSTED', 'VOIDED', 'EXPIRED')),
  constraint holds_settled_whole check ((status = 'HELD') = (settled_at is null)),
  constraint holds_posted_within check (posted between 0 and amount and (posted = 0 or status = 'POSTED'))
) with (fillfactor = 70);
create index holds_open on billing.holds (lane, held_at) where status = 'HELD';
create index holds_of_wallet on billing.holds (lane, wallet_id) where status = 'HELD';
comment on table billing.holds is 'The fee that a delivery will cause, set aside when it was decided.';
comment on column billing.holds.status is 'POSTED: executed and charged. VOIDED: was not executed. EXPIRED: nobody said what became of it.';
comment on column billing.holds.posted is 'What was charged, at most amount; the rest was released.';

create table billing.fills (
  lane smallint not null,
  subscription_id bigint not null,
  delivery_seq bigint not null,
  position_id bigint not null,
  opens boolean not null,
  side text not null,
  volume numeric not null,
  price numeric,
  open_price numeric,
  tick_size numeric,
  tick_value numeric,
  profit numeric,
  recorded_at timestamptz not null,
  constraint fills_pk primary key (lane, subscription_id, delivery_seq),
  constraint fills_opening_has_no_profit check (not opens or profit is null)
);
create index fills_of_position on billing.fills (lane, subscription_id, position_id) where opens;
create index fills_recorded on billing.fills (lane, subscription_id, recorded_at) where not opens;
comment on table billing.fills is
'What was traded under a performance fee, a row for each executed opening and closing, with the numbers that its profit follows from.';
comment on column billing.fills.open_price is 'Of the closed lots: the volume-weighted price of the openings.';
comment on column billing.fills.tick_value is 'Money that one lot gains with one tick_size, as the terminal said it last.';
comment on column billing.fills.profit is
'(price - open_price) × lots × tick_value / tick_size, for a SELL the other way round. Null: a number was missing, it counts as nothing.';

create type billing.posting as (
  kind text,
  amount numeric,
  debit_id bigint,
  credit_id bigint,
  key text,
  subscription_id bigint,
  delivery_seq bigint,
  fee_plan_id bigint,
  period tstzrange,
  reverses bigint,
  reason text,
  actor text
);
comment on type billing.posting is 'A transfer to be made.';

create type billing.release as (
  ledger_account_id bigint,
  amount numeric
);
comment on type billing.release is 'What of the money held on an account is held no longer.';

create type billing.due as (
  subscription_id bigint,
  kind text,
  amount numeric,
  delivery_seq bigint,
  fee_plan_id bigint,
  period tstzrange
);
comment on type billing.due is 'A fee that a subscription owes.';

create type billing.asked_hold as (
  subscription_id bigint,
  position_id bigint,
  delivered bigint,
  wallet_id bigint,
  fee_plan_id bigint,
  volume numeric
);
comment on type billing.asked_hold is 'A delivery that will cost a fee, and how many its subscription has had before it.';

alter table signals.subscriptions
add column fee_wallet_id bigint,
add column fee_plan_id bigint;
comment on column signals.subscriptions.fee_wallet_id is 'The wallet that must hold a fee for each opening; null: openings cost nothing.';
comment on column signals.subscriptions.fee_plan_id is 'What the next opening costs.';
