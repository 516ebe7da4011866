// Written by `python -m ops.mql5_errors` from docs/errors.md: change that page, not this file.

// clang-format off
#define TR_FRAME_TOO_LARGE "TRP01"
#define TR_FRAME_EMPTY "TRP02"
#define TR_FRAME_MALFORMED "TRP03"
#define TR_UNKNOWN_TYPE "TRP04"
#define TR_WRONG_STATE "TRP05"
#define TR_VERSION_UNSUPPORTED "TRP06"
#define TR_IDLE "TRP07"
#define TR_SLOW_READER "TRP08"
#define TR_BUSY "TRP09"
#define TR_SHUTTING_DOWN "TRP10"
#define TR_LICENSE_UNKNOWN "TRA01"
#define TR_LICENSE_EXPIRED "TRA02"
#define TR_LICENSE_REVOKED "TRA03"
#define TR_NETWORK_NOT_ALLOWED "TRA04"
#define TR_SESSION_HELD "TRA05"
#define TR_SESSION_ENDED "TRA06"
#define TR_PURPOSE_NOT_ALLOWED "TRA07"
#define TR_ACCOUNT_SUSPENDED "TRA08"
#define TR_CLIENT_CERTIFICATE "TRA09"
#define TR_ACCOUNT_INVALID "TRA10"
#define TR_LICENSE_INVALID "TRA11"
#define TR_LICENSE_ENDS_SOON "TRA12"
#define TR_REPLAY "TRS01"
#define TR_GAP "TRS02"
#define TR_BAD_SIGNATURE "TRS03"
#define TR_STALE "TRS04"
#define TR_FUTURE "TRS05"
#define TR_RATE_LIMITED "TRS06"
#define TR_HALTED "TRS08"
#define TR_MALFORMED "TRS09"
#define TR_UNKNOWN_STREAM "TRS10"
#define TR_UNKNOWN_SYMBOL "TRS11"
#define TR_VOLUME_INVALID "TRS12"
#define TR_VOLUME_STEP "TRS13"
#define TR_VOLUME_RANGE "TRS14"
#define TR_PRICE_INVALID "TRS15"
#define TR_POSITION_MISSING "TRS16"
#define TR_UNKNOWN_SUBSCRIPTION "TRS17"
#define TR_DELIVERY_AHEAD "TRS18"
#define TR_OLD_EPOCH "TRS19"
#define TR_SETTINGS_INVALID "TRS20"
#define TR_CURSOR_AHEAD "TRS21"
#define TR_STREAM_CLOSED "TRS22"
#define TR_TRANSITION_ILLEGAL "TRS23"
#define TR_UNKNOWN_PORTFOLIO "TRS24"
#define TR_PROTECTION_INVALID "TRS25"
#define TR_SPECIFICATION_INVALID "TRS26"
#define TR_ALREADY_SUBSCRIBED "TRS27"
#define TR_PROTECTION_UNKNOWN "TRS28"
#define TR_NEWS_INVALID "TRS29"
#define TR_UNANSWERED "TRS30"
#define TR_PROTECTION_TRIGGERED "TRS31"
#define TR_STREAM_INVALID "TRS32"
#define TR_INSTRUMENT_INVALID "TRS33"
#define TR_PORTFOLIO_INVALID "TRS34"
#define TR_PROTECTION_LIFTED "TRS35"
#define TR_PERIOD_INVALID "TRS36"
#define TR_CATCH_UP_FAILED "TRS37"
#define TR_PROVIDER_DISTRUSTED "TRS38"
#define TR_STREAM_HALTED "TRS39"
#define TR_ACCOUNT_HALTED "TRS40"
#define TR_SYMBOL_HALTED "TRS41"
#define TR_HALT_INVALID "TRS42"
#define TR_EVENT_INVALID "TRS43"
#define TR_UNKNOWN_DELIVERY "TRR01"
#define TR_REPORT_CONFLICT "TRR02"
#define TR_REPORT_MALFORMED "TRR03"
#define TR_TICKET_USED "TRR04"
#define TR_OVERFILLED "TRR05"
#define TR_NOT_AT_THE_BROKER "TRR06"
#define TR_NOTHING_TO_SETTLE "TRR07"
#define TR_SETTLED_BY_OPERATOR "TRR08"
#define TR_AMOUNT_INVALID "TRB01"
#define TR_UNKNOWN_CURRENCY "TRB02"
#define TR_TOO_MANY_DECIMALS "TRB03"
#define TR_INSUFFICIENT_FUNDS "TRB04"
#define TR_KEY_REUSED "TRB05"
#define TR_HOLD_SETTLED "TRB06"
#define TR_ALREADY_REVERSED "TRB07"
#define TR_UNKNOWN_WALLET "TRB08"
#define TR_LEDGER_APPEND_ONLY "TRB09"
#define TR_HIGH_WATER_MARK "TRB10"
#define TR_FEE_PLAN_INVALID "TRB11"
#define TR_UNKNOWN_TRANSFER "TRB12"
#define TR_REQUEST_INVALID "TRB13"
#define TR_TTL_EXPIRED "TRG01"
#define TR_PRICE_DEVIATION "TRG02"
#define TR_NO_POSITION "TRG03"
#define TR_BROKER_REJECTED "TRG04"
#define TR_MARGIN_TOO_LOW "TRG05"
#define TR_ORDER_UNANSWERED "TRG06"
#define TR_NOT_SYNCED "TRG07"
#define TR_DATABASE_AWAY "TRD01"
#define TR_OUTCOME_UNKNOWN "TRD02"
#define TR_SERVER_TOO_OLD "TRD03"
#define TR_NOT_DEPLOYED "TRD04"
#define TR_VERSION_MISMATCH "TRD05"
#define TR_MIGRATION_CHANGED "TRD06"
#define TR_ORPHAN_IN_USE "TRD07"
#define TR_DEPLOY_BUSY "TRD08"
#define TR_STACK_UNAVAILABLE "TRD09"
#define TR_FILES_INCONSISTENT "TRD10"
#define TR_FILE_FAILED "TRD11"
#define TR_CHECK_FAILED "TRD12"
#define TR_PORT_TAKEN "TRD13"
#define TR_GATEWAY_NOT_STARTED "TRD14"
#define TR_BARS_UNREADABLE "TRD15"
#define TR_GATEWAY_GONE "TRD16"
#define TR_SETTING_INVALID "TRD17"
#define TR_PEER_UNAVAILABLE "TRD18"
#define TR_TOO_FEW_DESCRIPTORS "TRD19"
#define TR_COMPILER_UNAVAILABLE "TRD20"
#define TR_PROGRAM_REFUSED "TRD21"
#define TR_NOTHING_FOUND "TRD22"

