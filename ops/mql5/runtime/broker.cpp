#include "broker.hpp"

#include <cmath>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <unistd.h>

#include "clock.hpp"

namespace mql {

namespace {

constexpr std::size_t LONGEST_COMMENT = 31;  // what a trade server keeps of it

long direction(bool buys) { return buys ? 1 : -1; }

long scaled(long a, long b, long per) { return static_cast<long>(static_cast<__int128>(a) * b / per); }

const std::map<std::string, uint> REFUSALS = {
    {"REJECT", TRADE_RETCODE_REJECT},
    {"CLOSED", TRADE_RETCODE_MARKET_CLOSED},
    {"NO_MONEY", TRADE_RETCODE_NO_MONEY},
    {"BUSY", TRADE_RETCODE_TOO_MANY_REQUESTS},
    {"LOCKED", TRADE_RETCODE_LOCKED},
    {"FROZEN", TRADE_RETCODE_FROZEN},
    {"PRICE_OFF", TRADE_RETCODE_PRICE_OFF},
    {"PRICE_CHANGED", TRADE_RETCODE_PRICE_CHANGED},
    {"DISABLED", TRADE_RETCODE_TRADE_DISABLED},
    {"SERVER_DISABLES", TRADE_RETCODE_SERVER_DISABLES_AT},
    {"CONNECTION", TRADE_RETCODE_CONNECTION},
    {"INVALID_STOPS", TRADE_RETCODE_INVALID_STOPS},
    {"INVALID_VOLUME", TRADE_RETCODE_INVALID_VOLUME},
    {"INVALID_FILL", TRADE_RETCODE_INVALID_FILL},
    {"CANCEL", TRADE_RETCODE_CANCEL},
    {"ERROR", TRADE_RETCODE_ERROR},
};

const std::map<std::string, ENUM_SYMBOL_TRADE_MODE> TRADE_MODES = {
    {"DISABLED", SYMBOL_TRADE_MODE_DISABLED},
    {"LONG_ONLY", SYMBOL_TRADE_MODE_LONGONLY},
    {"SHORT_ONLY", SYMBOL_TRADE_MODE_SHORTONLY},
    {"CLOSE_ONLY", SYMBOL_TRADE_MODE_CLOSEONLY},
    {"FULL", SYMBOL_TRADE_MODE_FULL},
};

string text(const std::string &utf8) { return string::from_utf8(utf8); }

std::string kept(const std::string &comment) {
  std::u16string units = string::from_utf8(comment).text();
  units.resize(std::min(units.size(), LONGEST_COMMENT));
  return string(units).utf8();
}

bool done(uint retcode) { return retcode == TRADE_RETCODE_DONE || retcode == TRADE_RETCODE_DONE_PARTIAL || retcode == TRADE_RETCODE_PLACED; }

}  // namespace

// Symbols

long Instrument::point() const { return UNIT / static_cast<long>(std::lround(std::pow(10, digits))); }
long Instrument::money(long moved, long volume) const {
  const auto units = static_cast<__int128>(moved) * volume / UNIT * contract / UNIT;
  return rate == 1 ? static_cast<long>(units) : std::lround(static_cast<double>(units) * rate);
}

// The journal

Broker::Broker(const std::string &folder) {
  std::ifstream specification(folder + "/broker.txt");
  std::string line;
  while (std::getline(specification, line))
    if (!line.empty() && line[0] != '#') {
      const Line said(line);
      if (said.verb == "account") account(said);
      if (said.verb == "symbol") symbol(said);
    }
  const std::string path = folder + "/journal.txt";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0 || ::flock(file, LOCK_EX | LOCK_NB) != 0) critical("the account is in use, or its journal cannot be written");
  std::ifstream journal(path);
  long whole = 0;
  // A last line without an end was being written when the terminal was killed: the server never got it.
  while (std::getline(journal, line) && !journal.eof()) {
    whole += static_cast<long>(line.size()) + 1;
    execute(Line(line));
  }
  events.clear();
  // The prices of the specification are those of now.
  const long now = clocks::true_us();
  if (m_quoted_us == 0) m_quoted_us = now;
  for (auto &[name, traded] : instruments)
    if (traded.quoted_us == 0) traded.quoted_us = now;
  m_journal = file;
  if (::ftruncate(m_journal, whole) != 0) critical("the broker cannot keep its journal");
}

