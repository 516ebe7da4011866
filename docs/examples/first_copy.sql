-- From nothing to an explained copy, without a gateway: what it calls can be called from psql.
--   psql "$(.venv/bin/ecp pg url)" -f docs/examples/first_copy.sql      (in a fresh database; the numbers count on)
\set QUIET on
\pset null '-'
\pset footer off

-- A provider with a stream, and a license to publish.
select access.create_account('alice', array['provider'], 1::smallint) as provider \gset
select signals.create_stream(:provider, 'alice.eurusd', '\x00112233445566778899aabbccddeeff', 60000) as stream \gset
select signals.define_instrument(:stream, 'EURUSD', 5, 0.01, 50, 0.01) \gset
select token from access.issue_license(:provider, 'publish') \gset
select session_id as publisher from access.open_session(:'token', '\x00', '127.0.0.1', 'psql', 'example') \gset
select code, epoch, last_seq from signals.open_stream(:'publisher', 'alice.eurusd');

-- A subscriber who copies half the lots, at least 0.05.
select access.create_account('bob', array['subscriber'], 2::smallint) as subscriber \gset
select signals.subscribe(:subscriber, :stream, '{"multiplier": 0.5, "volume_min": 0.05, "ttl": "1 minute"}') as subscription \gset

-- Two openings: 0.31 lots, and 0.05. The payload is what the master signed; here any bytes do, the columns are its fields.
select lane as stream_lane, key_inner, key_outer from signals.streams where stream_id = :stream \gset
with signed as (
  select i as seq, p.payload, sha256(:'key_outer'::bytea || sha256(:'key_inner'::bytea || p.payload)) as tag,
    (array[31000000, 5000000])[i]::bigint as volume, core.microseconds(core.now()) as sent_us
  from generate_series(1, 2) as i, convert_to('signal ' || i, 'UTF8') as p (payload)
)
select i.ord, i.verdict, i.code, i.next_seq
from (
  select array_agg(seq order by seq) as seqs, array_agg(volume order by seq) as volumes,
    array_agg(sent_us order by seq) as sent_us, array_agg(payload order by seq) as payloads, array_agg(tag order by seq) as tags
  from signed
) as s, signals.ingest(
  :stream_lane::smallint, array[:'publisher', :'publisher']::uuid[], array[:stream, :stream], array[1, 1]::bigint[], s.seqs,
  array['OPEN', 'OPEN'], array['EURUSD', 'EURUSD'], array['BUY', 'BUY'], array[101, 102], s.volumes,
  array[107219000, 107219000], array[0, 0], array[0, 0], array[0, 0], array['MARKET', 'MARKET'], array[null, null]::jsonb[],
  s.sent_us, s.payloads, s.tags, array[0, 0], array[0, 0], s.sent_us
) as i;

-- What the subscriber gets, decided in the subscriber's own lane.
with fed as (
  select f.* from signals.feed(:stream_lane::smallint, array[:stream], array[1], array[0], 100) as f
)
select d.delivery_seq, d.action, d.symbol, d.side, d.volume_e8
from (
  select array_agg(stream_id) as streams, array_agg(epoch) as epochs, array_agg(seq) as seqs, array_agg(action) as actions,
    array_agg(symbol) as symbols, array_agg(side) as sides, array_agg(position_id) as positions, array_agg(volume) as volumes,
    array_agg(price) as prices, array_agg(stop_loss) as stop_losses, array_agg(take_profit) as take_profits,
    array_agg(magic) as magics, array_agg(order_type) as order_types, array_agg(digits) as digits, array_agg(sent_at) as sent_at,
    array_agg(received_at) as received_at, array_agg(contract_size) as contract_sizes, array_agg(balance) as balances,
    array_agg(equity) as equities, array_agg(book) as books
  from fed
) as f, signals.dispatch(
  2::smallint, array[:stream], array[1], array[0], f.streams, f.epochs, f.seqs, f.actions, f.symbols, f.sides, f.positions,
  f.volumes, f.prices, f.stop_losses, f.take_profits, f.magics, f.order_types, f.digits, f.sent_at, f.received_at,
  f.contract_sizes, f.balances, f.equities, f.books
) as d;

-- Why, in one row each.
\x on
select outcome, reason, volume, formula, sentence from signals.explain(:subscription, 1, 1);
select outcome, reason, volume, formula, sentence from signals.explain(:subscription, 1, 2);
\x off

-- And nothing is out of order.
select count(*) as checks, bool_and(ok) as all_ok from ops.verify();
