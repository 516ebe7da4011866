-- The views are the reader's, who has of the tables what the views show and no secret, and cannot log in.

grant usage, create on schema analytics to ecp_reader;

do $$
declare
  v_view regclass;
begin
  for v_view in
    select c.oid from pg_class as c where c.relnamespace = 'analytics'::regnamespace and c.relkind = 'v'
  loop
    execute format('alter view %s owner to ecp_reader', v_view);
  end loop;
end
$$;

grant usage on schema access, billing, core, signals, trust to ecp_reader;

grant select (
  lane, stream_id, account_id, name, ttl, rate_per_second, status, created_at
) on signals.streams to ecp_reader;
grant select (scope, subject, reason, since) on signals.halts to ecp_reader;
grant select (
  lane, stream_id, epoch, seq, verdict, code, action, symbol, side, position_id, volume, price, stop_loss, take_profit, magic,
  order_type, sent_at, received_at
) on signals.signals to ecp_reader;
grant select (
  license_id, account_id, purpose, networks, issued_at, expires_at, revoked_at, revoked_by, revoked_reason, replaced_by
) on access.licenses to ecp_reader;
grant select on
  access.accounts,
  billing.ledger_accounts,
  billing.transfers,
  signals.copy_settings,
  signals.decisions,
  signals.portfolios,
  signals.protection_events,
  signals.reports,
  signals.stream_heads,
  signals.subscription_events,
  signals.subscription_heads,
  signals.subscriptions,
  trust.scores
to ecp_reader;

grant usage on schema analytics to ecp_analyst, ecp_auditor, ecp_operator, ecp_tenant;

grant select on
  analytics.accounts,
  analytics.balances,
  analytics.copy_quality,
  analytics.decisions,
  analytics.fees,
  analytics.latency,
  analytics.licenses,
  analytics.protection_events,
  analytics.rejections,
  analytics.signals,
  analytics.state_changes,
  analytics.streams,
  analytics.subscriptions,
  analytics.trust
to ecp_analyst, ecp_auditor, ecp_operator, ecp_tenant;
