-- What the audit chain covers: a line for each table. What is not here is covered by audit.records, or is derived.
-- Retention takes from those that may go (signals.retire_signals), and from no other.
select audit.attach('audit.records');
select audit.attach('billing.transfers');
select audit.attach('signals.decisions', p_may_go => true);
-- An outcome in doubt is the one thing that is replaced.
select audit.attach('signals.reports', $$status <> 'UNKNOWN'$$, p_may_go => true);
select audit.attach('signals.signals', p_may_go => true);
select audit.attach('signals.subscription_events');
