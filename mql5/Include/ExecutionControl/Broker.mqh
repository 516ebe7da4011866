// A broker account as the copier needs it, and the terminal's own behind it.

#include <Trade/Trade.mqh>

#include "Journal.mqh"
#include "Messages.mqh"
#include "Scaled.mqh"

#define ECP_COMMENT_LIMIT 31
// How long a deal that the broker has confirmed may take to appear in the terminal's history.
#define ECP_HISTORY_MS 2000

enum ENUM_OUTCOME
{
   OUTCOME_DONE,
   OUTCOME_REFUSED,
   OUTCOME_REQUOTED,
   OUTCOME_UNANSWERED // sent, and nobody knows what came of it
};

struct SDeal
{
   ulong ticket;
   ulong order;
   ulong position;
   string symbol;
   int side;
   bool is_entry;
   long volume_e8;
   long price_e8;
   long profit_e8; // with swap, commission and fee
   string comment;
   long broker_us; // by the broker's clock, in its zone
};

// A position, or a pending order.
struct SHeld
{
   ulong ticket;
   string symbol;
   int side;
   int order_type;
   long volume_e8;
   long price_e8;
   long stop_loss_e8;
   long take_profit_e8;
   long profit_e8;
   string comment;
   long broker_us;
};

class CBroker
{
public:
   virtual ~CBroker(void) {}
   virtual int Mode(void) const = 0; // ENUM_ECP_ACCOUNT_MODE
   // What an order of this side would be filled at now, 0: there is no price.
   virtual long Price(const string symbol, const int side) const = 0;
   virtual long Pip(const string symbol) const = 0;
   virtual bool Margin(const string symbol, const int side, const long volume_e8, double &needed,
                       double &available) const = 0;
   virtual ENUM_OUTCOME Trade(const string symbol, const int side, const long volume_e8, const ulong position,
                              const long stop_loss_e8, const long take_profit_e8, const string comment) = 0;
   virtual ENUM_OUTCOME Place(const SHeld &order) = 0;
   virtual ENUM_OUTCOME Amend(const ulong ticket, const long price_e8, const long stop_loss_e8,
                              const long take_profit_e8) = 0;
   virtual ENUM_OUTCOME Move(const ulong ticket, const long stop_loss_e8, const long take_profit_e8) = 0;
   virtual ENUM_OUTCOME Cancel(const ulong ticket) = 0;
   // Deals of which Deals has not told before, oldest first.
   virtual void Deals(SDeal &deals[]) = 0;
   virtual void Positions(SHeld &positions[]) const = 0;
   virtual void Pending(SHeld &orders[]) const = 0;
   // Pending orders of the recent past, whatever became of them.
   virtual void Placed(SHeld &orders[]) const = 0;
   // Of all symbols, or of those in the Market Watch.
   virtual void Specifications(const bool watched_only, SSpecification &specifications[]) const = 0;
   virtual void Money(long &balance_e8, long &equity_e8) const = 0;
   virtual long Clock(void) const = 0; // the broker's, microseconds, in its zone
   // What closing would bring, in the account's currency.
   virtual long Profit(const string symbol, const int side, const long volume_e8, const long from_e8,
                       const long to_e8) const = 0;
};

class CTerminalBroker : public CBroker
{
private:
   CTrade m_trade;
   ulong m_magic;
   ulong m_slippage;
   ulong m_last_deal;
   datetime m_read_from;

   static int Digits(const string symbol) { return (int)SymbolInfoInteger(symbol, SYMBOL_DIGITS); }

   static long Scaled(const double value, const int digits = 8)
   {
      long scaled = 0;
      ToE8(value, digits, scaled);
      return scaled;
   }

   // On the symbol's ticks, which are coarser than its digits at some brokers.
   static double ToPrice(const string symbol, const long price_e8)
   {
      const double price = FromE8(price_e8);
      const double tick = SymbolInfoDouble(symbol, SYMBOL_TRADE_TICK_SIZE);
      return NormalizeDouble(tick > 0 ? MathRound(price / tick) * tick : price, Digits(symbol));
   }

   static int Side(const long type, const int buy) { return type == buy ? ECP_BUY : ECP_SELL; }

