-- The one registry of codes: docs/errors.md, the gateway's map and (later) the MQL5 constants are checked against it.
-- SQLSTATE class TR, then the area (P protocol, A access, S signals, R reports, G guard, D database), then two digits.
create or replace function core.error_registry()
returns table (code text, name text, message text, hint text)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  values
  ('TRP01', 'FRAME_TOO_LARGE', 'The frame is longer than the gateway accepts.', 'Split it: Welcome.max_frame_bytes is the limit.'),
  ('TRP02', 'FRAME_EMPTY', 'The frame has length zero.', 'Send no frame when there is nothing to say; Heartbeat keeps a connection alive.'),
  ('TRP03', 'FRAME_MALFORMED', 'The bytes are not a frame of this protocol.', 'A frame is 0x0A, a varint length, and a protobuf Frame; see docs/protocol.md.'),
  ('TRP04', 'UNKNOWN_TYPE', 'The frame carries no message that the gateway takes.', 'Set exactly one of the client messages of Frame.body.'),
  ('TRP05', 'WRONG_STATE', 'This message is not allowed now.', 'Send Hello first and once, then OpenStream or Subscribe before using a stream or subscription.'),
  ('TRP06', 'VERSION_UNSUPPORTED', 'This protocol version is not spoken here.', 'Use protocol version 1.'),
  ('TRP07', 'IDLE', 'Nothing was heard for too long.', 'Send a Heartbeat every Welcome.heartbeat_ms.'),
  ('TRP08', 'SLOW_READER', 'The client does not read what it is sent.', 'Read faster, then reconnect and Subscribe: nothing is lost.'),
  ('TRP09', 'BUSY', 'The gateway is at its limit.', 'Wait a moment and resend the same bytes.'),
  ('TRP10', 'SHUTTING_DOWN', 'The gateway is stopping.', 'Reconnect, to another gateway if there is one, and resend what was not acked.'),
  ('TRA01', 'LICENSE_UNKNOWN', 'The license is not known.', 'Check that the token was copied whole; issue a new one with access.issue_license.'),
  ('TRA02', 'LICENSE_EXPIRED', 'The license has expired.', 'Rotate it before it ends with access.rotate_license.'),
  ('TRA03', 'LICENSE_REVOKED', 'The license was revoked.', 'Ask the operator why; a new license can be issued.'),
  ('TRA04', 'NETWORK_NOT_ALLOWED', 'The license is not valid from this network.', 'Connect from a listed network, or have the license''s allow-list changed.'),
  ('TRA05', 'SESSION_HELD', 'Another client is live on this license.', 'Stop the other copy, or wait until its lease ends; two copiers never share a license.'),
  ('TRA06', 'SESSION_ENDED', 'This session is no longer the one that may act.', 'Reconnect; if another client took over on purpose, stop this one.'),
  ('TRA07', 'PURPOSE_NOT_ALLOWED', 'The license is for another purpose.', 'Publish with a publish license, follow with a subscribe license.'),
  ('TRA08', 'ACCOUNT_SUSPENDED', 'The account is not active.', 'Ask the operator to reinstate the account.'),
  ('TRA09', 'CLIENT_CERTIFICATE', 'A client certificate of the gateway''s authority is required.', 'Connect with TLS and the certificate that was issued to you.'),
  ('TRS01', 'REPLAY', 'This sequence number was used for other bytes, or its epoch is over.', 'Never reuse a number; if the counter was lost, Resync to a new epoch.'),
  ('TRS02', 'GAP', 'Signals before this one are missing.', 'Resend from Ack.next_seq.'),
  ('TRS03', 'BAD_SIGNATURE', 'The tag does not sign these bytes.', 'HMAC-SHA256 over exactly the bytes sent, with the stream''s key.'),
  ('TRS04', 'STALE', 'The signal is too old to raise exposure.', 'Check the clock against HeartbeatAck.plane_time_us and the network; do not resend it.'),
  ('TRS05', 'FUTURE', 'The signal was sent in the future.', 'Stamp sent_at_us with the plane''s time: HeartbeatAck.plane_time_us.'),
  ('TRS06', 'RATE_LIMITED', 'The stream raises exposure faster than its limit.', 'Slow down; what manages or cuts exposure is not limited.'),
  ('TRS07', 'NOT_ALLOWED', 'This session may not publish to this stream.', 'Open the stream with the provider''s own publish license.'),
  ('TRS08', 'HALTED', 'Trading is halted by an operator; nothing may raise exposure.', 'Wait for the halt to be lifted; closes still pass.'),
  ('TRS09', 'MALFORMED', 'The signal lacks what its action needs.', 'See the table of actions in docs/protocol.md.'),
  ('TRS10', 'UNKNOWN_STREAM', 'There is no such stream of this account, or it was not opened.', 'Check the name, then send OpenStream first.'),
  ('TRS11', 'UNKNOWN_SYMBOL', 'The stream does not trade this symbol.', 'Define it with signals.define_instrument; case matters.'),
  ('TRS12', 'VOLUME_INVALID', 'The volume must be positive.', 'Volumes are integers in 1e-8 lots.'),
  ('TRS13', 'VOLUME_STEP', 'The volume is not a multiple of the symbol''s step.', 'Round to the step of the symbol specification.'),
  ('TRS14', 'VOLUME_RANGE', 'The volume is outside the symbol''s limits.', 'Stay between minimum and maximum of the symbol specification.'),
  ('TRS15', 'PRICE_INVALID', 'A price is missing, negative or absurd.', 'Prices are integers in 1e-8; stops may be 0 for none.'),
  ('TRS16', 'POSITION_MISSING', 'The signal names no position.', 'Set position_id to the master''s ticket.'),
  ('TRS17', 'UNKNOWN_SUBSCRIPTION', 'There is no such subscription of this account, or it was not subscribed to here.', 'Check the number, then send Subscribe first.'),
  ('TRS18', 'DELIVERY_AHEAD', 'The client claims deliveries that were never made.', 'Its state belongs to another subscription or installation: reset it, or ask the operator.'),
  ('TRS19', 'OLD_EPOCH', 'A resync must raise the epoch.', 'Use StreamOpened.epoch + 1.'),
  ('TRS20', 'SETTINGS_INVALID', 'The settings contradict themselves or are out of range.', 'DETAIL names the rule that they break.'),
  ('TRS21', 'CURSOR_AHEAD', 'Dispatch was called from beyond the cursor.', 'Read signals.routes again and feed from there.'),
  ('TRS22', 'STREAM_CLOSED', 'The stream is closed and takes no new exposure.', 'Open another stream; closes still pass.'),
  ('TRS23', 'TRANSITION_ILLEGAL', 'The subscription cannot make this change from its state.', 'signals.subscription_transitions lists what is legal.'),
  ('TRR01', 'UNKNOWN_DELIVERY', 'There is no such delivery of this subscription.', 'Report with the delivery_seq that was received.'),
  ('TRR02', 'REPORT_CONFLICT', 'Another report was recorded for this delivery.', 'The first report stands; an operator can read both in protection events.'),
  ('TRR03', 'REPORT_MALFORMED', 'The report lacks what its status needs.', 'EXECUTED needs ticket, price and volume; REJECTED and FAILED need a code.'),
  ('TRG01', 'TTL_EXPIRED', 'The delivery arrived too late to raise exposure.', 'Check the path between gateway and terminal.'),
  ('TRG02', 'PRICE_DEVIATION', 'The market had moved further than the subscription allows.', 'Widen max_deviation_points, or accept the miss.'),
  ('TRG03', 'NO_POSITION', 'There is no open copy of this position.', 'Expected when its opening was refused.'),
  ('TRG04', 'BROKER_REJECTED', 'The broker refused the order.', 'The terminal''s journal has the broker''s reason.'),
  ('TRD01', 'DATABASE_AWAY', 'The database cannot be reached; nothing was decided.', 'Resend the same bytes in a moment.'),
  ('TRD02', 'OUTCOME_UNKNOWN', 'The database went away in mid-call; it may or may not have committed.', 'Resend the same bytes: the original verdict comes back.'),
  ('TRD03', 'SERVER_TOO_OLD', 'The PostgreSQL server is older than 17.', 'Use a server of version 17 or newer.'),
  ('TRD04', 'NOT_DEPLOYED', 'The database does not hold the plane''s schema.', 'Run: ecp deploy'),
  ('TRD05', 'VERSION_MISMATCH', 'The database holds another version of the schema.', 'Run: ecp status, then ecp deploy'),
  ('TRD06', 'MIGRATION_CHANGED', 'An applied migration was changed or removed.', 'Restore the file; put the change into a new migration.'),
  ('TRD07', 'ORPHAN_IN_USE', 'An object that no file owns is still used by another.', 'Remove what depends on it first; DETAIL names it.'),
  ('TRD08', 'DEPLOY_BUSY', 'Another deploy is running, or a lock could not be had.', 'Try again when it has finished.')
$$;

comment on function core.error_registry() is
'Every code of the plane with its name, what happened (message) and what to do (hint).';