MqlTradeResult Broker::execute(Line line) {
  if (!line.has("us")) line.set("us", clocks::true_us());
  // Killed before the order left: the journal only says that this fault is over.
  const bool dies = m_journal >= 0 && line.verb == "send" && !m_faults.empty() && m_faults.front().kind.starts_with("KILL_");
  if (dies && m_faults.front().kind == "KILL_BEFORE") {
    record(Line("spent").set("us", line.number("us")));
    std::raise(SIGKILL);
  }
  record(line);
  const long us = line.number("us");
  MqlTradeResult result{};
  if (line.verb == "send") {
    result = send(line);
    if (dies) std::raise(SIGKILL);
  } else if (line.verb == "spent") {
    m_faults.pop_front();
  } else if (line.verb == "quote") {
    quote(line);
  } else if (line.verb == "fault") {
    for (long i = 0; i < line.number("count", 1); i++) m_faults.push_back({line.word("kind"), line.number("points", 10)});
  } else if (line.verb == "release") {
    std::vector<Line> held;
    held.swap(m_held);
    for (const Line &order : held) {
      MqlTradeResult late{};
      carry_out(order, us, late, {});
    }
  } else if (line.verb == "symbol") {
    symbol(line);
  } else if (line.verb == "account") {
    account(line);
  } else if (line.verb == "deposit") {
    balance += line.units("amount");
    deals.push_back({++m_deal, 0, 0, "", DEAL_TYPE_BALANCE, DEAL_ENTRY_IN, 0, 0, line.units("amount"), 0, 0, 0, line.word("comment"), 0, us, DEAL_REASON_CLIENT});
    tell(deals.back());
  }
  return result;
}

void Broker::record(const Line &line) {
  if (m_journal < 0) return;
  const std::string written = line.text() + '\n';
  if (::write(m_journal, written.data(), written.size()) != static_cast<ssize_t>(written.size())) critical("the broker cannot keep its journal");
}

void Broker::account(const Line &line) {
  login = line.number("login", login);
  netting = line.word("mode", netting ? "NETTING" : "HEDGING") == "NETTING";
  leverage = line.number("leverage", leverage);
  zone_s = line.number("zone_s", zone_s);
  clocks::zone(static_cast<int>(zone_s));
  commission = line.units("commission", commission);
  currency = line.word("currency", currency);
  company = line.word("company", company);
  server = line.word("server", server);
  owner = line.word("name", owner);
  connected = line.number("connected", connected) != 0;
  trade_allowed = line.number("trade_allowed", trade_allowed) != 0;
  experts_allowed = line.number("experts_allowed", experts_allowed) != 0;
  terminal_allows = line.number("autotrading", terminal_allows) != 0;
  if (line.has("balance")) {
    balance = line.units("balance");
    deals.push_back({++m_deal, 0, 0, "", DEAL_TYPE_BALANCE, DEAL_ENTRY_IN, 0, 0, balance, 0, 0, 0, "", 0, line.number("us"), DEAL_REASON_CLIENT});
  }
}

void Broker::symbol(const Line &line) {
  const std::string name = line.word("name");
  const bool is_new = !instruments.contains(name);
  Instrument &known = instruments[name];
  if (is_new) {
    names.push_back(name);
    known.symbol = name;
    known.base = name.substr(0, 3);
    known.profit = name.size() >= 6 ? name.substr(3, 3) : "";
  }
  known.base = line.word("base", known.base);
  known.profit = line.word("profit", known.profit);
  known.description = line.word("description", known.description);
  known.digits = static_cast<int>(line.number("digits", known.digits));
  known.contract = line.units("contract", known.contract);
  known.volume_min = line.units("volume_min", known.volume_min);
  known.volume_max = line.units("volume_max", known.volume_max);
  known.volume_step = line.units("volume_step", known.volume_step);
  known.tick_size = line.units("tick_size", known.tick_size);
  known.rate = line.real("rate", known.rate);
  known.stops_level = static_cast<int>(line.number("stops_level", known.stops_level));
  known.filling = static_cast<int>(line.number("filling", known.filling));
  known.instant = line.word("execution", known.instant ? "INSTANT" : "MARKET") == "INSTANT";
  known.open = line.number("open", known.open) != 0;
  known.selected = line.number("selected", known.selected) != 0;
  if (const auto mode = TRADE_MODES.find(line.word("trade_mode")); mode != TRADE_MODES.end()) known.trade_mode = mode->second;
  known.bid = line.units("bid", known.bid);
  known.ask = line.units("ask", known.ask);
}

Instrument *Broker::instrument(const std::string &symbol) {
  const auto found = instruments.find(symbol);
  return found == instruments.end() ? nullptr : &found->second;
}

// Money

long Broker::profit(const Position &held) const {
  const Instrument &traded = instruments.at(held.symbol);
  return traded.money((traded.to_close(held.buys) - held.price) * direction(held.buys), held.volume);
}
long Broker::equity() const {
  long sum = balance;
  for (const auto &[ticket, held] : positions) sum += profit(held);
  return sum;
}
long Broker::margin(const Instrument &traded, long volume, long price) const { return traded.money(price, volume) / std::max(leverage, 1L); }
long Broker::margin() const {
  long sum = 0;
  for (const auto &[ticket, held] : positions) sum += margin(instruments.at(held.symbol), held.volume, held.price);
  return sum;
}