   static int OrderType(const long type)
   {
      switch((int)type)
      {
      case ORDER_TYPE_BUY_LIMIT:
      case ORDER_TYPE_SELL_LIMIT:
         return ECP_LIMIT;
      case ORDER_TYPE_BUY_STOP:
      case ORDER_TYPE_SELL_STOP:
         return ECP_STOP;
      case ORDER_TYPE_BUY_STOP_LIMIT:
      case ORDER_TYPE_SELL_STOP_LIMIT:
         return ECP_STOP_LIMIT;
      }
      return ECP_MARKET;
   }

   static int OrderSide(const long type)
   {
      switch((int)type)
      {
      case ORDER_TYPE_BUY:
      case ORDER_TYPE_BUY_LIMIT:
      case ORDER_TYPE_BUY_STOP:
      case ORDER_TYPE_BUY_STOP_LIMIT:
         return ECP_BUY;
      }
      return ECP_SELL;
   }

   static string Advice(const uint retcode)
   {
      switch(retcode)
      {
      case TRADE_RETCODE_MARKET_CLOSED:
         return "The market is closed; what cuts exposure is tried again when the plane asks.";
      case TRADE_RETCODE_NO_MONEY:
         return "Pay in, or copy smaller lots.";
      case TRADE_RETCODE_CLIENT_DISABLES_AT:
         return "Switch on Algo Trading in the terminal's toolbar and in the properties of the expert.";
      case TRADE_RETCODE_SERVER_DISABLES_AT:
      case TRADE_RETCODE_TRADE_DISABLED:
         return "The broker does not allow this account or symbol to be traded by experts; ask the broker.";
      case TRADE_RETCODE_INVALID_STOPS:
         return "The broker wants stops further from the price.";
      case TRADE_RETCODE_INVALID_VOLUME:
         return "The lot does not fit the symbol; reconnect, so that the plane learns its limits again.";
      case TRADE_RETCODE_TOO_MANY_REQUESTS:
         return "The broker limits how often orders may be sent.";
      }
      return "";
   }

   // The broker has what was confirmed in its history, so that nothing is counted twice and nothing is missed.
   static bool IsRecorded(const ulong deal, const ulong order)
   {
      for(int waited = 0; waited <= ECP_HISTORY_MS && !IsStopped(); waited++)
      {
         if(deal > 0 ? HistoryDealSelect(deal) : order == 0 || OrderSelect(order) || HistoryOrderSelect(order))
            return true;
         Sleep(1);
      }
      return false;
   }

   // What the broker's answer means.
   static ENUM_OUTCOME Outcome(const string what, const MqlTradeResult &result)
   {
      const string about = StringFormat("%s, %u %s", what, result.retcode, result.comment);
      switch(result.retcode)
      {
      case TRADE_RETCODE_DONE:
      case TRADE_RETCODE_DONE_PARTIAL:
      case TRADE_RETCODE_PLACED:
         return IsRecorded(result.deal, result.order) ? OUTCOME_DONE : OUTCOME_UNANSWERED;
      case TRADE_RETCODE_NO_CHANGES:
         return OUTCOME_DONE;
      case TRADE_RETCODE_REQUOTE:
      case TRADE_RETCODE_PRICE_CHANGED:
      case TRADE_RETCODE_PRICE_OFF:
         return OUTCOME_REQUOTED;
      // The request may have reached the broker, and may yet be executed.
      case 0:
      case TRADE_RETCODE_TIMEOUT:
      case TRADE_RETCODE_CONNECTION:
      case TRADE_RETCODE_ERROR:
         JournalCode(TR_ORDER_UNANSWERED, about);
         return OUTCOME_UNANSWERED;
      }
      JournalCode(TR_BROKER_REJECTED, about, Advice(result.retcode));
      return OUTCOME_REFUSED;
   }

   // The same of what CTrade has sent.
   ENUM_OUTCOME Outcome(const string what) const
   {
      MqlTradeResult result;
      m_trade.Result(result);
      return Outcome(what, result);
   }

   static ENUM_ORDER_TYPE_FILLING Filling(const string symbol)
   {
      const long allowed = SymbolInfoInteger(symbol, SYMBOL_FILLING_MODE);
      if((allowed & SYMBOL_FILLING_FOK) == SYMBOL_FILLING_FOK)
         return ORDER_FILLING_FOK;
      return (allowed & SYMBOL_FILLING_IOC) == SYMBOL_FILLING_IOC ? ORDER_FILLING_IOC : ORDER_FILLING_RETURN;
   }

