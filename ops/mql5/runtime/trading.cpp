// What a program sees of the broker.
#include "trading.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "broker.hpp"
#include "options.hpp"

namespace mql {

namespace {

string text(const std::string &utf8) { return string::from_utf8(utf8); }
long seconds(long us) { return broker().server_us(us) / 1'000'000; }
long milliseconds(long us) { return broker().server_us(us) / 1000; }

// NULL and "" stand for the chart's symbol.
Instrument *known(const string &symbol) {
  Instrument *found = broker().instrument(symbol.length() == 0 ? Symbol().utf8() : symbol.utf8());
  if (found == nullptr) set_error(ERR_MARKET_UNKNOWN_SYMBOL);
  return found;
}

template <class T, class P, class F>
bool given(P property, T &value, F function) {
  ResetLastError();
  value = function(property);
  return GetLastError() == 0;
}

std::optional<Position> g_position;
std::optional<Order> g_order;
std::vector<Deal> g_deals;
std::vector<Order> g_orders;

const Position *selected_position() {
  if (g_position) return &*g_position;
  set_error(ERR_TRADE_POSITION_NOT_FOUND);
  return nullptr;
}
const Order *selected_order() {
  if (g_order) return &*g_order;
  set_error(ERR_TRADE_ORDER_NOT_FOUND);
  return nullptr;
}
const Deal *past_deal(ulong ticket) {
  const auto found = std::find_if(g_deals.begin(), g_deals.end(), [&](const Deal &deal) { return deal.ticket == ticket; });
  if (found != g_deals.end()) return &*found;
  set_error(ERR_TRADE_DEAL_NOT_FOUND);
  return nullptr;
}
const Order *past_order(ulong ticket) {
  const auto found = std::find_if(g_orders.begin(), g_orders.end(), [&](const Order &order) { return order.ticket == ticket; });
  if (found != g_orders.end()) return &*found;
  set_error(ERR_TRADE_ORDER_NOT_FOUND);
  return nullptr;
}

long integer_of(const Order &order, ENUM_ORDER_PROPERTY_INTEGER property) {
  switch (property) {
    case ORDER_TICKET: return static_cast<long>(order.ticket);
    case ORDER_TIME_SETUP: return seconds(order.placed_us);
    case ORDER_TIME_SETUP_MSC: return milliseconds(order.placed_us);
    case ORDER_TIME_DONE: return order.done_us ? seconds(order.done_us) : 0;
    case ORDER_TIME_DONE_MSC: return order.done_us ? milliseconds(order.done_us) : 0;
    case ORDER_TIME_EXPIRATION: return order.expires_s;
    case ORDER_TYPE: return order.type;
    case ORDER_STATE: return order.state;
    case ORDER_TYPE_FILLING: return order.filling;
    case ORDER_TYPE_TIME: return order.lifetime;
    case ORDER_MAGIC: return static_cast<long>(order.magic);
    case ORDER_REASON: return order.reason;
    case ORDER_POSITION_ID: return static_cast<long>(order.position);
    case ORDER_POSITION_BY_ID: return static_cast<long>(order.position_by);
  }
  set_error(ERR_TRADE_WRONG_PROPERTY);
  return 0;
}
double real_of(const Order &order, ENUM_ORDER_PROPERTY_DOUBLE property) {
  switch (property) {
    case ORDER_VOLUME_INITIAL: return from_units(order.volume);
    case ORDER_VOLUME_CURRENT: return from_units(order.left);
    case ORDER_PRICE_OPEN: return from_units(order.price);
    case ORDER_SL: return from_units(order.stop_loss);
    case ORDER_TP: return from_units(order.take_profit);
    case ORDER_PRICE_CURRENT: return from_units(broker().instrument(order.symbol)->to_open(order.buys()));
    case ORDER_PRICE_STOPLIMIT: return from_units(order.stop_limit);
  }
  set_error(ERR_TRADE_WRONG_PROPERTY);
  return 0;
}
string text_of(const Order &order, ENUM_ORDER_PROPERTY_STRING property) {
  return property == ORDER_SYMBOL ? text(order.symbol) : property == ORDER_COMMENT ? text(order.comment) : string(u"");
}

}  // namespace

// The account

long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER property) {
  const Broker &account = broker();
  switch (property) {
    case ACCOUNT_LOGIN: return account.login;
    case ACCOUNT_TRADE_MODE: return ACCOUNT_TRADE_MODE_DEMO;
    case ACCOUNT_LEVERAGE: return account.leverage;
    case ACCOUNT_LIMIT_ORDERS: return 200;
    case ACCOUNT_MARGIN_SO_MODE: return 0;
    case ACCOUNT_TRADE_ALLOWED: return account.trade_allowed && account.connected;
    case ACCOUNT_TRADE_EXPERT: return account.experts_allowed;
    case ACCOUNT_MARGIN_MODE: return account.netting ? ACCOUNT_MARGIN_MODE_RETAIL_NETTING : ACCOUNT_MARGIN_MODE_RETAIL_HEDGING;
    case ACCOUNT_CURRENCY_DIGITS: return 2;
    case ACCOUNT_FIFO_CLOSE: return 0;
    case ACCOUNT_HEDGE_ALLOWED: return !account.netting;
  }
  set_error(ERR_ACCOUNT_WRONG_PROPERTY);
  return 0;
}
double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE property) {
  const Broker &account = broker();
  const double equity = from_units(account.equity()), margin = from_units(account.margin());
  switch (property) {
    case ACCOUNT_BALANCE: return from_units(account.balance);
    case ACCOUNT_CREDIT: return 0;
    case ACCOUNT_PROFIT: return equity - from_units(account.balance);
    case ACCOUNT_EQUITY: return equity;
    case ACCOUNT_MARGIN: return margin;
    case ACCOUNT_MARGIN_FREE: return equity - margin;
    case ACCOUNT_MARGIN_LEVEL: return margin > 0 ? 100 * equity / margin : 0;
    case ACCOUNT_MARGIN_SO_CALL: return 100;
    case ACCOUNT_MARGIN_SO_SO: return 50;
  }
  set_error(ERR_ACCOUNT_WRONG_PROPERTY);
  return 0;
}
string AccountInfoString(ENUM_ACCOUNT_INFO_STRING property) {
  switch (property) {
    case ACCOUNT_NAME: return text(broker().owner);
    case ACCOUNT_SERVER: return text(broker().server);
    case ACCOUNT_CURRENCY: return text(broker().currency);
    case ACCOUNT_COMPANY: return text(broker().company);
  }
  set_error(ERR_ACCOUNT_WRONG_PROPERTY);
  return u"";
}