// Requests

MqlTradeResult Broker::send(const Line &line) {
  MqlTradeResult result{};
  const long us = line.number("us");
  result.request_id = static_cast<uint>(line.number("id"));
  const Fault fault = next_fault();
  const Instrument *traded = instrument(line.word("symbol"));
  const auto refusal = REFUSALS.find(fault.kind);
  if (!connected) {
    result.retcode = TRADE_RETCODE_CONNECTION;
  } else if (refusal != REFUSALS.end()) {
    result.retcode = refusal->second;
  } else if (!fault.kind.empty() && fault.kind.find_first_not_of("0123456789") == std::string::npos) {
    result.retcode = static_cast<uint>(std::stoul(fault.kind));
  } else if (fault.kind == "ORDER_LOST") {
    result.retcode = TRADE_RETCODE_TIMEOUT;
  } else if (fault.kind == "HELD" || fault.kind == "PLACED") {
    m_held.push_back(line);
    result.retcode = fault.kind == "HELD" ? TRADE_RETCODE_TIMEOUT : TRADE_RETCODE_PLACED;
    if (fault.kind == "PLACED") {
      result.order = ++m_ticket;
      m_held.back().set("ticket", static_cast<long>(m_ticket));
    }
  } else {
    result.retcode = carry_out(line, us, result, fault);
    if (fault.kind == "ANSWER_LOST" && done(result.retcode)) {
      result = {};
      result.retcode = TRADE_RETCODE_TIMEOUT;
      result.request_id = static_cast<uint>(line.number("id"));
    }
  }
  if (traded != nullptr) {
    result.bid = from_units(traded->bid);
    result.ask = from_units(traded->ask);
    if (result.retcode == TRADE_RETCODE_REQUOTE) {
      const long shift = m_slip;
      result.bid = from_units(traded->bid + shift);
      result.ask = from_units(traded->ask + shift);
    }
  }
  result.comment = done(result.retcode) ? u"Request executed" : u"Request refused";
  Event answered;
  answered.transaction.type = TRADE_TRANSACTION_REQUEST;
  answered.request = request_of(line);
  answered.request.order = result.order ? result.order : answered.request.order;
  answered.result = result;
  if (result.retcode != TRADE_RETCODE_TIMEOUT) events.push_back(answered);
  return result;
}

uint Broker::carry_out(const Line &line, long us, MqlTradeResult &result, const Fault &fault) {
  for (const char *number : {"volume", "price", "sl", "tp", "stoplimit"})
    if (!std::isfinite(line.real(number))) return number == std::string("volume") ? TRADE_RETCODE_INVALID_VOLUME : TRADE_RETCODE_INVALID_PRICE;
  if (!trade_allowed) return TRADE_RETCODE_TRADE_DISABLED;
  if (line.word("actor") == "EXPERT" && !experts_allowed) return TRADE_RETCODE_SERVER_DISABLES_AT;
  switch (line.number("action")) {
    case TRADE_ACTION_DEAL: return deal(line, us, result, fault);
    case TRADE_ACTION_PENDING: return place(line, us, result);
    case TRADE_ACTION_MODIFY: return amend(line, result);
    case TRADE_ACTION_REMOVE: return remove(line, us, result);
    case TRADE_ACTION_SLTP: return modify(line, us);
    case TRADE_ACTION_CLOSE_BY: return close_by(line, us, result);
    default: return TRADE_RETCODE_INVALID;
  }
}

Broker::Fault Broker::next_fault() {
  if (m_faults.empty()) return {};
  const Fault fault = m_faults.front();
  m_faults.pop_front();
  return fault;
}

Order Broker::order_of(const Line &line, long us) {
  Order order;
  order.ticket = static_cast<ulong>(line.number("ticket"));
  if (order.ticket == 0) order.ticket = ++m_ticket;
  order.symbol = line.word("symbol");
  order.type = static_cast<ENUM_ORDER_TYPE>(line.number("type"));
  order.volume = order.left = line.units("volume");
  order.price = line.units("price");
  order.stop_limit = line.units("stoplimit");
  order.stop_loss = line.units("sl");
  order.take_profit = line.units("tp");
  order.comment = kept(line.word("comment"));
  order.magic = static_cast<ulong>(line.number("magic"));
  order.placed_us = us;
  order.filling = static_cast<ENUM_ORDER_TYPE_FILLING>(line.number("filling"));
  order.lifetime = static_cast<ENUM_ORDER_TYPE_TIME>(line.number("lifetime"));
  order.expires_s = line.number("expires");
  order.reason = line.word("actor") == "EXPERT" ? ORDER_REASON_EXPERT : ORDER_REASON_CLIENT;
  return order;
}