   static int MoneyDigits(void) { return (int)AccountInfoInteger(ACCOUNT_CURRENCY_DIGITS); }

   static int TradeMode(const long mode)
   {
      switch((int)mode)
      {
      case SYMBOL_TRADE_MODE_FULL:
         return ECP_TRADE_FULL;
      case SYMBOL_TRADE_MODE_LONGONLY:
         return ECP_TRADE_LONG_ONLY;
      case SYMBOL_TRADE_MODE_SHORTONLY:
         return ECP_TRADE_SHORT_ONLY;
      case SYMBOL_TRADE_MODE_CLOSEONLY:
         return ECP_TRADE_CLOSE_ONLY;
      }
      return ECP_TRADE_DISABLED;
   }

   // OrderGet... speaks of the order that was selected last.
   static void ReadOrder(SHeld &order)
   {
      const long type = OrderGetInteger(ORDER_TYPE);
      order.ticket = (ulong)OrderGetInteger(ORDER_TICKET);
      order.symbol = OrderGetString(ORDER_SYMBOL);
      const int digits = Digits(order.symbol);
      order.side = OrderSide(type);
      order.order_type = OrderType(type);
      order.volume_e8 = Scaled(OrderGetDouble(ORDER_VOLUME_CURRENT));
      order.price_e8 = Scaled(OrderGetDouble(ORDER_PRICE_OPEN), digits);
      order.stop_loss_e8 = Scaled(OrderGetDouble(ORDER_SL), digits);
      order.take_profit_e8 = Scaled(OrderGetDouble(ORDER_TP), digits);
      order.profit_e8 = 0;
      order.comment = OrderGetString(ORDER_COMMENT);
      order.broker_us = 1000 * OrderGetInteger(ORDER_TIME_SETUP_MSC);
   }

public:
   CTerminalBroker(const long magic, const int slippage_points)
      : m_magic((ulong)magic), m_slippage((ulong)slippage_points), m_last_deal(0), m_read_from(0)
   {
      m_trade.SetExpertMagicNumber(m_magic);
      m_trade.SetDeviationInPoints(m_slippage);
      m_trade.SetAsyncMode(false);
      m_trade.LogLevel(LOG_LEVEL_ERRORS);
   }

   virtual int Mode(void) const
   {
      return AccountInfoInteger(ACCOUNT_MARGIN_MODE) == ACCOUNT_MARGIN_MODE_RETAIL_HEDGING ? ECP_HEDGING : ECP_NETTING;
   }

   virtual long Price(const string symbol, const int side) const
   {
      MqlTick tick;
      if(!SymbolSelect(symbol, true) || !SymbolInfoTick(symbol, tick))
         return 0;
      return Scaled(side == ECP_BUY ? tick.ask : tick.bid, Digits(symbol));
   }

   // Ten points where the broker quotes a tenth of a pip, which shows in the odd number of digits; otherwise one.
   virtual long Pip(const string symbol) const
   {
      const long point = Scaled(SymbolInfoDouble(symbol, SYMBOL_POINT));
      return Digits(symbol) % 2 == 1 ? 10 * point : point;
   }

   virtual bool Margin(const string symbol, const int side, const long volume_e8, double &needed,
                       double &available) const
   {
      needed = 0;
      available = AccountInfoDouble(ACCOUNT_MARGIN_FREE);
      MqlTick tick;
      return SymbolInfoTick(symbol, tick) &&
             OrderCalcMargin(side == ECP_BUY ? ORDER_TYPE_BUY : ORDER_TYPE_SELL, symbol, FromE8(volume_e8),
                             side == ECP_BUY ? tick.ask : tick.bid, needed);
   }

