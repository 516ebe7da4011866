from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_UNSPECIFIED: _ClassVar[Action]
    OPEN: _ClassVar[Action]
    MODIFY: _ClassVar[Action]
    CLOSE: _ClassVar[Action]
    PARTIAL_CLOSE: _ClassVar[Action]
    PLACE: _ClassVar[Action]
    AMEND: _ClassVar[Action]
    CANCEL: _ClassVar[Action]
    SNAPSHOT: _ClassVar[Action]

class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIDE_UNSPECIFIED: _ClassVar[Side]
    BUY: _ClassVar[Side]
    SELL: _ClassVar[Side]

class OrderType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARKET: _ClassVar[OrderType]
    LIMIT: _ClassVar[OrderType]
    STOP: _ClassVar[OrderType]
    STOP_LIMIT: _ClassVar[OrderType]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    ACCEPTED: _ClassVar[Verdict]
    DUPLICATE: _ClassVar[Verdict]
    REPLAY: _ClassVar[Verdict]
    GAP: _ClassVar[Verdict]
    BAD_SIGNATURE: _ClassVar[Verdict]
    STALE: _ClassVar[Verdict]
    FUTURE: _ClassVar[Verdict]
    RATE_LIMITED: _ClassVar[Verdict]
    NOT_ALLOWED: _ClassVar[Verdict]
    HALTED: _ClassVar[Verdict]
    MALFORMED: _ClassVar[Verdict]
    UNDECIDED: _ClassVar[Verdict]

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    EXECUTED: _ClassVar[Status]
    REJECTED: _ClassVar[Status]
    FAILED: _ClassVar[Status]
    UNKNOWN: _ClassVar[Status]

class ReportVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPORT_VERDICT_UNSPECIFIED: _ClassVar[ReportVerdict]
    RECORDED: _ClassVar[ReportVerdict]
    REPORT_DUPLICATE: _ClassVar[ReportVerdict]
    REPORT_CONFLICT: _ClassVar[ReportVerdict]
    REPORT_UNKNOWN: _ClassVar[ReportVerdict]
    REPORT_NOT_ALLOWED: _ClassVar[ReportVerdict]
    REPORT_MALFORMED: _ClassVar[ReportVerdict]
    REPORT_UNDECIDED: _ClassVar[ReportVerdict]

class AccountMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_MODE_UNSPECIFIED: _ClassVar[AccountMode]
    HEDGING: _ClassVar[AccountMode]
    NETTING: _ClassVar[AccountMode]

class TradeMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FULL: _ClassVar[TradeMode]
    LONG_ONLY: _ClassVar[TradeMode]
    SHORT_ONLY: _ClassVar[TradeMode]
    CLOSE_ONLY: _ClassVar[TradeMode]
    DISABLED: _ClassVar[TradeMode]
ACTION_UNSPECIFIED: Action
OPEN: Action
MODIFY: Action
CLOSE: Action
PARTIAL_CLOSE: Action
PLACE: Action
AMEND: Action
CANCEL: Action
SNAPSHOT: Action
SIDE_UNSPECIFIED: Side
BUY: Side
SELL: Side
MARKET: OrderType
LIMIT: OrderType
STOP: OrderType
STOP_LIMIT: OrderType
VERDICT_UNSPECIFIED: Verdict
ACCEPTED: Verdict
DUPLICATE: Verdict
REPLAY: Verdict
GAP: Verdict
BAD_SIGNATURE: Verdict
STALE: Verdict
FUTURE: Verdict
RATE_LIMITED: Verdict
NOT_ALLOWED: Verdict
HALTED: Verdict
MALFORMED: Verdict
UNDECIDED: Verdict
STATUS_UNSPECIFIED: Status
EXECUTED: Status
REJECTED: Status
FAILED: Status
UNKNOWN: Status
REPORT_VERDICT_UNSPECIFIED: ReportVerdict
RECORDED: ReportVerdict
REPORT_DUPLICATE: ReportVerdict
REPORT_CONFLICT: ReportVerdict
REPORT_UNKNOWN: ReportVerdict
REPORT_NOT_ALLOWED: ReportVerdict
REPORT_MALFORMED: ReportVerdict
REPORT_UNDECIDED: ReportVerdict
ACCOUNT_MODE_UNSPECIFIED: AccountMode
HEDGING: AccountMode
NETTING: AccountMode
FULL: TradeMode
LONG_ONLY: TradeMode
SHORT_ONLY: TradeMode
CLOSE_ONLY: TradeMode
DISABLED: TradeMode