uint Broker::check(const Instrument &traded, bool buys, long volume, const Position *closes) const {
  if (traded.trade_mode == SYMBOL_TRADE_MODE_DISABLED) return TRADE_RETCODE_TRADE_DISABLED;
  if (!traded.open) return TRADE_RETCODE_MARKET_CLOSED;
  if (volume <= 0 || volume % traded.volume_step != 0) return TRADE_RETCODE_INVALID_VOLUME;
  if (closes != nullptr && closes->buys != buys && volume <= closes->volume) return TRADE_RETCODE_DONE;
  if (closes != nullptr && !netting) return closes->buys == buys ? TRADE_RETCODE_INVALID : TRADE_RETCODE_INVALID_CLOSE_VOLUME;
  if (volume < traded.volume_min || volume > traded.volume_max) return TRADE_RETCODE_INVALID_VOLUME;
  if (traded.trade_mode == SYMBOL_TRADE_MODE_CLOSEONLY) return TRADE_RETCODE_CLOSE_ONLY;
  if (traded.trade_mode == SYMBOL_TRADE_MODE_LONGONLY && !buys) return TRADE_RETCODE_LONG_ONLY;
  if (traded.trade_mode == SYMBOL_TRADE_MODE_SHORTONLY && buys) return TRADE_RETCODE_SHORT_ONLY;
  return TRADE_RETCODE_DONE;
}

// Stops lie beyond the price at which the position would be closed, by the distance that the symbol asks for.
uint Broker::check_stops(const Instrument &traded, bool buys, long at, long stop_loss, long take_profit) const {
  const long distance = traded.stops_level * traded.point();
  if (stop_loss < 0 || take_profit < 0 || stop_loss % traded.tick() != 0 || take_profit % traded.tick() != 0) return TRADE_RETCODE_INVALID_STOPS;
  if (stop_loss && (at - stop_loss) * direction(buys) < std::max(distance, 1L)) return TRADE_RETCODE_INVALID_STOPS;
  if (take_profit && (take_profit - at) * direction(buys) < std::max(distance, 1L)) return TRADE_RETCODE_INVALID_STOPS;
  return TRADE_RETCODE_DONE;
}

uint Broker::deal(const Line &line, long us, MqlTradeResult &result, const Fault &fault) {
  const Instrument *traded = instrument(line.word("symbol"));
  const long kind = line.number("type"), wanted = line.units("volume");
  if (traded == nullptr || (kind != ORDER_TYPE_BUY && kind != ORDER_TYPE_SELL)) return TRADE_RETCODE_INVALID;
  const bool buys = kind == ORDER_TYPE_BUY;
  const auto named = static_cast<ulong>(line.number("position"));
  const Position *closes = netting ? net(line.word("symbol")) : nullptr;
  if (!netting && named != 0) {
    const auto found = positions.find(named);
    if (found == positions.end()) return TRADE_RETCODE_POSITION_CLOSED;
    closes = &found->second;
    if (closes->symbol != traded->symbol) return TRADE_RETCODE_INVALID;
  }
  if (const uint refused = check(*traded, buys, wanted, closes); refused != TRADE_RETCODE_DONE) return refused;
  if (traded->bid <= 0 || traded->ask <= 0) return TRADE_RETCODE_PRICE_OFF;
  const long filling = line.number("filling");
  if ((filling == ORDER_FILLING_FOK && !(traded->filling & SYMBOL_FILLING_FOK)) || (filling == ORDER_FILLING_IOC && !(traded->filling & SYMBOL_FILLING_IOC)) || (filling == ORDER_FILLING_RETURN && !exchange))
    return TRADE_RETCODE_INVALID_FILL;
  long price = traded->to_open(buys) + m_slip;
  m_slip = 0;
  if (fault.kind == "SLIP") price += direction(buys) * fault.points * traded->point();
  if (fault.kind == "REQUOTE") {
    m_slip = direction(buys) * fault.points * traded->point();
    return TRADE_RETCODE_REQUOTE;
  }
  if (traded->instant && line.units("price") && std::abs(line.units("price") - price) > line.number("deviation") * traded->point()) return TRADE_RETCODE_REQUOTE;
  const bool opens = closes == nullptr || closes->buys == buys;
  if (const uint refused = check_stops(*traded, buys, traded->to_close(buys), line.units("sl"), line.units("tp")); opens && refused != TRADE_RETCODE_DONE) return refused;
  const long added = opens ? wanted : std::max(wanted - closes->volume, 0L);
  if (added && margin(*traded, added, price) > equity() - margin()) return TRADE_RETCODE_NO_MONEY;

  long volume = wanted;
  if (fault.kind == "PARTIAL") volume = std::max(volume / 2 / traded->volume_step * traded->volume_step, std::min(traded->volume_min, volume));
  Order order = order_of(line, us);
  order.position = named;
  tell(TRADE_TRANSACTION_ORDER_ADD, order);
  const ENUM_DEAL_REASON reason = order.reason == ORDER_REASON_EXPERT ? DEAL_REASON_EXPERT : DEAL_REASON_CLIENT;
  fill(order, price, volume, us, reason, order.comment);
  result.order = order.ticket;
  result.deal = deals.back().ticket;
  result.volume = from_units(volume);
  result.price = from_units(price);
  return volume < wanted ? TRADE_RETCODE_DONE_PARTIAL : TRADE_RETCODE_DONE;
}

