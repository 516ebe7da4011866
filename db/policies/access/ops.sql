-- Operators and auditors verify; all ask which version they talk to; the gateway keeps the schedule, and tells Prometheus.

grant usage on schema ops to ecp_gateway, ecp_api, ecp_operator, ecp_auditor;

grant execute on function ops.deployment_fingerprint to ecp_gateway, ecp_api, ecp_operator, ecp_auditor;
grant execute on function ops.run_due_jobs to ecp_gateway, ecp_operator;
grant execute on function ops.read_metrics to ecp_gateway, ecp_operator, ecp_auditor;
grant execute on routine ops.tick to ecp_operator;
grant execute on function ops.change_setting to ecp_operator;
grant execute on function ops.tail to ecp_operator;
grant execute on function ops.verify to ecp_operator, ecp_auditor;

grant select on
  ops.account_states,
  ops.alarms,
  ops.halts,
  ops.job_history,
  ops.job_states,
  ops.license_states,
  ops.live,
  ops.retirements,
  ops.setting_versions,
  ops.settings,
  ops.stream_states,
  ops.subscription_states
to ecp_operator, ecp_auditor;
