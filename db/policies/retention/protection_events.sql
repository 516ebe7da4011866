-- A week a chunk, and partitions made ahead where they are native. What drops old ones, and makes partitions for the weeks
-- to come, is a job (signals.retire_events), not a policy of TimescaleDB: the Apache edition has none.
select core.make_time_series('signals.protection_events', 'occurred_at', interval '7 days');
