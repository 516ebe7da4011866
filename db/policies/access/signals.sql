-- The hot path is the gateway's; streams, subscriptions and halts are the operator's. Tables are private.

grant usage on schema signals to ecp_gateway, ecp_operator, ecp_auditor, ecp_tenant;

grant execute on function
  signals.deliveries,
  signals.dispatch,
  signals.feed,
  signals.heads,
  signals.ingest,
  signals.note_equity,
  signals.open_stream,
  signals.raising_actions,
  signals.reconcile,
  signals.report,
  signals.resume,
  signals.resync,
  signals.routes,
  signals.upload_specifications
to ecp_gateway;

-- Each of these asks access.may_touch.
grant execute on function
  signals.explain,
  signals.explain_delivery,
  signals.note_event,
  signals.transition,
  signals.what_if,
  signals.write_settings
to ecp_tenant;

grant execute on function
  signals.catch_up,
  signals.create_portfolio,
  signals.create_stream,
  signals.define_instrument,
  signals.explain,
  signals.explain_delivery,
  signals.halt,
  signals.lift_halt,
  signals.lift_protection,
  signals.map_symbol,
  signals.note_event,
  signals.protect,
  signals.remove_protection,
  signals.schedule_news,
  signals.settle,
  signals.subscribe,
  signals.transition,
  signals.what_if,
  signals.write_settings
to ecp_operator;

grant select on signals.overdue to ecp_operator, ecp_auditor;
