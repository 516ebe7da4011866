-- What the audit chain covers: a line for each table. What is not here is covered by audit.records, or is derived.
select audit.attach('audit.records');
select audit.attach('billing.transfers');
select audit.attach('signals.decisions');
-- An outcome in doubt is the one thing that is replaced.
select audit.attach('signals.reports', $$status <> 'UNKNOWN'$$);
select audit.attach('signals.signals');
select audit.attach('signals.subscription_events');