// Symbols

string Symbol() {
  if (!options().symbol.empty()) return text(options().symbol);
  return broker().names.empty() ? string(u"") : text(broker().names.front());
}
int Digits() { return static_cast<int>(SymbolInfoInteger(Symbol(), SYMBOL_DIGITS)); }
double Point() { return SymbolInfoDouble(Symbol(), SYMBOL_POINT); }
ENUM_TIMEFRAMES Period() { return PERIOD_H1; }

int SymbolsTotal(bool selected) {
  return static_cast<int>(std::count_if(broker().names.begin(), broker().names.end(), [&](const std::string &name) { return !selected || broker().instrument(name)->selected; }));
}
string SymbolName(int at, bool selected) {
  for (const std::string &name : broker().names)
    if ((!selected || broker().instrument(name)->selected) && at-- == 0) return text(name);
  set_error(ERR_MARKET_UNKNOWN_SYMBOL);
  return u"";
}
bool SymbolSelect(const string &symbol, bool select) {
  Instrument *found = known(symbol);
  if (found == nullptr) return false;
  found->selected = select;
  return true;
}
bool SymbolExist(const string &symbol, bool &is_custom) {
  is_custom = false;
  return broker().instrument(symbol.utf8()) != nullptr;
}
bool SymbolIsSynchronized(const string &symbol) { return known(symbol) != nullptr; }

long SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER property) {
  const Instrument *found = known(symbol);
  if (found == nullptr) return 0;
  switch (property) {
    case SYMBOL_SELECT:
    case SYMBOL_VISIBLE: return found->selected;
    case SYMBOL_EXIST: return 1;
    case SYMBOL_CUSTOM: return 0;
    case SYMBOL_DIGITS: return found->digits;
    case SYMBOL_SPREAD: return (found->ask - found->bid) / found->point();
    case SYMBOL_SPREAD_FLOAT: return 1;
    case SYMBOL_TRADE_CALC_MODE: return 0;
    case SYMBOL_TRADE_MODE: return found->trade_mode;
    case SYMBOL_TRADE_STOPS_LEVEL: return found->stops_level;
    case SYMBOL_TRADE_FREEZE_LEVEL: return 0;
    case SYMBOL_TRADE_EXEMODE: return found->instant ? SYMBOL_TRADE_EXECUTION_INSTANT : SYMBOL_TRADE_EXECUTION_MARKET;
    case SYMBOL_EXPIRATION_MODE: return 15;
    case SYMBOL_FILLING_MODE: return found->filling;
    case SYMBOL_ORDER_MODE: return 127;
    case SYMBOL_ORDER_GTC_MODE: return 0;
    case SYMBOL_TIME: return found->quoted_us ? seconds(found->quoted_us) : 0;
    case SYMBOL_TIME_MSC: return found->quoted_us ? milliseconds(found->quoted_us) : 0;
  }
  set_error(ERR_MARKET_WRONG_PROPERTY);
  return 0;
}
double SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE property) {
  const Instrument *found = known(symbol);
  if (found == nullptr) return 0;
  switch (property) {
    case SYMBOL_BID: return from_units(found->bid);
    case SYMBOL_ASK: return from_units(found->ask);
    case SYMBOL_LAST: return 0;
    case SYMBOL_POINT: return from_units(found->point());
    case SYMBOL_TRADE_TICK_VALUE:
    case SYMBOL_TRADE_TICK_VALUE_PROFIT:
    case SYMBOL_TRADE_TICK_VALUE_LOSS: return from_units(found->money(found->tick(), UNIT));
    case SYMBOL_TRADE_TICK_SIZE: return from_units(found->tick());
    case SYMBOL_TRADE_CONTRACT_SIZE: return from_units(found->contract);
    case SYMBOL_VOLUME_MIN: return from_units(found->volume_min);
    case SYMBOL_VOLUME_MAX: return from_units(found->volume_max);
    case SYMBOL_VOLUME_STEP: return from_units(found->volume_step);
    case SYMBOL_VOLUME_LIMIT:
    case SYMBOL_SWAP_LONG:
    case SYMBOL_SWAP_SHORT:
    case SYMBOL_MARGIN_INITIAL: return 0;
  }
  set_error(ERR_MARKET_WRONG_PROPERTY);
  return 0;
}
string SymbolInfoString(const string &symbol, ENUM_SYMBOL_INFO_STRING property) {
  const Instrument *found = known(symbol);
  if (found == nullptr) return u"";
  switch (property) {
    case SYMBOL_CURRENCY_BASE:
    case SYMBOL_CURRENCY_MARGIN: return text(found->base);
    case SYMBOL_CURRENCY_PROFIT: return text(found->profit);
    case SYMBOL_DESCRIPTION: return text(found->description);
    case SYMBOL_PATH: return text("Forex\\" + found->symbol);
  }
  set_error(ERR_MARKET_WRONG_PROPERTY);
  return u"";
}
bool SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER property, long &value) {
  return given(property, value, [&](auto asked) { return SymbolInfoInteger(symbol, asked); });
}
bool SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE property, double &value) {
  return given(property, value, [&](auto asked) { return SymbolInfoDouble(symbol, asked); });
}
bool SymbolInfoString(const string &symbol, ENUM_SYMBOL_INFO_STRING property, string &value) {
  return given(property, value, [&](auto asked) { return SymbolInfoString(symbol, asked); });
}
bool SymbolInfoTick(const string &symbol, MqlTick &tick) {
  const Instrument *found = known(symbol);
  if (found == nullptr) return false;
  if (found->bid <= 0) {
    set_error(ERR_MARKET_LASTTIME_UNKNOWN);
    return false;
  }
  tick = {seconds(found->quoted_us), from_units(found->bid), from_units(found->ask), 0, 0, milliseconds(found->quoted_us), 6, 0};
  return true;
}
bool SymbolInfoSessionTrade(const string &symbol, ENUM_DAY_OF_WEEK, uint session, datetime &from, datetime &to) {
  if (known(symbol) == nullptr || session != 0) return false;
  from = 0;
  to = 86400;
  return true;
}

// Positions

