// The messages of gateway/ecp.proto, by its names. docs/protocol.md says what they mean. Fields that end in _e8 are
// integers in units of 1e-8, those in _us microseconds since 1970 UTC by the plane's clock.
// Whoever makes one clears it with ZeroMemory first.

// The number of the field of Frame.body, which says what a frame is.
enum ENUM_ECP_FRAME
{
   ECP_FRAME_NONE = 0,
   ECP_FRAME_HELLO = 2,
   ECP_FRAME_OPEN_STREAM = 3,
   ECP_FRAME_PUBLISH = 4,
   ECP_FRAME_RESYNC = 5,
   ECP_FRAME_SUBSCRIBE = 6,
   ECP_FRAME_RESEND = 7,
   ECP_FRAME_REPORTS = 8,
   ECP_FRAME_HEARTBEAT = 9,
   ECP_FRAME_LOGOUT = 10,
   ECP_FRAME_BOOK = 11,
   ECP_FRAME_ACCOUNT_STATE = 12,
   ECP_FRAME_SPECIFICATIONS = 13,
   ECP_FRAME_WELCOME = 20,
   ECP_FRAME_STREAM_OPENED = 21,
   ECP_FRAME_ACK = 22,
   ECP_FRAME_SUBSCRIBED = 23,
   ECP_FRAME_DELIVERIES = 24,
   ECP_FRAME_REPORT_ACK = 25,
   ECP_FRAME_HEARTBEAT_ACK = 26,
   ECP_FRAME_ERROR = 27,
   ECP_FRAME_GOODBYE = 28,
   ECP_FRAME_BOOK_ACK = 29,
   ECP_FRAME_ACCOUNT_STATE_ACK = 30,
   ECP_FRAME_SPECIFICATIONS_ACK = 31
};

enum ENUM_ECP_ACTION
{
   ECP_OPEN = 1,
   ECP_MODIFY = 2,
   ECP_CLOSE = 3,
   ECP_PARTIAL_CLOSE = 4,
   ECP_PLACE = 5,
   ECP_AMEND = 6,
   ECP_CANCEL = 7,
   ECP_SNAPSHOT = 8
};

enum ENUM_ECP_SIDE
{
   ECP_BUY = 1,
   ECP_SELL = 2
};

enum ENUM_ECP_ORDER_TYPE
{
   ECP_MARKET = 0,
   ECP_LIMIT = 1,
   ECP_STOP = 2,
   ECP_STOP_LIMIT = 3
};

enum ENUM_ECP_VERDICT
{
   ECP_ACCEPTED = 1,
   ECP_DUPLICATE = 2,
   ECP_REPLAY = 3,
   ECP_GAP = 4,
   ECP_BAD_SIGNATURE = 5,
   ECP_STALE = 6,
   ECP_FUTURE = 7,
   ECP_RATE_LIMITED = 8,
   ECP_NOT_ALLOWED = 9,
   ECP_HALTED = 10,
   ECP_MALFORMED = 11,
   ECP_UNDECIDED = 15
};

enum ENUM_ECP_STATUS
{
   ECP_EXECUTED = 1,
   ECP_REJECTED = 2,
   ECP_FAILED = 3,
   ECP_UNKNOWN = 4
};

enum ENUM_ECP_REPORT_VERDICT
{
   ECP_REPORT_RECORDED = 1,
   ECP_REPORT_DUPLICATE = 2,
   ECP_REPORT_CONFLICT = 3,
   ECP_REPORT_UNKNOWN = 4,
   ECP_REPORT_NOT_ALLOWED = 5,
   ECP_REPORT_MALFORMED = 6,
   ECP_REPORT_UNDECIDED = 15
};

enum ENUM_ECP_ACCOUNT_MODE
{
   ECP_MODE_UNSPECIFIED = 0,
   ECP_HEDGING = 1,
   ECP_NETTING = 2
};

enum ENUM_ECP_TRADE_MODE
{
   ECP_TRADE_FULL = 0,
   ECP_TRADE_LONG_ONLY = 1,
   ECP_TRADE_SHORT_ONLY = 2,
   ECP_TRADE_CLOSE_ONLY = 3,
   ECP_TRADE_DISABLED = 4
};

// Client to plane

struct SHello
{
   uint protocol;
   string token;
   uchar instance[];
   string client;
   long client_time_us;
};

struct SPosition
{
   ulong position_id;
   string symbol;
   int side;
   long volume_e8;
   long price_e8;
   long stop_loss_e8;
   long take_profit_e8;
   int order_type;
   long magic;
   long opened_at_us;
};

