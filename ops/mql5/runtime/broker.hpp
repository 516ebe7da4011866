// A paper broker behind the terminal: an account, hedging or netting, its symbols, orders, positions and history.
//
// It is a fold over its journal. Whatever changes it is a line that is written to the journal first and carried out
// second, so that SIGKILL between the two, or between the second and the answer, leaves what a trade server would
// leave: the order is there, and nobody was told. Starting it carries out the journal again.
#pragma once
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "lines.hpp"
#include "structures.hpp"

namespace mql {

struct Instrument {
  std::string symbol, base, profit, description;
  int digits = 5;
  long contract = 100'000 * UNIT, volume_min = UNIT / 100, volume_max = 100 * UNIT, volume_step = UNIT / 100;
  long tick_size = 0;       // 0: one point
  double rate = 1;          // what one unit of the profit currency is in the account's
  int stops_level = 0;      // in points
  int filling = SYMBOL_FILLING_FOK | SYMBOL_FILLING_IOC;
  ENUM_SYMBOL_TRADE_MODE trade_mode = SYMBOL_TRADE_MODE_FULL;
  bool instant = false;     // prices are agreed on first, and may be requoted
  bool open = true;         // the market
  bool selected = true;     // in Market Watch
  long bid = 0, ask = 0, quoted_us = 0;

  long point() const;
  long tick() const { return tick_size ? tick_size : point(); }
  long money(long moved, long volume) const;
  long to_open(bool buys) const { return buys ? ask : bid; }
  long to_close(bool buys) const { return buys ? bid : ask; }
};

struct Position {
  ulong ticket, id;
  std::string symbol;
  bool buys;
  long volume, price, stop_loss, take_profit;
  std::string comment;
  ulong magic;
  long opened_us, changed_us;
  ENUM_POSITION_REASON reason;
};

struct Order {
  ulong ticket = 0;
  std::string symbol;
  ENUM_ORDER_TYPE type = ORDER_TYPE_BUY;
  ENUM_ORDER_STATE state = ORDER_STATE_STARTED;
  long volume = 0, left = 0, price = 0, stop_limit = 0, stop_loss = 0, take_profit = 0;
  std::string comment;
  ulong magic = 0, position = 0, position_by = 0;
  long placed_us = 0, done_us = 0;
  ENUM_ORDER_TYPE_FILLING filling = ORDER_FILLING_FOK;
  ENUM_ORDER_TYPE_TIME lifetime = ORDER_TIME_GTC;
  long expires_s = 0;  // in the server's zone
  ENUM_ORDER_REASON reason = ORDER_REASON_CLIENT;

  bool buys() const { return type % 2 == 0; }
};

struct Deal {
  ulong ticket, order, position;
  std::string symbol;
  ENUM_DEAL_TYPE type;
  ENUM_DEAL_ENTRY entry;
  long volume, price, profit, stop_loss, take_profit, commission;
  std::string comment;
  ulong magic;
  long time_us;
  ENUM_DEAL_REASON reason;
};

struct Event {
  MqlTradeTransaction transaction{};
  MqlTradeRequest request{};
  MqlTradeResult result{};
};

class Broker {
 public:
  explicit Broker(const std::string &folder);

  // Journal a line, then do what it says.
  MqlTradeResult execute(Line line);

  // What happened since it was last asked.
  std::deque<Event> events;

  std::map<std::string, Instrument> instruments;
  std::vector<std::string> names;  // of the symbols, as the broker lists them
  std::map<ulong, Position> positions;
  std::map<ulong, Order> orders;
  std::vector<Order> past_orders;
  std::vector<Deal> deals;
  long balance = 0;
  long leverage = 100, login = 1001, zone_s = 0;
  long commission = 0;  // for each lot of a deal
  std::string currency = "USD", company = "Paper Broker", server = "Paper-Demo", owner = "Paper";
  bool netting = false, exchange = false;
  bool connected = true, trade_allowed = true, experts_allowed = true, terminal_allows = true;

  Instrument *instrument(const std::string &symbol);
  long profit(const Position &held) const;
  long equity() const;
  long margin() const;
  long margin(const Instrument &instrument, long volume, long price) const;
  long server_us(long us) const { return us + zone_s * 1'000'000; }
  long last_quote_us() const { return server_us(m_quoted_us); }

 private:
  struct Fault {
    std::string kind;
    long points;
  };

  void record(const Line &line);
  void account(const Line &line);
  void symbol(const Line &line);
  void quote(const Line &line);
  MqlTradeResult send(const Line &line);
  uint carry_out(const Line &line, long us, MqlTradeResult &result, const Fault &fault);
  uint deal(const Line &line, long us, MqlTradeResult &result, const Fault &fault);
  uint place(const Line &line, long us, MqlTradeResult &result);
  uint amend(const Line &line, MqlTradeResult &result);
  uint remove(const Line &line, long us, MqlTradeResult &result);
  uint modify(const Line &line, long us);
  uint close_by(const Line &line, long us, MqlTradeResult &result);
  uint check(const Instrument &instrument, bool buys, long volume, const Position *closes) const;
  uint check_stops(const Instrument &instrument, bool buys, long at, long stop_loss, long take_profit) const;
  void touch(Instrument &instrument, long us);
  void fill(Order order, long price, long volume, long us, ENUM_DEAL_REASON reason, const std::string &comment);
  void close(const Position &held, long price, long us, ENUM_DEAL_REASON reason, const std::string &comment);
  long reduce(Position &held, long volume, long price);
  void retire(Order order, ENUM_ORDER_STATE state, long us);
  Position *net(const std::string &symbol);
  Fault next_fault();
  Order order_of(const Line &line, long us);
  void tell(ENUM_TRADE_TRANSACTION_TYPE type, const Order &order);
  void tell(const Deal &deal);
  void tell(const Position &position);

  int m_journal = -1;
  ulong m_ticket = 500'000, m_deal = 700'000;
  long m_quoted_us = 0;
  long m_slip = 0;
  std::deque<Fault> m_faults;
  std::vector<Line> m_held;
};

// The one that the terminal is connected to.
Broker &broker();
MqlTradeRequest request_of(const Line &line);
Line line_of(const MqlTradeRequest &request);

}  // namespace mql