int PositionsTotal() { return static_cast<int>(broker().positions.size()); }
ulong PositionGetTicket(int at) {
  if (at >= 0 && at < PositionsTotal()) {
    g_position = std::next(broker().positions.begin(), at)->second;
    return g_position->ticket;
  }
  set_error(ERR_TRADE_POSITION_NOT_FOUND);
  return 0;
}
string PositionGetSymbol(int at) { return PositionGetTicket(at) != 0 ? text(g_position->symbol) : string(u""); }
bool PositionSelect(const string &symbol) {
  for (const auto &[ticket, held] : broker().positions)
    if (held.symbol == symbol.utf8()) {
      g_position = held;
      return true;
    }
  g_position.reset();
  set_error(ERR_TRADE_POSITION_NOT_FOUND);
  return false;
}
bool PositionSelectByTicket(ulong ticket) {
  const auto found = broker().positions.find(ticket);
  if (found != broker().positions.end()) {
    g_position = found->second;
    return true;
  }
  g_position.reset();
  set_error(ERR_TRADE_POSITION_NOT_FOUND);
  return false;
}
long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER property) {
  const Position *held = selected_position();
  if (held == nullptr) return 0;
  switch (property) {
    case POSITION_TICKET: return static_cast<long>(held->ticket);
    case POSITION_TIME: return seconds(held->opened_us);
    case POSITION_TIME_MSC: return milliseconds(held->opened_us);
    case POSITION_TIME_UPDATE: return seconds(held->changed_us);
    case POSITION_TIME_UPDATE_MSC: return milliseconds(held->changed_us);
    case POSITION_TYPE: return held->buys ? POSITION_TYPE_BUY : POSITION_TYPE_SELL;
    case POSITION_MAGIC: return static_cast<long>(held->magic);
    case POSITION_IDENTIFIER: return static_cast<long>(held->id);
    case POSITION_REASON: return held->reason;
  }
  set_error(ERR_TRADE_WRONG_PROPERTY);
  return 0;
}
double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE property) {
  const Position *held = selected_position();
  if (held == nullptr) return 0;
  switch (property) {
    case POSITION_VOLUME: return from_units(held->volume);
    case POSITION_PRICE_OPEN: return from_units(held->price);
    case POSITION_SL: return from_units(held->stop_loss);
    case POSITION_TP: return from_units(held->take_profit);
    case POSITION_PRICE_CURRENT: return from_units(broker().instrument(held->symbol)->to_close(held->buys));
    case POSITION_SWAP: return 0;
    case POSITION_PROFIT: return from_units(broker().profit(*held));
  }
  set_error(ERR_TRADE_WRONG_PROPERTY);
  return 0;
}
string PositionGetString(ENUM_POSITION_PROPERTY_STRING property) {
  const Position *held = selected_position();
  if (held == nullptr) return u"";
  return property == POSITION_SYMBOL ? text(held->symbol) : property == POSITION_COMMENT ? text(held->comment) : string(u"");
}
bool PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER property, long &value) {
  return given(property, value, [](auto asked) { return PositionGetInteger(asked); });
}
bool PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE property, double &value) {
  return given(property, value, [](auto asked) { return PositionGetDouble(asked); });
}
bool PositionGetString(ENUM_POSITION_PROPERTY_STRING property, string &value) {
  return given(property, value, [](auto asked) { return PositionGetString(asked); });
}

// Orders

int OrdersTotal() { return static_cast<int>(broker().orders.size()); }
ulong OrderGetTicket(int at) {
  if (at >= 0 && at < OrdersTotal()) {
    g_order = std::next(broker().orders.begin(), at)->second;
    return g_order->ticket;
  }
  set_error(ERR_TRADE_ORDER_NOT_FOUND);
  return 0;
}
bool OrderSelect(ulong ticket) {
  const auto found = broker().orders.find(ticket);
  if (found != broker().orders.end()) {
    g_order = found->second;
    return true;
  }
  g_order.reset();
  set_error(ERR_TRADE_ORDER_NOT_FOUND);
  return false;
}
long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER property) {
  const Order *order = selected_order();
  return order == nullptr ? 0 : integer_of(*order, property);
}
double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE property) {
  const Order *order = selected_order();
  return order == nullptr ? 0 : real_of(*order, property);
}
string OrderGetString(ENUM_ORDER_PROPERTY_STRING property) {
  const Order *order = selected_order();
  return order == nullptr ? string(u"") : text_of(*order, property);
}
bool OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER property, long &value) {
  return given(property, value, [](auto asked) { return OrderGetInteger(asked); });
}
bool OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE property, double &value) {
  return given(property, value, [](auto asked) { return OrderGetDouble(asked); });
}
bool OrderGetString(ENUM_ORDER_PROPERTY_STRING property, string &value) {
  return given(property, value, [](auto asked) { return OrderGetString(asked); });
}

