-- A week a chunk, and partitions made ahead where they are native. What drops old ones is a scheduled job, not a policy
-- of TimescaleDB: the Apache edition has none.
select core.make_time_series('signals.protection_events', 'occurred_at', interval '7 days');