uint Broker::place(const Line &line, long us, MqlTradeResult &result) {
  const Instrument *traded = instrument(line.word("symbol"));
  const long kind = line.number("type");
  if (traded == nullptr || kind < ORDER_TYPE_BUY_LIMIT || kind > ORDER_TYPE_SELL_STOP_LIMIT) return TRADE_RETCODE_INVALID;
  const bool buys = kind % 2 == 0;
  if (const uint refused = check(*traded, buys, line.units("volume"), nullptr); refused != TRADE_RETCODE_DONE) return refused;
  const long price = line.units("price"), now = traded->to_open(buys);
  // A limit waits for a better price than now, a stop for a worse one.
  const bool waits_below = buys == (kind == ORDER_TYPE_BUY_LIMIT || kind == ORDER_TYPE_SELL_LIMIT);
  if (price <= 0 || price % traded->tick() != 0 || (waits_below ? price >= now : price <= now)) return TRADE_RETCODE_INVALID_PRICE;
  const bool has_limit = kind == ORDER_TYPE_BUY_STOP_LIMIT || kind == ORDER_TYPE_SELL_STOP_LIMIT;
  if (has_limit && line.units("stoplimit") <= 0) return TRADE_RETCODE_INVALID_PRICE;
  const long at = has_limit ? line.units("stoplimit") : price;
  if (const uint refused = check_stops(*traded, buys, at, line.units("sl"), line.units("tp")); refused != TRADE_RETCODE_DONE) return refused;
  if (line.number("lifetime") == ORDER_TIME_SPECIFIED && line.number("expires") <= server_us(us) / 1'000'000) return TRADE_RETCODE_INVALID_EXPIRATION;
  Order order = order_of(line, us);
  order.state = ORDER_STATE_PLACED;
  orders[order.ticket] = order;
  tell(TRADE_TRANSACTION_ORDER_ADD, order);
  result.order = order.ticket;
  return TRADE_RETCODE_DONE;
}

uint Broker::amend(const Line &line, MqlTradeResult &result) {
  const auto found = orders.find(static_cast<ulong>(line.number("order")));
  if (found == orders.end()) return TRADE_RETCODE_INVALID;
  Order &order = found->second;
  const long price = line.units("price"), stop_loss = line.units("sl"), take_profit = line.units("tp"), stop_limit = line.units("stoplimit");
  if (price == order.price && stop_loss == order.stop_loss && take_profit == order.take_profit && stop_limit == order.stop_limit && line.number("expires") == order.expires_s) return TRADE_RETCODE_NO_CHANGES;
  const Instrument &traded = instruments.at(order.symbol);
  if (!traded.open) return TRADE_RETCODE_MARKET_CLOSED;
  if (price <= 0 || price % traded.tick() != 0) return TRADE_RETCODE_INVALID_PRICE;
  if (const uint refused = check_stops(traded, order.buys(), stop_limit ? stop_limit : price, stop_loss, take_profit); refused != TRADE_RETCODE_DONE) return refused;
  order.price = price;
  order.stop_loss = stop_loss;
  order.take_profit = take_profit;
  order.stop_limit = stop_limit;
  order.lifetime = static_cast<ENUM_ORDER_TYPE_TIME>(line.number("lifetime"));
  order.expires_s = line.number("expires");
  tell(TRADE_TRANSACTION_ORDER_UPDATE, order);
  result.order = order.ticket;
  return TRADE_RETCODE_DONE;
}

uint Broker::remove(const Line &line, long us, MqlTradeResult &result) {
  const auto found = orders.find(static_cast<ulong>(line.number("order")));
  if (found == orders.end()) return TRADE_RETCODE_INVALID;
  const Order order = found->second;
  if (!instruments.at(order.symbol).open) return TRADE_RETCODE_MARKET_CLOSED;
  retire(order, ORDER_STATE_CANCELED, us);
  result.order = order.ticket;
  return TRADE_RETCODE_DONE;
}

