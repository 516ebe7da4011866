-- So that who follows what happens can ask for what has been committed since, of protection events as of signals and decisions.
-- A default that is set after its column leaves the rows that are there as they are.
-- squawk-ignore-file require-concurrent-index-creation

alter table signals.protection_events add column xact bigint;
alter table signals.protection_events alter column xact set default pg_current_xact_id()::text::bigint;
create index protection_events_xact on signals.protection_events using brin (xact);
comment on column signals.protection_events.xact is 'The transaction that stored it; null: before there was this column.';