// History: what was selected last, and nothing else, can be read.

bool HistorySelect(datetime from, datetime to) {
  g_deals.clear();
  g_orders.clear();
  for (const Deal &deal : broker().deals)
    if (seconds(deal.time_us) >= from && seconds(deal.time_us) <= to) g_deals.push_back(deal);
  for (const Order &order : broker().past_orders)
    if (seconds(order.placed_us) >= from && seconds(order.placed_us) <= to) g_orders.push_back(order);
  return true;
}
bool HistorySelectByPosition(long position) {
  g_deals.clear();
  g_orders.clear();
  for (const Deal &deal : broker().deals)
    if (deal.position == static_cast<ulong>(position) && deal.type <= DEAL_TYPE_SELL) g_deals.push_back(deal);
  for (const Order &order : broker().past_orders)
    if (order.position == static_cast<ulong>(position)) g_orders.push_back(order);
  return true;
}
int HistoryDealsTotal() { return static_cast<int>(g_deals.size()); }
ulong HistoryDealGetTicket(int at) {
  if (at >= 0 && at < HistoryDealsTotal()) return g_deals[static_cast<std::size_t>(at)].ticket;
  set_error(ERR_TRADE_DEAL_NOT_FOUND);
  return 0;
}
bool HistoryDealSelect(ulong ticket) {
  g_deals.clear();
  for (const Deal &deal : broker().deals)
    if (deal.ticket == ticket) g_deals.push_back(deal);
  if (!g_deals.empty()) return true;
  set_error(ERR_TRADE_DEAL_NOT_FOUND);
  return false;
}
long HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER property) {
  const Deal *deal = past_deal(ticket);
  if (deal == nullptr) return 0;
  switch (property) {
    case DEAL_TICKET: return static_cast<long>(deal->ticket);
    case DEAL_ORDER: return static_cast<long>(deal->order);
    case DEAL_TIME: return seconds(deal->time_us);
    case DEAL_TIME_MSC: return milliseconds(deal->time_us);
    case DEAL_TYPE: return deal->type;
    case DEAL_ENTRY: return deal->entry;
    case DEAL_MAGIC: return static_cast<long>(deal->magic);
    case DEAL_REASON: return deal->reason;
    case DEAL_POSITION_ID: return static_cast<long>(deal->position);
  }
  set_error(ERR_TRADE_WRONG_PROPERTY);
  return 0;
}
double HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE property) {
  const Deal *deal = past_deal(ticket);
  if (deal == nullptr) return 0;
  switch (property) {
    case DEAL_VOLUME: return from_units(deal->volume);
    case DEAL_PRICE: return from_units(deal->price);
    case DEAL_COMMISSION: return from_units(deal->commission);
    case DEAL_SWAP:
    case DEAL_FEE: return 0;
    case DEAL_PROFIT: return from_units(deal->profit);
    case DEAL_SL: return from_units(deal->stop_loss);
    case DEAL_TP: return from_units(deal->take_profit);
  }
  set_error(ERR_TRADE_WRONG_PROPERTY);
  return 0;
}
string HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING property) {
  const Deal *deal = past_deal(ticket);
  if (deal == nullptr) return u"";
  return property == DEAL_SYMBOL ? text(deal->symbol) : property == DEAL_COMMENT ? text(deal->comment) : string(u"");
}
bool HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER property, long &value) {
  return given(property, value, [&](auto asked) { return HistoryDealGetInteger(ticket, asked); });
}
bool HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE property, double &value) {
  return given(property, value, [&](auto asked) { return HistoryDealGetDouble(ticket, asked); });
}
bool HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING property, string &value) {
  return given(property, value, [&](auto asked) { return HistoryDealGetString(ticket, asked); });
}
int HistoryOrdersTotal() { return static_cast<int>(g_orders.size()); }
ulong HistoryOrderGetTicket(int at) {
  if (at >= 0 && at < HistoryOrdersTotal()) return g_orders[static_cast<std::size_t>(at)].ticket;
  set_error(ERR_TRADE_ORDER_NOT_FOUND);
  return 0;
}
bool HistoryOrderSelect(ulong ticket) {
  g_orders.clear();
  for (const Order &order : broker().past_orders)
    if (order.ticket == ticket) g_orders.push_back(order);
  if (!g_orders.empty()) return true;
  set_error(ERR_TRADE_ORDER_NOT_FOUND);
  return false;
}
long HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property) {
  const Order *order = past_order(ticket);
  return order == nullptr ? 0 : integer_of(*order, property);
}
double HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE property) {
  const Order *order = past_order(ticket);
  return order == nullptr ? 0 : real_of(*order, property);
}
string HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING property) {
  const Order *order = past_order(ticket);
  return order == nullptr ? string(u"") : text_of(*order, property);
}
bool HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property, long &value) {
  return given(property, value, [&](auto asked) { return HistoryOrderGetInteger(ticket, asked); });
}
bool HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE property, double &value) {
  return given(property, value, [&](auto asked) { return HistoryOrderGetDouble(ticket, asked); });
}
bool HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING property, string &value) {
  return given(property, value, [&](auto asked) { return HistoryOrderGetString(ticket, asked); });
}