   virtual ENUM_OUTCOME Trade(const string symbol, const int side, const long volume_e8, const ulong position,
                              const long stop_loss_e8, const long take_profit_e8, const string comment)
   {
      MqlTick tick;
      if(!SymbolSelect(symbol, true) || !SymbolInfoTick(symbol, tick))
      {
         JournalCode(TR_BROKER_REJECTED, "no price of " + symbol, "Check that the broker offers the symbol.");
         return OUTCOME_REFUSED;
      }
      m_trade.SetTypeFillingBySymbol(symbol);
      const ENUM_ORDER_TYPE type = side == ECP_BUY ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
      const double price = side == ECP_BUY ? tick.ask : tick.bid;
      const string what = StringFormat("%s %.2f %s", side == ECP_BUY ? "buy" : "sell", FromE8(volume_e8), symbol);
      if(position == 0)
      {
         m_trade.PositionOpen(symbol, type, FromE8(volume_e8), price, ToPrice(symbol, stop_loss_e8),
                              ToPrice(symbol, take_profit_e8), comment);
         return Outcome(what);
      }
      // CTrade closes a part of a position without a comment, and it is the comment that says what it was for.
      MqlTradeRequest request;
      MqlTradeResult result;
      ZeroMemory(request);
      ZeroMemory(result);
      request.action = TRADE_ACTION_DEAL;
      request.position = position;
      request.symbol = symbol;
      request.volume = FromE8(volume_e8);
      request.type = type;
      request.price = price;
      request.deviation = m_slippage;
      request.magic = m_magic;
      request.type_filling = Filling(symbol);
      request.comment = comment;
      m_trade.OrderSend(request, result);
      return Outcome(what, result);
   }

   virtual ENUM_OUTCOME Place(const SHeld &order)
   {
      ENUM_ORDER_TYPE type = order.side == ECP_BUY ? ORDER_TYPE_BUY_LIMIT : ORDER_TYPE_SELL_LIMIT;
      if(order.order_type == ECP_STOP)
         type = order.side == ECP_BUY ? ORDER_TYPE_BUY_STOP : ORDER_TYPE_SELL_STOP;
      else if(order.order_type != ECP_LIMIT || !SymbolSelect(order.symbol, true))
      {
         // The wire has one price, and a stop-limit order needs two.
         JournalCode(TR_BROKER_REJECTED, "no such order can be placed: " + order.symbol);
         return OUTCOME_REFUSED;
      }
      m_trade.OrderOpen(order.symbol, type, FromE8(order.volume_e8), 0, ToPrice(order.symbol, order.price_e8),
                        ToPrice(order.symbol, order.stop_loss_e8), ToPrice(order.symbol, order.take_profit_e8),
                        ORDER_TIME_GTC, 0, order.comment);
      return Outcome("place " + order.symbol);
   }

   virtual ENUM_OUTCOME Amend(const ulong ticket, const long price_e8, const long stop_loss_e8,
                              const long take_profit_e8)
   {
      if(!OrderSelect(ticket))
         return OUTCOME_REFUSED;
      const string symbol = OrderGetString(ORDER_SYMBOL);
      m_trade.OrderModify(ticket, ToPrice(symbol, price_e8), ToPrice(symbol, stop_loss_e8),
                          ToPrice(symbol, take_profit_e8), (ENUM_ORDER_TYPE_TIME)OrderGetInteger(ORDER_TYPE_TIME),
                          (datetime)OrderGetInteger(ORDER_TIME_EXPIRATION), OrderGetDouble(ORDER_PRICE_STOPLIMIT));
      return Outcome(StringFormat("amend %I64u", ticket));
   }

   virtual ENUM_OUTCOME Move(const ulong ticket, const long stop_loss_e8, const long take_profit_e8)
   {
      if(!PositionSelectByTicket(ticket))
         return OUTCOME_REFUSED;
      const string symbol = PositionGetString(POSITION_SYMBOL);
      m_trade.PositionModify(ticket, ToPrice(symbol, stop_loss_e8), ToPrice(symbol, take_profit_e8));
      return Outcome(StringFormat("stops of %I64u", ticket));
   }

   virtual ENUM_OUTCOME Cancel(const ulong ticket)
   {
      m_trade.OrderDelete(ticket);
      return Outcome(StringFormat("cancel %I64u", ticket));
   }