uint Broker::modify(const Line &line, long us) {
  Position *held = nullptr;
  if (netting) {
    held = net(line.word("symbol"));
  } else if (const auto found = positions.find(static_cast<ulong>(line.number("position"))); found != positions.end()) {
    held = &found->second;
  }
  if (held == nullptr) return TRADE_RETCODE_POSITION_CLOSED;
  const Instrument &traded = instruments.at(held->symbol);
  const long stop_loss = line.units("sl"), take_profit = line.units("tp");
  if (stop_loss == held->stop_loss && take_profit == held->take_profit) return TRADE_RETCODE_NO_CHANGES;
  if (!traded.open) return TRADE_RETCODE_MARKET_CLOSED;
  if (const uint refused = check_stops(traded, held->buys, traded.to_close(held->buys), stop_loss, take_profit); refused != TRADE_RETCODE_DONE) return refused;
  held->stop_loss = stop_loss;
  held->take_profit = take_profit;
  held->changed_us = us;
  tell(*held);
  return TRADE_RETCODE_DONE;
}

uint Broker::close_by(const Line &line, long us, MqlTradeResult &result) {
  const auto first = positions.find(static_cast<ulong>(line.number("position")));
  const auto second = positions.find(static_cast<ulong>(line.number("position_by")));
  if (netting || first == positions.end() || second == positions.end()) return TRADE_RETCODE_INVALID;
  Position &held = first->second, &other = second->second;
  if (held.symbol != other.symbol || held.buys == other.buys) return TRADE_RETCODE_INVALID;
  if (!instruments.at(held.symbol).open) return TRADE_RETCODE_MARKET_CLOSED;
  Order order = order_of(line, us);
  order.type = ORDER_TYPE_CLOSE_BY;
  order.symbol = held.symbol;
  order.position = held.id;
  order.position_by = other.id;
  const long volume = std::min(held.volume, other.volume);
  order.volume = order.left = volume;
  tell(TRADE_TRANSACTION_ORDER_ADD, order);
  // Each is closed at the price that the other was opened at, and only one of the two deals carries the profit.
  const long price = other.price, counter = held.price;
  const std::string symbol = held.symbol;
  const bool buys = held.buys;
  const ulong id = held.id, other_id = other.id;
  const long gained = reduce(held, volume, price);
  reduce(other, volume, other.price);
  const ENUM_DEAL_REASON reason = order.reason == ORDER_REASON_EXPERT ? DEAL_REASON_EXPERT : DEAL_REASON_CLIENT;
  deals.push_back({++m_deal, order.ticket, id, symbol, buys ? DEAL_TYPE_SELL : DEAL_TYPE_BUY, DEAL_ENTRY_OUT_BY, volume, price, gained, 0, 0, 0, order.comment, order.magic, us, reason});
  tell(deals.back());
  deals.push_back({++m_deal, order.ticket, other_id, symbol, buys ? DEAL_TYPE_BUY : DEAL_TYPE_SELL, DEAL_ENTRY_OUT_BY, volume, counter, 0, 0, 0, 0, order.comment, order.magic, us, reason});
  tell(deals.back());
  order.left = 0;
  retire(order, ORDER_STATE_FILLED, us);
  result.order = order.ticket;
  result.deal = deals.back().ticket;
  result.volume = from_units(volume);
  result.price = from_units(price);
  return TRADE_RETCODE_DONE;
}

// The market

void Broker::quote(const Line &line) {
  Instrument *traded = instrument(line.word("symbol"));
  if (traded == nullptr) return;
  traded->bid = line.units("bid", traded->bid);
  traded->ask = line.units("ask", std::max(traded->ask, traded->bid));
  traded->quoted_us = m_quoted_us = line.number("us");
  if (traded->open) touch(*traded, m_quoted_us);
}