// Requests

namespace {

uint g_requests = 0;

MqlTradeResult sent(const MqlTradeRequest &request) {
  MqlTradeResult result{};
  result.request_id = ++g_requests;
  if (!broker().terminal_allows || !options().trade_allowed) {
    result.retcode = TRADE_RETCODE_CLIENT_DISABLES_AT;
    result.comment = u"AutoTrading disabled by client";
    return result;
  }
  Line line = line_of(request);
  line.set("actor", std::string("EXPERT")).set("id", static_cast<long>(g_requests));
  return broker().execute(line);
}

bool accepted(uint retcode) { return retcode == TRADE_RETCODE_DONE || retcode == TRADE_RETCODE_DONE_PARTIAL || retcode == TRADE_RETCODE_PLACED; }

}  // namespace

bool OrderSend(const MqlTradeRequest &request, MqlTradeResult &result) {
  result = sent(request);
  if (accepted(result.retcode)) return true;
  set_error(ERR_TRADE_SEND_FAILED);
  return false;
}
// The answer comes as a TRADE_TRANSACTION_REQUEST.
bool OrderSendAsync(const MqlTradeRequest &request, MqlTradeResult &result) {
  const MqlTradeResult answer = sent(request);
  result = {};
  result.request_id = answer.request_id;
  result.retcode = answer.retcode == TRADE_RETCODE_CLIENT_DISABLES_AT ? answer.retcode : TRADE_RETCODE_PLACED;
  return result.retcode == TRADE_RETCODE_PLACED;
}
bool OrderCheck(const MqlTradeRequest &request, MqlTradeCheckResult &result) {
  result = {};
  const Instrument *traded = broker().instrument(request.symbol.utf8());
  result.balance = from_units(broker().balance);
  result.equity = from_units(broker().equity());
  if (traded == nullptr) {
    result.retcode = TRADE_RETCODE_INVALID;
    return false;
  }
  const long volume = to_units(request.volume);
  result.margin = from_units(broker().margin() + broker().margin(*traded, volume, traded->to_open(request.type % 2 == 0)));
  result.margin_free = result.equity - result.margin;
  result.margin_level = result.margin > 0 ? 100 * result.equity / result.margin : 0;
  if (volume < traded->volume_min || volume > traded->volume_max || volume % traded->volume_step != 0)
    result.retcode = TRADE_RETCODE_INVALID_VOLUME;
  else if (result.margin_free < 0)
    result.retcode = TRADE_RETCODE_NO_MONEY;
  return result.retcode == 0;
}
bool OrderCalcMargin(ENUM_ORDER_TYPE, const string &symbol, double volume, double price, double &margin) {
  const Instrument *traded = known(symbol);
  if (traded == nullptr || !std::isfinite(volume) || !std::isfinite(price)) {
    set_error(ERR_TRADE_CALC_FAILED);
    return false;
  }
  margin = from_units(broker().margin(*traded, to_units(volume), to_units(price)));
  return true;
}
bool OrderCalcProfit(ENUM_ORDER_TYPE type, const string &symbol, double volume, double open, double close, double &profit) {
  const Instrument *traded = known(symbol);
  if (traded == nullptr) {
    set_error(ERR_TRADE_CALC_FAILED);
    return false;
  }
  profit = from_units(traded->money((to_units(close) - to_units(open)) * (type % 2 == 0 ? 1 : -1), to_units(volume)));
  return true;
}

}  // namespace mql
