-- How a subscriber says what to copy: settings in versions, symbols, limits on loss.
\set QUIET on
\set ON_ERROR_STOP off
\set SHOW_CONTEXT never
\pset null '-'
\pset footer off

select access.create_account('dave', array['provider']) as provider \gset
select signals.create_stream(:provider, 'dave.majors', '\x00112233445566778899aabbccddeeff') as stream \gset
select signals.define_instrument(:stream, 'EURUSD', 5, 0.01, 50, 0.01) \gset
select access.create_account('erin', array['subscriber']) as subscriber \gset
select signals.subscribe(:subscriber, :stream, '{"multiplier": 0.5}') as subscription \gset

-- One per cent of the equity at the stop, in London's hours, twenty trades a day, and what was missed within five minutes.
select signals.write_settings(:subscription, '{
  "sizing": "RISK", "risk_percent": 1, "hours": ["Mon-Fri 08:00-17:30"], "zone": "Europe/London",
  "trades_per_day": 20, "late_join": "MAX_AGE", "late_join_max_age": "5 minutes"
}') as version;

-- What contradicts itself is refused, and says why: a risk is a part of something, and a day has 24 hours.
select signals.write_settings(:subscription, '{"sizing": "MULTIPLIER"}');
select signals.write_settings(:subscription, '{"hours": ["Mon 08:00-25:00"]}');
select signals.write_settings(:subscription, '{"leverage": 500}');

-- Every version stays; decisions name theirs.
select version, sizing, risk_percent, hours, zone from signals.copy_settings where subscription_id = :subscription order by version;

-- The broker calls it otherwise; and ten per cent down from the peak closes all.
select portfolio_id as portfolio from signals.subscriptions where subscription_id = :subscription \gset
select signals.map_symbol(:portfolio, 'EURUSD', 'EURUSD.raw') \gset
select master_symbol, symbol, reason from signals.symbol_resolutions where portfolio_id = :portfolio;
select signals.protect(:portfolio, 'DRAWDOWN', 10, 'PERCENT', 'CLOSE_ALL') is not null as protected;