   virtual void Deals(SDeal &deals[])
   {
      ArrayResize(deals, 0);
      // The first time all of it; then what is new stands behind what is known, and a day is more than it can be late.
      if(!HistorySelect(m_read_from, TimeCurrent() + 86400))
         return;
      const int total = HistoryDealsTotal();
      int first = total;
      while(first > 0 && HistoryDealGetTicket(first - 1) > m_last_deal)
         first--;
      int count = 0;
      for(int i = first; i < total; i++)
      {
         const ulong ticket = HistoryDealGetTicket(i);
         const long type = HistoryDealGetInteger(ticket, DEAL_TYPE);
         m_last_deal = MathMax(m_last_deal, ticket);
         m_read_from = (datetime)MathMax((long)0, HistoryDealGetInteger(ticket, DEAL_TIME) - 86400);
         if(type != DEAL_TYPE_BUY && type != DEAL_TYPE_SELL)
            continue;
         ArrayResize(deals, count + 1, 256);
         SDeal deal;
         ZeroMemory(deal);
         deal.ticket = ticket;
         deal.order = (ulong)HistoryDealGetInteger(ticket, DEAL_ORDER);
         deal.position = (ulong)HistoryDealGetInteger(ticket, DEAL_POSITION_ID);
         deal.symbol = HistoryDealGetString(ticket, DEAL_SYMBOL);
         deal.side = Side(type, DEAL_TYPE_BUY);
         deal.is_entry = HistoryDealGetInteger(ticket, DEAL_ENTRY) == DEAL_ENTRY_IN;
         deal.volume_e8 = Scaled(HistoryDealGetDouble(ticket, DEAL_VOLUME));
         deal.price_e8 = Scaled(HistoryDealGetDouble(ticket, DEAL_PRICE));
         deal.profit_e8 =
            Scaled(HistoryDealGetDouble(ticket, DEAL_PROFIT) + HistoryDealGetDouble(ticket, DEAL_SWAP) +
                      HistoryDealGetDouble(ticket, DEAL_COMMISSION) + HistoryDealGetDouble(ticket, DEAL_FEE),
                   MoneyDigits());
         deal.comment = HistoryDealGetString(ticket, DEAL_COMMENT);
         deal.broker_us = 1000 * HistoryDealGetInteger(ticket, DEAL_TIME_MSC);
         deals[count++] = deal;
      }
   }

   virtual void Positions(SHeld &positions[]) const
   {
      int count = 0;
      ArrayResize(positions, PositionsTotal());
      for(int i = 0; i < ArraySize(positions); i++)
      {
         if(PositionGetTicket(i) == 0)
            continue;
         SHeld held;
         ZeroMemory(held);
         held.symbol = PositionGetString(POSITION_SYMBOL);
         const int digits = Digits(held.symbol);
         held.ticket = (ulong)PositionGetInteger(POSITION_TICKET);
         held.side = Side(PositionGetInteger(POSITION_TYPE), POSITION_TYPE_BUY);
         held.order_type = ECP_MARKET;
         held.volume_e8 = Scaled(PositionGetDouble(POSITION_VOLUME));
         held.price_e8 = Scaled(PositionGetDouble(POSITION_PRICE_OPEN));
         held.stop_loss_e8 = Scaled(PositionGetDouble(POSITION_SL), digits);
         held.take_profit_e8 = Scaled(PositionGetDouble(POSITION_TP), digits);
         held.profit_e8 = Scaled(PositionGetDouble(POSITION_PROFIT) + PositionGetDouble(POSITION_SWAP), MoneyDigits());
         held.comment = PositionGetString(POSITION_COMMENT);
         held.broker_us = 1000 * PositionGetInteger(POSITION_TIME_MSC);
         positions[count++] = held;
      }
      ArrayResize(positions, count);
   }

   virtual void Pending(SHeld &orders[]) const
   {
      int count = 0;
      ArrayResize(orders, OrdersTotal());
      for(int i = 0; i < ArraySize(orders); i++)
      {
         SHeld order;
         ZeroMemory(order);
         if(OrderGetTicket(i) == 0)
            continue;
         ReadOrder(order);
         if(order.order_type != ECP_MARKET)
            orders[count++] = order;
      }
      ArrayResize(orders, count);
   }

