-- The hot path is the gateway's; streams, subscriptions and halts are the operator's. Tables are private.

grant usage on schema signals to ecp_gateway, ecp_operator, ecp_api;

grant execute on function
  signals.deliveries,
  signals.dispatch,
  signals.feed,
  signals.heads,
  signals.ingest,
  signals.open_stream,
  signals.report,
  signals.resume,
  signals.resync,
  signals.routes,
  signals.upload_specifications
to ecp_gateway;

grant execute on function
  signals.create_portfolio,
  signals.create_stream,
  signals.define_instrument,
  signals.explain,
  signals.halt,
  signals.map_symbol,
  signals.schedule_news,
  signals.subscribe,
  signals.transition,
  signals.write_settings
to ecp_operator;

grant execute on function
  signals.explain
to ecp_api;
