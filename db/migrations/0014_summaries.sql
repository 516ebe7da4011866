-- audit.seal summarizes what it has read. Who writes need not ask the autovacuum to, which remembers 256 such wishes and writes a line to
-- the log for each that it does not.
alter index audit.records_xact set (autosummarize = off);
alter index signals.signals_xact set (autosummarize = off);
alter index signals.decisions_xact set (autosummarize = off);
alter index signals.reports_xact set (autosummarize = off);
alter index signals.subscription_events_xact set (autosummarize = off);
alter index billing.transfers_xact set (autosummarize = off);