const string ErrorTexts[] = {
   "TRP01", "FRAME_TOO_LARGE", "The frame is longer than the gateway accepts.", "Split it: Welcome.max_frame_bytes is the limit.",
   "TRP02", "FRAME_EMPTY", "The frame has length zero.", "Send no frame when there is nothing to say; Heartbeat keeps a connection alive.",
   "TRP03", "FRAME_MALFORMED", "The bytes are not a frame of this protocol.", "A frame is 0x0A, a varint length, and a protobuf Frame; see docs/protocol.md.",
   "TRP04", "UNKNOWN_TYPE", "The frame carries no message that the gateway takes.", "Set exactly one of the client messages of Frame.body.",
   "TRP05", "WRONG_STATE", "This message is not allowed now.", "Send Hello first and once, then OpenStream or Subscribe before using a stream or subscription.",
   "TRP06", "VERSION_UNSUPPORTED", "This protocol version is not spoken here.", "Use protocol version 1.",
   "TRP07", "IDLE", "Nothing was heard for too long.", "Send a Heartbeat every Welcome.heartbeat_ms.",
   "TRP08", "SLOW_READER", "The client does not read what it is sent.", "Read faster, then reconnect and Subscribe: nothing is lost.",
   "TRP09", "BUSY", "The gateway is at its limit.", "Wait a moment and resend the same bytes.",
   "TRP10", "SHUTTING_DOWN", "The gateway is stopping.", "Reconnect, to another gateway if there is one, and resend what was not acked.",
   "TRA01", "LICENSE_UNKNOWN", "The license is not known.", "Check that the token was copied whole; issue a new one with access.issue_license.",
   "TRA02", "LICENSE_EXPIRED", "The license has expired.", "Rotate it before it ends with access.rotate_license.",
   "TRA03", "LICENSE_REVOKED", "The license was revoked.", "Ask the operator why; a new license can be issued.",
   "TRA04", "NETWORK_NOT_ALLOWED", "The license is not valid from this network.", "Connect from a listed network, or have the license's allow-list changed.",
   "TRA05", "SESSION_HELD", "Another client is live on this license.", "Stop the other copy, or wait until its lease ends; two copiers never share a license.",
   "TRA06", "SESSION_ENDED", "This session is no longer the one that may act.", "Reconnect; if another client took over on purpose, stop this one.",
   "TRA07", "PURPOSE_NOT_ALLOWED", "The license is for another purpose.", "Publish with a publish license, follow with a subscribe license.",
   "TRA08", "ACCOUNT_SUSPENDED", "The account is not active.", "Ask the operator to reinstate the account.",
   "TRA09", "CLIENT_CERTIFICATE", "A client certificate of the gateway's authority is required.", "Connect with TLS and the certificate that was issued to you.",
   "TRA10", "ACCOUNT_INVALID", "The account cannot be made or changed like this.", "DETAIL names the rule that it breaks; names are unique.",
   "TRA11", "LICENSE_INVALID", "The license cannot be issued like this.", "DETAIL names the rule that it breaks.",
   "TRA12", "LICENSE_ENDS_SOON", "The license expires soon and has no successor.", "Rotate it with access.rotate_license; both are valid until it ends.",
   "TRS01", "REPLAY", "This sequence number was used for other bytes, or its epoch is over.", "Never reuse a number; if the counter was lost, Resync to a new epoch.",
   "TRS02", "GAP", "Signals before this one are missing.", "Resend from Ack.next_seq.",
   "TRS03", "BAD_SIGNATURE", "The tag does not sign these bytes.", "HMAC-SHA256 over exactly the bytes sent, with the stream's key.",
   "TRS04", "STALE", "The signal is too old to raise exposure.", "Check the clock against HeartbeatAck.plane_time_us and the network; do not resend it.",
   "TRS05", "FUTURE", "The signal was sent in the future.", "Stamp sent_at_us with the plane's time: HeartbeatAck.plane_time_us.",
   "TRS06", "RATE_LIMITED", "The stream raises exposure faster than its limit.", "Slow down; what manages or cuts exposure is not limited.",
   "TRS08", "HALTED", "Trading is halted by an operator; nothing may raise exposure.", "Wait for the halt to be lifted; closes still pass.",
   "TRS09", "MALFORMED", "The signal lacks what its action needs.", "See the table of actions in docs/protocol.md.",
   "TRS10", "UNKNOWN_STREAM", "There is no such stream of this account, or it was not opened.", "Check the name, then send OpenStream first.",
   "TRS11", "UNKNOWN_SYMBOL", "The stream does not trade this symbol.", "Define it with signals.define_instrument; case matters.",
   "TRS12", "VOLUME_INVALID", "The volume must be positive.", "Volumes are integers in 1e-8 lots.",
   "TRS13", "VOLUME_STEP", "The volume is not a multiple of the symbol's step.", "Round to the step of the symbol specification.",
   "TRS14", "VOLUME_RANGE", "The volume is outside the symbol's limits.", "Stay between minimum and maximum of the symbol specification.",
   "TRS15", "PRICE_INVALID", "A price is missing, negative or absurd.", "Prices are integers in 1e-8; stops may be 0 for none.",
   "TRS16", "POSITION_MISSING", "The signal names no position.", "Set position_id to the master's ticket.",
   "TRS17", "UNKNOWN_SUBSCRIPTION", "There is no such subscription of this account, or it was not subscribed to here.", "Check the number, then send Subscribe first.",
   "TRS18", "DELIVERY_AHEAD", "The client claims deliveries that were never made.", "Its state belongs to another subscription or installation: reset it, or ask the operator.",
   "TRS19", "OLD_EPOCH", "A resync must raise the epoch.", "Use StreamOpened.epoch + 1.",
   "TRS20", "SETTINGS_INVALID", "The settings contradict themselves or are out of range.", "DETAIL names the rule that they break.",
   "TRS21", "CURSOR_AHEAD", "Dispatch was called from beyond the cursor.", "Read signals.routes again and feed from there.",
   "TRS22", "STREAM_CLOSED", "The stream is closed and takes no new exposure.", "Open another stream; closes still pass.",
   "TRS23", "TRANSITION_ILLEGAL", "The subscription cannot make this change from its state.", "signals.subscription_transitions lists what is legal.",
   "TRS24", "UNKNOWN_PORTFOLIO", "There is no such portfolio of this account, or it must be said which.", "Use the number that signals.create_portfolio or Subscribed gave.",
   "TRS25", "PROTECTION_INVALID", "The protection cannot be set like this.", "DETAIL names the rule that it breaks; a loss of one subscription in percent needs its capital setting.",
   "TRS26", "SPECIFICATION_INVALID", "A symbol specification is malformed; the list was not taken.", "The detail names symbol and rule; leave out what the broker does not really trade.",
   "TRS27", "ALREADY_SUBSCRIBED", "The portfolio follows this stream already.", "End that subscription first, or subscribe into another portfolio.",
   "TRS28", "PROTECTION_UNKNOWN", "There is no such protection, or it was not said who lifts it and why.", "signals.protections lists them; give actor and reason.",
   "TRS29", "NEWS_INVALID", "The news cannot be entered like this.", "DETAIL names the rule that it breaks.",
   "TRS30", "UNANSWERED", "What cuts or manages exposure was delivered and is not answered.", "signals.overdue has all of them. Look at the terminal. In state DELIVERED, ACKNOWLEDGED or UNKNOWN it can be settled with signals.settle; what was answered and is not done is told again by the clock.",
   "TRS31", "PROTECTION_TRIGGERED", "A limit on loss was reached.", "DETAIL has limit and equity; signals.lift_protection lets it go.",
   "TRS32", "STREAM_INVALID", "The stream cannot be made like this.", "DETAIL names the rule that it breaks; names are unique.",
   "TRS33", "INSTRUMENT_INVALID", "The instrument cannot be defined like this.", "DETAIL names the rule that it breaks.",
   "TRS34", "PORTFOLIO_INVALID", "The portfolio or its symbol map cannot be made like this.", "DETAIL names the rule that it breaks; names are unique within the account.",
   "TRS35", "PROTECTION_LIFTED", "A limit on loss was lifted or removed.", "DETAIL has who and why.",
   "TRS36", "PERIOD_INVALID", "The period is empty, backwards or too long.", "From before to, at most 31 days apart.",
   "TRS37", "CATCH_UP_FAILED", "A subscription could not be caught up.", "DETAIL has the error of the database; the next round tries again.",
   "TRS38", "PROVIDER_DISTRUSTED", "The provider's trust is under 50, so nothing may raise exposure.", "It regains 10 points for each 24 hours without an incident, or trust.reset sets it; closes still pass.",
   "TRS39", "STREAM_HALTED", "The stream is halted by an operator; nothing of it may raise exposure.", "Wait for the halt to be lifted; closes still pass.",
   "TRS40", "ACCOUNT_HALTED", "The provider's account is halted by an operator; none of its streams may raise exposure.", "Wait for the halt to be lifted; closes still pass.",
   "TRS41", "SYMBOL_HALTED", "The symbol is halted by an operator; nothing in it may raise exposure.", "Wait for the halt to be lifted; closes still pass.",
   "TRS42", "HALT_INVALID", "There is nothing that could be halted like this, or it was not said who does it and why.", "DETAIL names the rule that it breaks: a scope, what it names as ops.halts has it, actor and reason.",
   "TRS43", "EVENT_INVALID", "The protection event cannot be recorded like this.", "DETAIL names the rule that it breaks; codes of the plane are not for terminals, but for TRG.",
   "TRR01", "UNKNOWN_DELIVERY", "There is no such delivery of this subscription.", "Report with the delivery_seq that was received.",
   "TRR02", "REPORT_CONFLICT", "Another report was recorded for this delivery.", "The first report stands, in signals.reports; what was refused is in signals.protection_events.",
   "TRR03", "REPORT_MALFORMED", "The report lacks what its status needs, or the book what a holding needs.", "EXECUTED needs a ticket and no code, and price and volume for OPEN, PLACE, CLOSE and a PARTIAL_CLOSE that traded; the other statuses need a code; a holding needs ticket, symbol, side and volume.",
   "TRR04", "TICKET_USED", "This ticket opened another position already.", "One opening, one ticket: report the ticket of this order.",
   "TRR05", "OVERFILLED", "More was opened than was decided.", "It is recorded as it is, and the excess is cut by the next catch-up.",
   "TRR06", "NOT_AT_THE_BROKER", "It was found that this was not done: by the broker's book, or by an operator.", "signals.reports.settled_by says who; catch-up tries again what has to be tried again.",
   "TRR07", "NOTHING_TO_SETTLE", "There is no such delivery in doubt, or it cannot be settled like this.", "Say EXECUTED with the lots that were traded or FAILED, who says so, and why.",
   "TRR08", "SETTLED_BY_OPERATOR", "An operator settled a delivery that was in doubt.", "DETAIL has who and why.",
   "TRB01", "AMOUNT_INVALID", "The amount must be above zero and below 1e15.", "Direction is in the function that is called, never in a sign.",
   "TRB02", "UNKNOWN_CURRENCY", "The plane does not keep money of this currency.", "billing.currencies lists what it keeps; case matters.",
   "TRB03", "TOO_MANY_DECIMALS", "The amount has more decimals than its currency.", "Round it to the digits of billing.currencies.",
   "TRB04", "INSUFFICIENT_FUNDS", "The account does not have so much available.", "Available is the balance less what is held; DETAIL names the account.",
   "TRB05", "KEY_REUSED", "This idempotency key was used for something else.", "One key, one request: repeat it unchanged or use another key.",
   "TRB06", "HOLD_SETTLED", "The hold was posted, voided or has expired before.", "DETAIL has its status; what was charged is given back with billing.refund.",
   "TRB07", "ALREADY_REVERSED", "This transfer was taken back before.", "DETAIL names it; a transfer is taken back once.",
   "TRB08", "UNKNOWN_WALLET", "There is no such account in the ledger.", "Open a wallet with billing.open_wallet; earnings come with the first sweep.",
   "TRB09", "LEDGER_APPEND_ONLY", "What was written to the ledger or settled is never changed.", "Correct it with billing.correct, which makes a counter-entry.",
   "TRB10", "HIGH_WATER_MARK", "The high-water mark never falls.", "Profit is charged once; give a fee back with billing.correct.",
   "TRB11", "FEE_PLAN_INVALID", "The fee plan cannot be written or assigned like this.", "DETAIL names the rule that it breaks.",
   "TRB12", "UNKNOWN_TRANSFER", "There is no such transfer that could be taken back.", "billing.entries has its number; sweeps are undone by nobody.",
   "TRB13", "REQUEST_INVALID", "It was not said who asks, why, or under which key.", "Give actor and key, at most 200 characters, and a reason for what is taken back.",
   "TRG01", "TTL_EXPIRED", "The delivery arrived too late to raise exposure.", "Check the path between gateway and terminal.",
   "TRG02", "PRICE_DEVIATION", "The market had moved further than the subscription allows.", "Widen max_deviation_points, or accept the miss.",
   "TRG03", "NO_POSITION", "There is no open copy of this position.", "Expected when its opening was refused.",
   "TRG04", "BROKER_REJECTED", "The broker refused the order.", "The terminal's journal has the broker's reason.",
   "TRG05", "MARGIN_TOO_LOW", "The order needs more margin than is free, or what it needs cannot be known.", "Deposit, or copy smaller lots: multiplier, volume_max.",
   "TRG06", "ORDER_UNANSWERED", "The order was sent, and the broker did not answer.", "Report again when it does, or send the Book.",
   "TRG07", "NOT_SYNCED", "The plane had decided it before the subscription came into a state in which nothing is opened.", "Nothing for this one: the plane says what the state comes from, and opens again when it is SYNCED.",
   "TRD01", "DATABASE_AWAY", "The database cannot be reached; nothing was decided.", "Resend the same bytes in a moment.",
   "TRD02", "OUTCOME_UNKNOWN", "The database went away in mid-call; it may or may not have committed.", "Resend the same bytes: the original verdict comes back.",
   "TRD03", "SERVER_TOO_OLD", "The PostgreSQL server is older than 17.", "Use a server of version 17 or newer.",
   "TRD04", "NOT_DEPLOYED", "The database does not hold the plane's schema.", "Run: ecp deploy",
   "TRD05", "VERSION_MISMATCH", "The database holds another version of the schema.", "Run: ecp status, then ecp deploy",
   "TRD06", "MIGRATION_CHANGED", "An applied migration was changed or removed.", "Restore the file; put the change into a new migration.",
   "TRD07", "ORPHAN_IN_USE", "An object that no file owns is still used by another.", "Remove what depends on it first; DETAIL names it.",
   "TRD08", "DEPLOY_BUSY", "Another deploy is running, or a lock could not be had.", "Try again when it has finished.",
   "TRD09", "STACK_UNAVAILABLE", "The Postgres stack of this checkout cannot be set up or started.", "The message names the step; its log has the rest.",
   "TRD10", "FILES_INCONSISTENT", "The files of db/ contradict each other or their names.", "The message names the file.",
   "TRD11", "FILE_FAILED", "A file of db/ does not run; everything was rolled back.", "The message names file and line.",
   "TRD12", "CHECK_FAILED", "plpgsql_check does not accept a function; everything was rolled back.", "The message names function and line.",
   "TRD13", "PORT_TAKEN", "The gateway cannot listen on its address.", "Choose another --port or --http-port, or stop what listens there.",
   "TRD14", "GATEWAY_NOT_STARTED", "The gateway of the demo or the bench did not start.", "Its own message says why.",
   "TRD15", "BARS_UNREADABLE", "The file given by --bars is not what can be played.", "The message names line and reason.",
   "TRD16", "GATEWAY_GONE", "The gateway went away under the demo.", "Its log says why.",
   "TRD17", "SETTING_INVALID", "There is no such setting, or it cannot be set to this.", "ops.settings lists them with the least that each may be; say who and why.",
   "TRD18", "PEER_UNAVAILABLE", "A program that a bench or a test needs beside the plane, such as Redis, promtool or chromium, cannot be installed or started.", "As root: apt-get install the Debian package that the message names.",
   "TRD19", "TOO_FEW_DESCRIPTORS", "The system does not allow as many open files as the bench needs connections.", "Raise the limit with ulimit -Hn, or give fewer --subscribers.",
   "TRD20", "COMPILER_UNAVAILABLE", "g++ or the headers of OpenSSL are missing, and cannot be installed from here.", "As root: apt-get install g++ libssl-dev.",
   "TRD21", "PROGRAM_REFUSED", "An MQL5 source cannot be compiled by g++.", "The message names file and line.",
   "TRD22", "NOTHING_FOUND", "There is nothing of this number or name.", "The command list beside it shows what there is."
};
// clang-format on

// Where a code stands in ErrorTexts, -1: it is not one of these. Name, what happened and what to do follow it.
int ErrorRow(const string code)
{
   for(int row = 0; row < ArraySize(ErrorTexts); row += 4)
      if(ErrorTexts[row] == code)
         return row;
   return -1;
}
