-- Who stopped a stream or a license, and why: what is asked first when something does not trade. And a row for each symbol
-- that a portfolio follows.

alter table signals.streams
add column status_by text,
add column status_reason text,
add column status_at timestamptz;
comment on column signals.streams.status_by is 'Who last halted the stream or lifted the halt; null: nobody has.';
comment on column signals.streams.status_reason is 'Why, in their words.';

alter table access.licenses
add column revoked_by text,
add column revoked_reason text;
comment on column access.licenses.revoked_by is 'Who revoked it first.';
comment on column access.licenses.revoked_reason is 'Why, in their words.';

-- What is followed already is known to the portfolios, as signals.subscribe makes it known from now on.
insert into signals.symbol_resolutions (lane, portfolio_id, master_symbol, symbol, currencies)
select distinct
  s.lane, s.portfolio_id, i.symbol, i.symbol,
  case
    when i.symbol ~ '^[A-Za-z]{6}' then array[upper(left(i.symbol, 3)), upper(substr(i.symbol, 4, 3))]
    else '{}'
  end
from signals.subscriptions as s
inner join signals.instruments as i on i.lane = s.stream_lane and i.stream_id = s.stream_id;