void Broker::touch(Instrument &traded, long us) {
  std::vector<Order> waiting;
  for (const auto &[ticket, order] : orders)
    if (order.symbol == traded.symbol) waiting.push_back(order);
  for (Order &order : waiting) {
    if (order.lifetime == ORDER_TIME_SPECIFIED && server_us(us) / 1'000'000 >= order.expires_s) {
      retire(order, ORDER_STATE_EXPIRED, us);
      continue;
    }
    const long price = traded.to_open(order.buys());
    const bool is_limit = order.type == ORDER_TYPE_BUY_LIMIT || order.type == ORDER_TYPE_SELL_LIMIT;
    const bool waits_below = order.buys() == is_limit;
    if (waits_below ? price > order.price : price < order.price) continue;
    if (order.type == ORDER_TYPE_BUY_STOP_LIMIT || order.type == ORDER_TYPE_SELL_STOP_LIMIT) {
      Order &kept = orders.at(order.ticket);
      kept.type = order.buys() ? ORDER_TYPE_BUY_LIMIT : ORDER_TYPE_SELL_LIMIT;
      kept.price = order.stop_limit;
      kept.stop_limit = 0;
      tell(TRADE_TRANSACTION_ORDER_UPDATE, kept);
      continue;
    }
    orders.erase(order.ticket);
    if (margin(traded, order.volume, price) > equity() - margin() && !netting) {
      retire(order, ORDER_STATE_CANCELED, us);
      continue;
    }
    const ENUM_DEAL_REASON reason = order.reason == ORDER_REASON_EXPERT ? DEAL_REASON_EXPERT : DEAL_REASON_CLIENT;
    fill(order, price, order.volume, us, reason, order.comment);
  }
  std::vector<Position> held;
  for (const auto &[ticket, position] : positions)
    if (position.symbol == traded.symbol) held.push_back(position);
  for (const Position &position : held) {
    const long price = traded.to_close(position.buys), gained = direction(position.buys) * price;
    if (position.stop_loss && gained <= direction(position.buys) * position.stop_loss)
      close(position, price, us, DEAL_REASON_SL, "[sl " + Line("x").set_units("p", position.stop_loss).word("p") + "]");
    else if (position.take_profit && gained >= direction(position.buys) * position.take_profit)
      close(position, price, us, DEAL_REASON_TP, "[tp " + Line("x").set_units("p", position.take_profit).word("p") + "]");
  }
}

void Broker::fill(Order order, long price, long volume, long us, ENUM_DEAL_REASON reason, const std::string &comment) {
  Position *held = netting ? net(order.symbol) : nullptr;
  if (!netting && order.position != 0) held = &positions.at(order.position);
  const bool buys = order.buys();
  long gained = 0, rest = volume;
  ulong id = order.ticket;
  ENUM_DEAL_ENTRY entry = DEAL_ENTRY_IN;
  if (held != nullptr) {
    id = held->id;
    const ulong ticket = held->ticket;
    if (held->buys == buys) {
      held->price = scaled(held->price, held->volume, held->volume + volume) + scaled(price, volume, held->volume + volume);
      held->volume += volume;
      held->changed_us = us;
      if (order.stop_loss) held->stop_loss = order.stop_loss;
      if (order.take_profit) held->take_profit = order.take_profit;
      rest = 0;
    } else {
      const long closed = std::min(held->volume, volume);
      rest = volume - closed;
      entry = rest ? DEAL_ENTRY_INOUT : DEAL_ENTRY_OUT;
      held->changed_us = us;
      gained = reduce(*held, closed, price);
      if (positions.contains(ticket)) held = &positions.at(ticket);
    }
  }
  // What turns a net position round gets a ticket of its own; its identifier stays.
  if (rest)
    positions[order.ticket] = {order.ticket, id, order.symbol, buys, rest, price, order.stop_loss, order.take_profit, order.comment, order.magic, us, us, order.reason == ORDER_REASON_EXPERT ? POSITION_REASON_EXPERT : POSITION_REASON_CLIENT};
  const long fee = scaled(commission, volume, UNIT);
  balance -= fee;
  deals.push_back({++m_deal, order.ticket, id, order.symbol, buys ? DEAL_TYPE_BUY : DEAL_TYPE_SELL, entry, volume, price, gained, order.stop_loss, order.take_profit, -fee, comment, order.magic, us, reason});
  order.position = id;
  order.left = order.volume - volume;
  const ENUM_ORDER_STATE state = order.left ? ORDER_STATE_CANCELED : ORDER_STATE_FILLED;
  const Deal made = deals.back();
  tell(made);
  retire(order, state, us);
}

void Broker::close(const Position &held, long price, long us, ENUM_DEAL_REASON reason, const std::string &comment) {
  Order order;
  order.ticket = ++m_ticket;
  order.symbol = held.symbol;
  order.type = held.buys ? ORDER_TYPE_SELL : ORDER_TYPE_BUY;
  order.volume = order.left = held.volume;
  order.position = held.ticket;
  order.magic = held.magic;
  order.placed_us = us;
  order.comment = comment;
  order.reason = reason == DEAL_REASON_SL ? ORDER_REASON_SL : ORDER_REASON_TP;
  tell(TRADE_TRANSACTION_ORDER_ADD, order);
  fill(order, price, held.volume, us, reason, comment);
}