class Wire(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    def __init__(self, frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("id", "hello", "open_stream", "publish", "resync", "subscribe", "resend", "reports", "heartbeat", "logout", "book", "account_state", "specifications", "welcome", "stream_opened", "ack", "subscribed", "deliveries", "report_ack", "heartbeat_ack", "error", "goodbye", "book_ack", "account_state_ack", "specifications_ack")
    ID_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    OPEN_STREAM_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    RESYNC_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    RESEND_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    LOGOUT_FIELD_NUMBER: _ClassVar[int]
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_STATE_FIELD_NUMBER: _ClassVar[int]
    SPECIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    STREAM_OPENED_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBED_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    REPORT_ACK_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_ACK_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    BOOK_ACK_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_STATE_ACK_FIELD_NUMBER: _ClassVar[int]
    SPECIFICATIONS_ACK_FIELD_NUMBER: _ClassVar[int]
    id: int
    hello: Hello
    open_stream: OpenStream
    publish: Publish
    resync: Resync
    subscribe: Subscribe
    resend: Resend
    reports: Reports
    heartbeat: Heartbeat
    logout: Logout
    book: Book
    account_state: AccountState
    specifications: Specifications
    welcome: Welcome
    stream_opened: StreamOpened
    ack: Ack
    subscribed: Subscribed
    deliveries: Deliveries
    report_ack: ReportAck
    heartbeat_ack: HeartbeatAck
    error: Error
    goodbye: Goodbye
    book_ack: BookAck
    account_state_ack: AccountStateAck
    specifications_ack: SpecificationsAck
    def __init__(self, id: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., open_stream: _Optional[_Union[OpenStream, _Mapping]] = ..., publish: _Optional[_Union[Publish, _Mapping]] = ..., resync: _Optional[_Union[Resync, _Mapping]] = ..., subscribe: _Optional[_Union[Subscribe, _Mapping]] = ..., resend: _Optional[_Union[Resend, _Mapping]] = ..., reports: _Optional[_Union[Reports, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., logout: _Optional[_Union[Logout, _Mapping]] = ..., book: _Optional[_Union[Book, _Mapping]] = ..., account_state: _Optional[_Union[AccountState, _Mapping]] = ..., specifications: _Optional[_Union[Specifications, _Mapping]] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., stream_opened: _Optional[_Union[StreamOpened, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., subscribed: _Optional[_Union[Subscribed, _Mapping]] = ..., deliveries: _Optional[_Union[Deliveries, _Mapping]] = ..., report_ack: _Optional[_Union[ReportAck, _Mapping]] = ..., heartbeat_ack: _Optional[_Union[HeartbeatAck, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., goodbye: _Optional[_Union[Goodbye, _Mapping]] = ..., book_ack: _Optional[_Union[BookAck, _Mapping]] = ..., account_state_ack: _Optional[_Union[AccountStateAck, _Mapping]] = ..., specifications_ack: _Optional[_Union[SpecificationsAck, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "token", "instance", "client", "client_time_us")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_TIME_US_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    token: str
    instance: bytes
    client: str
    client_time_us: int
    def __init__(self, protocol: _Optional[int] = ..., token: _Optional[str] = ..., instance: _Optional[bytes] = ..., client: _Optional[str] = ..., client_time_us: _Optional[int] = ...) -> None: ...

class OpenStream(_message.Message):
    __slots__ = ("stream",)
    STREAM_FIELD_NUMBER: _ClassVar[int]
    stream: str
    def __init__(self, stream: _Optional[str] = ...) -> None: ...

class Signal(_message.Message):
    __slots__ = ("stream_id", "epoch", "seq", "action", "symbol", "side", "position_id", "volume_e8", "price_e8", "stop_loss_e8", "take_profit_e8", "sent_at_us", "magic", "order_type", "book", "balance_e8", "equity_e8")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    VOLUME_E8_FIELD_NUMBER: _ClassVar[int]
    PRICE_E8_FIELD_NUMBER: _ClassVar[int]
    STOP_LOSS_E8_FIELD_NUMBER: _ClassVar[int]
    TAKE_PROFIT_E8_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    MAGIC_FIELD_NUMBER: _ClassVar[int]
    ORDER_TYPE_FIELD_NUMBER: _ClassVar[int]
    BOOK_FIELD_NUMBER: _ClassVar[int]
    BALANCE_E8_FIELD_NUMBER: _ClassVar[int]
    EQUITY_E8_FIELD_NUMBER: _ClassVar[int]
    stream_id: int
    epoch: int
    seq: int
    action: Action
    symbol: str
    side: Side
    position_id: int
    volume_e8: int
    price_e8: int
    stop_loss_e8: int
    take_profit_e8: int
    sent_at_us: int
    magic: int
    order_type: OrderType
    book: _containers.RepeatedCompositeFieldContainer[Position]
    balance_e8: int
    equity_e8: int
    def __init__(self, stream_id: _Optional[int] = ..., epoch: _Optional[int] = ..., seq: _Optional[int] = ..., action: _Optional[_Union[Action, str]] = ..., symbol: _Optional[str] = ..., side: _Optional[_Union[Side, str]] = ..., position_id: _Optional[int] = ..., volume_e8: _Optional[int] = ..., price_e8: _Optional[int] = ..., stop_loss_e8: _Optional[int] = ..., take_profit_e8: _Optional[int] = ..., sent_at_us: _Optional[int] = ..., magic: _Optional[int] = ..., order_type: _Optional[_Union[OrderType, str]] = ..., book: _Optional[_Iterable[_Union[Position, _Mapping]]] = ..., balance_e8: _Optional[int] = ..., equity_e8: _Optional[int] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("position_id", "symbol", "side", "volume_e8", "price_e8", "stop_loss_e8", "take_profit_e8", "order_type", "magic", "opened_at_us")
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_E8_FIELD_NUMBER: _ClassVar[int]
    PRICE_E8_FIELD_NUMBER: _ClassVar[int]
    STOP_LOSS_E8_FIELD_NUMBER: _ClassVar[int]
    TAKE_PROFIT_E8_FIELD_NUMBER: _ClassVar[int]
    ORDER_TYPE_FIELD_NUMBER: _ClassVar[int]
    MAGIC_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_US_FIELD_NUMBER: _ClassVar[int]
    position_id: int
    symbol: str
    side: Side
    volume_e8: int
    price_e8: int
    stop_loss_e8: int
    take_profit_e8: int
    order_type: OrderType
    magic: int
    opened_at_us: int
    def __init__(self, position_id: _Optional[int] = ..., symbol: _Optional[str] = ..., side: _Optional[_Union[Side, str]] = ..., volume_e8: _Optional[int] = ..., price_e8: _Optional[int] = ..., stop_loss_e8: _Optional[int] = ..., take_profit_e8: _Optional[int] = ..., order_type: _Optional[_Union[OrderType, str]] = ..., magic: _Optional[int] = ..., opened_at_us: _Optional[int] = ...) -> None: ...

class SignedSignal(_message.Message):
    __slots__ = ("signal", "tag")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    signal: bytes
    tag: bytes
    def __init__(self, signal: _Optional[bytes] = ..., tag: _Optional[bytes] = ...) -> None: ...

class Publish(_message.Message):
    __slots__ = ("stream_id", "signals")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    stream_id: int
    signals: _containers.RepeatedCompositeFieldContainer[SignedSignal]
    def __init__(self, stream_id: _Optional[int] = ..., signals: _Optional[_Iterable[_Union[SignedSignal, _Mapping]]] = ...) -> None: ...

class Resync(_message.Message):
    __slots__ = ("intent", "tag")
    INTENT_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    intent: bytes
    tag: bytes
    def __init__(self, intent: _Optional[bytes] = ..., tag: _Optional[bytes] = ...) -> None: ...

class ResyncIntent(_message.Message):
    __slots__ = ("stream_id", "epoch", "sent_at_us")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    stream_id: int
    epoch: int
    sent_at_us: int
    def __init__(self, stream_id: _Optional[int] = ..., epoch: _Optional[int] = ..., sent_at_us: _Optional[int] = ...) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ("subscription_id", "last_processed")
    SUBSCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    subscription_id: int
    last_processed: int
    def __init__(self, subscription_id: _Optional[int] = ..., last_processed: _Optional[int] = ...) -> None: ...

class Resend(_message.Message):
    __slots__ = ("subscription_id", "last_processed")
    SUBSCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    subscription_id: int
    last_processed: int
    def __init__(self, subscription_id: _Optional[int] = ..., last_processed: _Optional[int] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("subscription_id", "delivery_seq", "status", "code", "ticket", "price_e8", "volume_e8", "received_at_us", "executed_at_us")
    SUBSCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_SEQ_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    PRICE_E8_FIELD_NUMBER: _ClassVar[int]
    VOLUME_E8_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    subscription_id: int
    delivery_seq: int
    status: Status
    code: str
    ticket: int
    price_e8: int
    volume_e8: int
    received_at_us: int
    executed_at_us: int
    def __init__(self, subscription_id: _Optional[int] = ..., delivery_seq: _Optional[int] = ..., status: _Optional[_Union[Status, str]] = ..., code: _Optional[str] = ..., ticket: _Optional[int] = ..., price_e8: _Optional[int] = ..., volume_e8: _Optional[int] = ..., received_at_us: _Optional[int] = ..., executed_at_us: _Optional[int] = ...) -> None: ...

class Reports(_message.Message):
    __slots__ = ("reports",)
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    def __init__(self, reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("client_time_us",)
    CLIENT_TIME_US_FIELD_NUMBER: _ClassVar[int]
    client_time_us: int
    def __init__(self, client_time_us: _Optional[int] = ...) -> None: ...

class Logout(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Book(_message.Message):
    __slots__ = ("subscription_id", "last_processed", "holdings")
    SUBSCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    HOLDINGS_FIELD_NUMBER: _ClassVar[int]
    subscription_id: int
    last_processed: int
    holdings: _containers.RepeatedCompositeFieldContainer[Holding]
    def __init__(self, subscription_id: _Optional[int] = ..., last_processed: _Optional[int] = ..., holdings: _Optional[_Iterable[_Union[Holding, _Mapping]]] = ...) -> None: ...

class Holding(_message.Message):
    __slots__ = ("ticket", "position_id", "delivery_seq", "symbol", "side", "volume_e8", "price_e8", "stop_loss_e8", "take_profit_e8", "order_type")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_SEQ_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_E8_FIELD_NUMBER: _ClassVar[int]
    PRICE_E8_FIELD_NUMBER: _ClassVar[int]
    STOP_LOSS_E8_FIELD_NUMBER: _ClassVar[int]
    TAKE_PROFIT_E8_FIELD_NUMBER: _ClassVar[int]
    ORDER_TYPE_FIELD_NUMBER: _ClassVar[int]
    ticket: int
    position_id: int
    delivery_seq: int
    symbol: str
    side: Side
    volume_e8: int
    price_e8: int
    stop_loss_e8: int
    take_profit_e8: int
    order_type: OrderType
    def __init__(self, ticket: _Optional[int] = ..., position_id: _Optional[int] = ..., delivery_seq: _Optional[int] = ..., symbol: _Optional[str] = ..., side: _Optional[_Union[Side, str]] = ..., volume_e8: _Optional[int] = ..., price_e8: _Optional[int] = ..., stop_loss_e8: _Optional[int] = ..., take_profit_e8: _Optional[int] = ..., order_type: _Optional[_Union[OrderType, str]] = ...) -> None: ...

class AccountState(_message.Message):
    __slots__ = ("portfolio_id", "balance_e8", "equity_e8", "broker_time_us", "subscriptions")
    PORTFOLIO_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_E8_FIELD_NUMBER: _ClassVar[int]
    EQUITY_E8_FIELD_NUMBER: _ClassVar[int]
    BROKER_TIME_US_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    portfolio_id: int
    balance_e8: int
    equity_e8: int
    broker_time_us: int
    subscriptions: _containers.RepeatedCompositeFieldContainer[SubscriptionState]
    def __init__(self, portfolio_id: _Optional[int] = ..., balance_e8: _Optional[int] = ..., equity_e8: _Optional[int] = ..., broker_time_us: _Optional[int] = ..., subscriptions: _Optional[_Iterable[_Union[SubscriptionState, _Mapping]]] = ...) -> None: ...

class SubscriptionState(_message.Message):
    __slots__ = ("subscription_id", "last_processed", "profit_e8")
    SUBSCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    PROFIT_E8_FIELD_NUMBER: _ClassVar[int]
    subscription_id: int
    last_processed: int
    profit_e8: int
    def __init__(self, subscription_id: _Optional[int] = ..., last_processed: _Optional[int] = ..., profit_e8: _Optional[int] = ...) -> None: ...

class Specifications(_message.Message):
    __slots__ = ("portfolio_id", "specifications")
    PORTFOLIO_ID_FIELD_NUMBER: _ClassVar[int]
    SPECIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    portfolio_id: int
    specifications: _containers.RepeatedCompositeFieldContainer[Specification]
    def __init__(self, portfolio_id: _Optional[int] = ..., specifications: _Optional[_Iterable[_Union[Specification, _Mapping]]] = ...) -> None: ...

class Specification(_message.Message):
    __slots__ = ("symbol", "digits", "contract_size_e8", "volume_min_e8", "volume_max_e8", "volume_step_e8", "tick_size_e8", "tick_value_e8", "base_currency", "profit_currency", "trade_mode")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    DIGITS_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_SIZE_E8_FIELD_NUMBER: _ClassVar[int]
    VOLUME_MIN_E8_FIELD_NUMBER: _ClassVar[int]
    VOLUME_MAX_E8_FIELD_NUMBER: _ClassVar[int]
    VOLUME_STEP_E8_FIELD_NUMBER: _ClassVar[int]
    TICK_SIZE_E8_FIELD_NUMBER: _ClassVar[int]
    TICK_VALUE_E8_FIELD_NUMBER: _ClassVar[int]
    BASE_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    PROFIT_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TRADE_MODE_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    digits: int
    contract_size_e8: int
    volume_min_e8: int
    volume_max_e8: int
    volume_step_e8: int
    tick_size_e8: int
    tick_value_e8: int
    base_currency: str
    profit_currency: str
    trade_mode: TradeMode
    def __init__(self, symbol: _Optional[str] = ..., digits: _Optional[int] = ..., contract_size_e8: _Optional[int] = ..., volume_min_e8: _Optional[int] = ..., volume_max_e8: _Optional[int] = ..., volume_step_e8: _Optional[int] = ..., tick_size_e8: _Optional[int] = ..., tick_value_e8: _Optional[int] = ..., base_currency: _Optional[str] = ..., profit_currency: _Optional[str] = ..., trade_mode: _Optional[_Union[TradeMode, str]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("session", "account", "purpose", "plane_time_us", "heartbeat_ms", "max_frame_bytes")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PLANE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_FRAME_BYTES_FIELD_NUMBER: _ClassVar[int]
    session: bytes
    account: str
    purpose: str
    plane_time_us: int
    heartbeat_ms: int
    max_frame_bytes: int
    def __init__(self, session: _Optional[bytes] = ..., account: _Optional[str] = ..., purpose: _Optional[str] = ..., plane_time_us: _Optional[int] = ..., heartbeat_ms: _Optional[int] = ..., max_frame_bytes: _Optional[int] = ...) -> None: ...

class StreamOpened(_message.Message):
    __slots__ = ("stream_id", "stream", "epoch", "last_seq", "ttl_ms")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    TTL_MS_FIELD_NUMBER: _ClassVar[int]
    stream_id: int
    stream: str
    epoch: int
    last_seq: int
    ttl_ms: int
    def __init__(self, stream_id: _Optional[int] = ..., stream: _Optional[str] = ..., epoch: _Optional[int] = ..., last_seq: _Optional[int] = ..., ttl_ms: _Optional[int] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("stream_id", "epoch", "next_seq", "seqs", "verdicts", "originals", "refusals", "decided_at_us")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQ_FIELD_NUMBER: _ClassVar[int]
    SEQS_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    ORIGINALS_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_US_FIELD_NUMBER: _ClassVar[int]
    stream_id: int
    epoch: int
    next_seq: int
    seqs: _containers.RepeatedScalarFieldContainer[int]
    verdicts: _containers.RepeatedScalarFieldContainer[Verdict]
    originals: _containers.RepeatedScalarFieldContainer[Verdict]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    decided_at_us: int
    def __init__(self, stream_id: _Optional[int] = ..., epoch: _Optional[int] = ..., next_seq: _Optional[int] = ..., seqs: _Optional[_Iterable[int]] = ..., verdicts: _Optional[_Iterable[_Union[Verdict, str]]] = ..., originals: _Optional[_Iterable[_Union[Verdict, str]]] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ..., decided_at_us: _Optional[int] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("index", "code", "message", "hint")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    index: int
    code: str
    message: str
    hint: str
    def __init__(self, index: _Optional[int] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., hint: _Optional[str] = ...) -> None: ...

class Subscribed(_message.Message):
    __slots__ = ("subscription_id", "stream", "delivery_seq", "state", "portfolio_id", "mode")
    SUBSCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_SEQ_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_ID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    subscription_id: int
    stream: str
    delivery_seq: int
    state: str
    portfolio_id: int
    mode: AccountMode
    def __init__(self, subscription_id: _Optional[int] = ..., stream: _Optional[str] = ..., delivery_seq: _Optional[int] = ..., state: _Optional[str] = ..., portfolio_id: _Optional[int] = ..., mode: _Optional[_Union[AccountMode, str]] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("subscription_id", "delivery_seq", "stream_id", "epoch", "seq", "possible_duplicate", "gap_fill", "action", "symbol", "side", "position_id", "volume_e8", "price_e8", "stop_loss_e8", "take_profit_e8", "max_deviation_e8", "sent_at_us", "expires_at_us", "magic", "order_type", "worst_price_e8", "held_volume_e8", "ticket")
    SUBSCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_SEQ_FIELD_NUMBER: _ClassVar[int]
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    POSSIBLE_DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    GAP_FILL_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    VOLUME_E8_FIELD_NUMBER: _ClassVar[int]
    PRICE_E8_FIELD_NUMBER: _ClassVar[int]
    STOP_LOSS_E8_FIELD_NUMBER: _ClassVar[int]
    TAKE_PROFIT_E8_FIELD_NUMBER: _ClassVar[int]
    MAX_DEVIATION_E8_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_US_FIELD_NUMBER: _ClassVar[int]
    MAGIC_FIELD_NUMBER: _ClassVar[int]
    ORDER_TYPE_FIELD_NUMBER: _ClassVar[int]
    WORST_PRICE_E8_FIELD_NUMBER: _ClassVar[int]
    HELD_VOLUME_E8_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    subscription_id: int
    delivery_seq: int
    stream_id: int
    epoch: int
    seq: int
    possible_duplicate: bool
    gap_fill: bool
    action: Action
    symbol: str
    side: Side
    position_id: int
    volume_e8: int
    price_e8: int
    stop_loss_e8: int
    take_profit_e8: int
    max_deviation_e8: int
    sent_at_us: int
    expires_at_us: int
    magic: int
    order_type: OrderType
    worst_price_e8: int
    held_volume_e8: int
    ticket: int
    def __init__(self, subscription_id: _Optional[int] = ..., delivery_seq: _Optional[int] = ..., stream_id: _Optional[int] = ..., epoch: _Optional[int] = ..., seq: _Optional[int] = ..., possible_duplicate: _Optional[bool] = ..., gap_fill: _Optional[bool] = ..., action: _Optional[_Union[Action, str]] = ..., symbol: _Optional[str] = ..., side: _Optional[_Union[Side, str]] = ..., position_id: _Optional[int] = ..., volume_e8: _Optional[int] = ..., price_e8: _Optional[int] = ..., stop_loss_e8: _Optional[int] = ..., take_profit_e8: _Optional[int] = ..., max_deviation_e8: _Optional[int] = ..., sent_at_us: _Optional[int] = ..., expires_at_us: _Optional[int] = ..., magic: _Optional[int] = ..., order_type: _Optional[_Union[OrderType, str]] = ..., worst_price_e8: _Optional[int] = ..., held_volume_e8: _Optional[int] = ..., ticket: _Optional[int] = ...) -> None: ...

class Deliveries(_message.Message):
    __slots__ = ("deliveries",)
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[Delivery]
    def __init__(self, deliveries: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ...) -> None: ...

class ReportAck(_message.Message):
    __slots__ = ("subscription_ids", "delivery_seqs", "verdicts", "refusals")
    SUBSCRIPTION_IDS_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_SEQS_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    subscription_ids: _containers.RepeatedScalarFieldContainer[int]
    delivery_seqs: _containers.RepeatedScalarFieldContainer[int]
    verdicts: _containers.RepeatedScalarFieldContainer[ReportVerdict]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    def __init__(self, subscription_ids: _Optional[_Iterable[int]] = ..., delivery_seqs: _Optional[_Iterable[int]] = ..., verdicts: _Optional[_Iterable[_Union[ReportVerdict, str]]] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ...) -> None: ...

class BookAck(_message.Message):
    __slots__ = ("subscription_id", "settled", "differences", "delivery_seq")
    SUBSCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_SEQ_FIELD_NUMBER: _ClassVar[int]
    subscription_id: int
    settled: int
    differences: int
    delivery_seq: int
    def __init__(self, subscription_id: _Optional[int] = ..., settled: _Optional[int] = ..., differences: _Optional[int] = ..., delivery_seq: _Optional[int] = ...) -> None: ...

class AccountStateAck(_message.Message):
    __slots__ = ("refusals",)
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    def __init__(self, refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ...) -> None: ...

class SpecificationsAck(_message.Message):
    __slots__ = ("portfolio_id", "resolutions")
    PORTFOLIO_ID_FIELD_NUMBER: _ClassVar[int]
    RESOLUTIONS_FIELD_NUMBER: _ClassVar[int]
    portfolio_id: int
    resolutions: _containers.RepeatedCompositeFieldContainer[Resolution]
    def __init__(self, portfolio_id: _Optional[int] = ..., resolutions: _Optional[_Iterable[_Union[Resolution, _Mapping]]] = ...) -> None: ...

class Resolution(_message.Message):
    __slots__ = ("master_symbol", "symbol", "reason")
    MASTER_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    master_symbol: str
    symbol: str
    reason: str
    def __init__(self, master_symbol: _Optional[str] = ..., symbol: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class HeartbeatAck(_message.Message):
    __slots__ = ("client_time_us", "plane_time_us")
    CLIENT_TIME_US_FIELD_NUMBER: _ClassVar[int]
    PLANE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    client_time_us: int
    plane_time_us: int
    def __init__(self, client_time_us: _Optional[int] = ..., plane_time_us: _Optional[int] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "detail", "hint", "fatal")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    FATAL_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    detail: str
    hint: str
    fatal: bool
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., detail: _Optional[str] = ..., hint: _Optional[str] = ..., fatal: _Optional[bool] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...