   virtual void Placed(SHeld &orders[]) const
   {
      Pending(orders);
      int count = ArraySize(orders);
      if(!HistorySelect(m_read_from, TimeCurrent() + 86400))
         return;
      const int total = HistoryOrdersTotal();
      for(int i = 0; i < total; i++)
      {
         const ulong ticket = HistoryOrderGetTicket(i);
         const long type = HistoryOrderGetInteger(ticket, ORDER_TYPE);
         // An order that the broker refused was never placed.
         if(OrderType(type) == ECP_MARKET || HistoryOrderGetInteger(ticket, ORDER_STATE) == ORDER_STATE_REJECTED)
            continue;
         ArrayResize(orders, count + 1, 256);
         SHeld order;
         ZeroMemory(order);
         order.ticket = ticket;
         order.symbol = HistoryOrderGetString(ticket, ORDER_SYMBOL);
         const int digits = Digits(order.symbol);
         order.side = OrderSide(type);
         order.order_type = OrderType(type);
         order.volume_e8 = Scaled(HistoryOrderGetDouble(ticket, ORDER_VOLUME_INITIAL));
         order.price_e8 = Scaled(HistoryOrderGetDouble(ticket, ORDER_PRICE_OPEN), digits);
         order.stop_loss_e8 = Scaled(HistoryOrderGetDouble(ticket, ORDER_SL), digits);
         order.take_profit_e8 = Scaled(HistoryOrderGetDouble(ticket, ORDER_TP), digits);
         order.comment = HistoryOrderGetString(ticket, ORDER_COMMENT);
         order.broker_us = 1000 * HistoryOrderGetInteger(ticket, ORDER_TIME_SETUP_MSC);
         orders[count++] = order;
      }
   }

   virtual void Specifications(const bool watched_only, SSpecification &specifications[]) const
   {
      int count = 0;
      ArrayResize(specifications, SymbolsTotal(watched_only));
      for(int i = 0; i < ArraySize(specifications); i++)
      {
         const string symbol = SymbolName(i, watched_only);
         SSpecification one;
         ZeroMemory(one);
         one.symbol = symbol;
         one.digits = (uint)Digits(symbol);
         one.base_currency = SymbolInfoString(symbol, SYMBOL_CURRENCY_BASE);
         one.profit_currency = SymbolInfoString(symbol, SYMBOL_CURRENCY_PROFIT);
         one.trade_mode = TradeMode(SymbolInfoInteger(symbol, SYMBOL_TRADE_MODE));
         // What cannot be expressed, or has no lots, is nothing that could be copied; one such would void the list.
         if(!ToE8(SymbolInfoDouble(symbol, SYMBOL_TRADE_CONTRACT_SIZE), 8, one.contract_size_e8) ||
            !ToE8(SymbolInfoDouble(symbol, SYMBOL_VOLUME_MIN), 8, one.volume_min_e8) ||
            !ToE8(SymbolInfoDouble(symbol, SYMBOL_VOLUME_MAX), 8, one.volume_max_e8) ||
            !ToE8(SymbolInfoDouble(symbol, SYMBOL_VOLUME_STEP), 8, one.volume_step_e8) ||
            !ToE8(SymbolInfoDouble(symbol, SYMBOL_TRADE_TICK_SIZE), 8, one.tick_size_e8) ||
            !ToE8(SymbolInfoDouble(symbol, SYMBOL_TRADE_TICK_VALUE), 8, one.tick_value_e8) ||
            one.contract_size_e8 <= 0 || one.volume_min_e8 <= 0 || one.volume_step_e8 <= 0 ||
            one.volume_max_e8 < one.volume_min_e8 || one.tick_size_e8 <= 0 || one.tick_value_e8 < 0)
            continue;
         specifications[count++] = one;
      }
      ArrayResize(specifications, MathMin(count, 5000));
   }

   virtual void Money(long &balance_e8, long &equity_e8) const
   {
      balance_e8 = Scaled(AccountInfoDouble(ACCOUNT_BALANCE), MoneyDigits());
      equity_e8 = Scaled(AccountInfoDouble(ACCOUNT_EQUITY), MoneyDigits());
   }

   virtual long Clock(void) const { return 1000000 * (long)TimeTradeServer(); }

   virtual long Profit(const string symbol, const int side, const long volume_e8, const long from_e8,
                       const long to_e8) const
   {
      double profit = 0;
      if(!OrderCalcProfit(side == ECP_BUY ? ORDER_TYPE_BUY : ORDER_TYPE_SELL, symbol, FromE8(volume_e8),
                          FromE8(from_e8), FromE8(to_e8), profit))
         return 0;
      return Scaled(profit, MoneyDigits());
   }
};