long Broker::reduce(Position &held, long volume, long price) {
  const long gained = instruments.at(held.symbol).money((price - held.price) * direction(held.buys), volume);
  balance += gained;
  held.volume -= volume;
  if (held.volume == 0) positions.erase(ulong(held.ticket));
  return gained;
}

void Broker::retire(Order order, ENUM_ORDER_STATE state, long us) {
  orders.erase(order.ticket);
  order.state = state;
  if (state == ORDER_STATE_FILLED) order.left = 0;
  order.done_us = us;
  tell(TRADE_TRANSACTION_ORDER_DELETE, order);
  past_orders.push_back(order);
  tell(TRADE_TRANSACTION_HISTORY_ADD, order);
}

Position *Broker::net(const std::string &symbol) {
  for (auto &[ticket, held] : positions)
    if (held.symbol == symbol) return &held;
  return nullptr;
}

// Events

void Broker::tell(ENUM_TRADE_TRANSACTION_TYPE type, const Order &order) {
  Event event;
  MqlTradeTransaction &said = event.transaction;
  said.type = type;
  said.order = order.ticket;
  said.symbol = text(order.symbol);
  said.order_type = order.type;
  said.order_state = order.state;
  said.time_type = order.lifetime;
  said.time_expiration = order.expires_s;
  said.price = from_units(order.price);
  said.price_trigger = from_units(order.stop_limit);
  said.price_sl = from_units(order.stop_loss);
  said.price_tp = from_units(order.take_profit);
  said.volume = from_units(order.left);
  said.position = order.position;
  said.position_by = order.position_by;
  events.push_back(event);
}
void Broker::tell(const Deal &made) {
  Event event;
  MqlTradeTransaction &said = event.transaction;
  said.type = TRADE_TRANSACTION_DEAL_ADD;
  said.deal = made.ticket;
  said.order = made.order;
  said.symbol = text(made.symbol);
  said.deal_type = made.type;
  said.price = from_units(made.price);
  said.price_sl = from_units(made.stop_loss);
  said.price_tp = from_units(made.take_profit);
  said.volume = from_units(made.volume);
  said.position = made.position;
  events.push_back(event);
}
void Broker::tell(const Position &held) {
  Event event;
  MqlTradeTransaction &said = event.transaction;
  said.type = TRADE_TRANSACTION_POSITION;
  said.symbol = text(held.symbol);
  said.deal_type = held.buys ? DEAL_TYPE_BUY : DEAL_TYPE_SELL;
  said.price = from_units(held.price);
  said.price_sl = from_units(held.stop_loss);
  said.price_tp = from_units(held.take_profit);
  said.volume = from_units(held.volume);
  said.position = held.ticket;
  events.push_back(event);
}

// Requests as lines

MqlTradeRequest request_of(const Line &line) {
  MqlTradeRequest request{};
  request.action = static_cast<ENUM_TRADE_REQUEST_ACTIONS>(line.number("action"));
  request.magic = static_cast<ulong>(line.number("magic"));
  request.order = static_cast<ulong>(line.number("order"));
  request.symbol = text(line.word("symbol"));
  request.volume = line.real("volume");
  request.price = line.real("price");
  request.stoplimit = line.real("stoplimit");
  request.sl = line.real("sl");
  request.tp = line.real("tp");
  request.deviation = static_cast<ulong>(line.number("deviation"));
  request.type = static_cast<ENUM_ORDER_TYPE>(line.number("type"));
  request.type_filling = static_cast<ENUM_ORDER_TYPE_FILLING>(line.number("filling"));
  request.type_time = static_cast<ENUM_ORDER_TYPE_TIME>(line.number("lifetime"));
  request.expiration = line.number("expires");
  request.comment = text(line.word("comment"));
  request.position = static_cast<ulong>(line.number("position"));
  request.position_by = static_cast<ulong>(line.number("position_by"));
  return request;
}

Line line_of(const MqlTradeRequest &request) {
  Line line("send");
  line.set("action", static_cast<long>(request.action)).set("type", static_cast<long>(request.type)).set("symbol", request.symbol.utf8());
  line.set_real("volume", request.volume).set_real("price", request.price).set_real("stoplimit", request.stoplimit);
  line.set_real("sl", request.sl).set_real("tp", request.tp).set("deviation", std::to_string(request.deviation));
  line.set("magic", std::to_string(request.magic)).set("order", std::to_string(request.order));
  line.set("position", std::to_string(request.position)).set("position_by", std::to_string(request.position_by));
  line.set("filling", static_cast<long>(request.type_filling)).set("lifetime", static_cast<long>(request.type_time));
  line.set("expires", static_cast<long>(request.expiration)).set("comment", request.comment.utf8());
  return line;
}

}  // namespace mql
