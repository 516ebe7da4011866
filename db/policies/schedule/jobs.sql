-- Every job there is, in one statement: a line taken out here is a job that the deploy takes off the schedule. A job that
-- stays as it was keeps its next slot.
merge into ops.jobs as j
using (
  values
  ('announce_expiry', 'access.announce_expiry', interval '10 minutes'),
  ('escalate', 'signals.escalate', interval '5 seconds'),
  ('expire_holds', 'billing.expire_holds', interval '1 minute'),
  ('find_drift', 'signals.find_drift', interval '1 second'),
  ('retire_events', 'signals.retire_events', interval '1 hour'),
  ('retire_records', 'ops.retire_records', interval '10 minutes'),
  ('retire_signals', 'signals.retire_signals', interval '5 seconds'),
  ('seal', 'audit.seal', interval '2 seconds'),
  ('settle', 'billing.settle', interval '5 seconds'),
  ('sweep', 'billing.sweep', interval '1 minute'),
  ('tally', 'ops.tally', interval '10 seconds'),
  ('trust_scan', 'trust.scan', interval '5 minutes')
) as d (name, call, every) on d.name = j.name
when matched and (j.call, j.every) is distinct from (d.call, d.every) then
  update set call = d.call, every = d.every, due_at = core.now()
when not matched then
  insert (name, call, every, due_at) values (d.name, d.call, d.every, core.now())
when not matched by source then
  delete;