struct SSignal
{
   ulong stream_id;
   uint epoch;
   ulong seq;
   int action;
   string symbol;
   int side;
   ulong position_id;
   long volume_e8;
   long price_e8;
   long stop_loss_e8;
   long take_profit_e8;
   long sent_at_us;
   long magic;
   int order_type;
   SPosition book[];
   long balance_e8;
   long equity_e8;
};

struct SSignedSignal
{
   ulong seq; // not on the wire: whose bytes these are
   uchar signal[];
   uchar tag[];
};

struct SReport
{
   ulong subscription_id;
   ulong delivery_seq;
   int status;
   string code;
   ulong ticket;
   long price_e8;
   long volume_e8;
   long received_at_us;
   long executed_at_us;
};

struct SHolding
{
   ulong ticket;
   ulong position_id;
   ulong delivery_seq;
   string symbol;
   int side;
   long volume_e8;
   long price_e8;
   long stop_loss_e8;
   long take_profit_e8;
   int order_type;
};

struct SSubscriptionState
{
   ulong subscription_id;
   ulong last_processed;
   long profit_e8;
};

struct SAccountState
{
   ulong portfolio_id;
   long balance_e8;
   long equity_e8;
   long broker_time_us;
   SSubscriptionState subscriptions[];
};

struct SSpecification
{
   string symbol;
   uint digits;
   long contract_size_e8;
   long volume_min_e8;
   long volume_max_e8;
   long volume_step_e8;
   long tick_size_e8;
   long tick_value_e8;
   string base_currency;
   string profit_currency;
   int trade_mode;
};

// Plane to client

struct SRefusal
{
   uint index;
   string code;
   string message;
   string hint;
};

struct SWelcome
{
   uchar session[];
   string account;
   string purpose;
   long plane_time_us;
   uint heartbeat_ms;
   uint max_frame_bytes;
};

struct SStreamOpened
{
   ulong stream_id;
   string stream;
   uint epoch;
   ulong last_seq;
   uint ttl_ms;
};

struct SAck
{
   ulong stream_id;
   uint epoch;
   ulong next_seq;
   ulong seqs[];
   int verdicts[];
   int originals[];
   SRefusal refusals[];
   long decided_at_us;
};

struct SSubscribed
{
   ulong subscription_id;
   string stream;
   ulong delivery_seq;
   string state;
   ulong portfolio_id;
   int mode;
};

struct SDelivery
{
   ulong subscription_id;
   ulong delivery_seq;
   ulong stream_id;
   uint epoch;
   ulong seq;
   bool possible_duplicate;
   bool gap_fill;
   int action;
   string symbol;
   int side;
   ulong position_id;
   long volume_e8;
   long price_e8;
   long stop_loss_e8;
   long take_profit_e8;
   long max_deviation_e8;
   long sent_at_us;
   long expires_at_us;
   long magic;
   int order_type;
   long worst_price_e8;
   long held_volume_e8;
   ulong ticket;
};

struct SReportAck
{
   ulong subscription_ids[];
   ulong delivery_seqs[];
   int verdicts[];
   SRefusal refusals[];
};

struct SBookAck
{
   ulong subscription_id;
   uint settled;
   uint differences;
   ulong delivery_seq;
};

struct SResolution
{
   string master_symbol;
   string symbol;
   string reason;
};

struct SError
{
   string code;
   string message;
   string detail;
   string hint;
   bool fatal;
};

// What raises exposure is held to age, price and funds. All else is never refused for any of them.
bool RaisesExposure(const int action)
{
   return action == ECP_OPEN || action == ECP_PLACE;
}

bool CutsExposure(const int action)
{
   return action == ECP_CLOSE || action == ECP_PARTIAL_CLOSE || action == ECP_CANCEL;
}

string ActionName(const int action)
{
   switch(action)
   {
   case ECP_OPEN:
      return "OPEN";
   case ECP_MODIFY:
      return "MODIFY";
   case ECP_CLOSE:
      return "CLOSE";
   case ECP_PARTIAL_CLOSE:
      return "PARTIAL_CLOSE";
   case ECP_PLACE:
      return "PLACE";
   case ECP_AMEND:
      return "AMEND";
   case ECP_CANCEL:
      return "CANCEL";
   case ECP_SNAPSHOT:
      return "SNAPSHOT";
   }
   return "action " + IntegerToString(action);
}
