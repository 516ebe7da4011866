// What the master holds, entry by entry, read off the terminal.

#include "Journal.mqh"
#include "Messages.mqh"
#include "Scaled.mqh"

// position.position_id is the number under which it is published; identifier finds its deals.
struct SEntry
{
   SPosition position;
   ulong identifier;
};

class CMasterBook
{
private:
   long m_magics[];

   static long Scaled(const double value, const int digits = 8)
   {
      long scaled = 0;
      ToE8(value, digits, scaled);
      return scaled;
   }

   static int Digits(const string symbol) { return (int)SymbolInfoInteger(symbol, SYMBOL_DIGITS); }

   bool IsWanted(const long magic) const
   {
      for(int i = 0; i < ArraySize(m_magics); i++)
         if(m_magics[i] == magic)
            return true;
      return ArraySize(m_magics) == 0;
   }

   static void Append(SEntry &entries[], const SEntry &entry)
   {
      const int count = ArraySize(entries);
      ArrayResize(entries, count + 1, 64);
      entries[count] = entry;
   }

   // A pending order that was filled is known by its own number; everything else on a netting account by its deal's.
   static ulong NumberOf(const ulong deal, const ulong order, const SEntry &before[])
   {
      for(int i = 0; i < ArraySize(before); i++)
         if(before[i].position.position_id == order)
            return deal;
      if(!HistoryOrderSelect(order))
         return deal;
      const long type = HistoryOrderGetInteger(order, ORDER_TYPE);
      return type == ORDER_TYPE_BUY || type == ORDER_TYPE_SELL ? deal : order;
   }

   // The entries that are left of a net position, first in, first out. A deal that turns the position round closes all and
   // is itself an entry, of what is left of it.
   void AppendEntries(const SEntry &net, const long zone_us, SEntry &entries[]) const
   {
      SEntry open[];
      if(!HistorySelectByPosition(net.identifier))
         return;
      const int total = HistoryDealsTotal();
      ulong deals[];
      ArrayResize(deals, total);
      for(int i = 0; i < total; i++)
         deals[i] = HistoryDealGetTicket(i);
      for(int i = 0; i < total; i++)
      {
         const ulong deal = deals[i];
         const long type = HistoryDealGetInteger(deal, DEAL_TYPE);
         if(type != DEAL_TYPE_BUY && type != DEAL_TYPE_SELL)
            continue;
         const int side = type == DEAL_TYPE_BUY ? ECP_BUY : ECP_SELL;
         long volume = Scaled(HistoryDealGetDouble(deal, DEAL_VOLUME));
         while(volume > 0 && ArraySize(open) > 0 && open[0].position.side != side)
         {
            const long taken = MathMin(volume, open[0].position.volume_e8);
            open[0].position.volume_e8 -= taken;
            volume -= taken;
            if(open[0].position.volume_e8 == 0)
               ArrayRemove(open, 0, 1);
         }
         if(volume == 0)
            continue;
         SEntry entry;
         entry = net;
         entry.position.side = side;
         entry.position.volume_e8 = volume;
         entry.position.price_e8 = Scaled(HistoryDealGetDouble(deal, DEAL_PRICE));
         entry.position.magic = HistoryDealGetInteger(deal, DEAL_MAGIC);
         entry.position.opened_at_us = 1000 * HistoryDealGetInteger(deal, DEAL_TIME_MSC) - zone_us;
         const ulong order = (ulong)HistoryDealGetInteger(deal, DEAL_ORDER);
         entry.position.position_id = NumberOf(deal, order, open);
         Append(open, entry);
      }
      for(int i = 0; i < ArraySize(open); i++)
         if(IsWanted(open[i].position.magic))
            Append(entries, open[i]);
   }

   void AppendPositions(const long zone_us, SEntry &entries[]) const
   {
      SEntry held[];
      const bool is_hedging = AccountInfoInteger(ACCOUNT_MARGIN_MODE) == ACCOUNT_MARGIN_MODE_RETAIL_HEDGING;
      const int total = PositionsTotal();
      for(int i = 0; i < total; i++)
      {
         if(PositionGetTicket(i) == 0)
            continue;
         SEntry entry;
         ZeroMemory(entry);
         entry.identifier = (ulong)PositionGetInteger(POSITION_IDENTIFIER);
         entry.position.position_id = (ulong)PositionGetInteger(POSITION_TICKET);
         entry.position.symbol = PositionGetString(POSITION_SYMBOL);
         const int digits = Digits(entry.position.symbol);
         entry.position.side = PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY ? ECP_BUY : ECP_SELL;
         entry.position.volume_e8 = Scaled(PositionGetDouble(POSITION_VOLUME));
         entry.position.price_e8 = Scaled(PositionGetDouble(POSITION_PRICE_OPEN));
         entry.position.stop_loss_e8 = Scaled(PositionGetDouble(POSITION_SL), digits);
         entry.position.take_profit_e8 = Scaled(PositionGetDouble(POSITION_TP), digits);
         entry.position.order_type = ECP_MARKET;
         entry.position.magic = PositionGetInteger(POSITION_MAGIC);
         entry.position.opened_at_us = 1000 * PositionGetInteger(POSITION_TIME_MSC) - zone_us;
         Append(held, entry);
      }
      for(int i = 0; i < ArraySize(held); i++)
      {
         if(!is_hedging)
            AppendEntries(held[i], zone_us, entries);
         else if(IsWanted(held[i].position.magic))
            Append(entries, held[i]);
      }
   }

   void AppendOrders(const long zone_us, SEntry &entries[]) const
   {
      for(int i = 0; i < OrdersTotal(); i++)
      {
         if(OrderGetTicket(i) == 0)
            continue;
         SEntry entry;
         ZeroMemory(entry);
         entry.position.magic = OrderGetInteger(ORDER_MAGIC);
         if(!IsWanted(entry.position.magic) || !ReadType((int)OrderGetInteger(ORDER_TYPE), entry.position))
            continue;
         entry.position.position_id = (ulong)OrderGetInteger(ORDER_TICKET);
         entry.position.symbol = OrderGetString(ORDER_SYMBOL);
         const int digits = Digits(entry.position.symbol);
         entry.position.volume_e8 = Scaled(OrderGetDouble(ORDER_VOLUME_CURRENT));
         entry.position.price_e8 = Scaled(OrderGetDouble(ORDER_PRICE_OPEN), digits);
         entry.position.stop_loss_e8 = Scaled(OrderGetDouble(ORDER_SL), digits);
         entry.position.take_profit_e8 = Scaled(OrderGetDouble(ORDER_TP), digits);
         entry.position.opened_at_us = 1000 * OrderGetInteger(ORDER_TIME_SETUP_MSC) - zone_us;
         // What was filled in part is a position already, under the same number.
         bool is_filled = false;
         for(int j = 0; j < ArraySize(entries); j++)
            is_filled = is_filled || entries[j].position.position_id == entry.position.position_id;
         if(!is_filled)
            Append(entries, entry);
      }
   }

   // false: not a pending order.
   static bool ReadType(const int type, SPosition &position)
   {
      switch(type)
      {
      case ORDER_TYPE_BUY_LIMIT:
      case ORDER_TYPE_BUY_STOP:
      case ORDER_TYPE_BUY_STOP_LIMIT:
         position.side = ECP_BUY;
         break;
      default:
         position.side = ECP_SELL;
      }
      switch(type)
      {
      case ORDER_TYPE_BUY_LIMIT:
      case ORDER_TYPE_SELL_LIMIT:
         position.order_type = ECP_LIMIT;
         return true;
      case ORDER_TYPE_BUY_STOP:
      case ORDER_TYPE_SELL_STOP:
         position.order_type = ECP_STOP;
         return true;
      case ORDER_TYPE_BUY_STOP_LIMIT:
      case ORDER_TYPE_SELL_STOP_LIMIT:
         position.order_type = ECP_STOP_LIMIT;
         return true;
      }
      return false;
   }

public:
   // magics: only what was opened under one of these; none: everything.
   CMasterBook(const long &magics[]) { ArrayCopy(m_magics, magics); }

   // zone_us: the broker's clock less the plane's, in whole quarters of an hour.
   void Read(const long zone_us, SEntry &entries[]) const
   {
      ArrayResize(entries, 0);
      AppendPositions(zone_us, entries);
      AppendOrders(zone_us, entries);
   }

   // Whether the history shows that something went of an entry, or all of it. What is only not to be seen, because the
   // terminal has not heard of its broker yet, is still there.
   static bool HasEnded(const SEntry &entry, long &price_e8)
   {
      price_e8 = 0;
      if(entry.position.order_type != ECP_MARKET)
         return HistoryOrderSelect(entry.position.position_id);
      if(!HistorySelectByPosition(entry.identifier))
         return false;
      bool has_exit = false;
      long balance_e8 = 0;
      for(int i = 0; i < HistoryDealsTotal(); i++)
      {
         const ulong deal = HistoryDealGetTicket(i);
         const long type = HistoryDealGetInteger(deal, DEAL_TYPE);
         if(type != DEAL_TYPE_BUY && type != DEAL_TYPE_SELL)
            continue;
         const long volume_e8 = Scaled(HistoryDealGetDouble(deal, DEAL_VOLUME));
         balance_e8 += type == DEAL_TYPE_BUY ? volume_e8 : -volume_e8;
         if((type == DEAL_TYPE_BUY) == (entry.position.side == ECP_BUY))
            continue;
         has_exit = true;
         price_e8 = Scaled(HistoryDealGetDouble(deal, DEAL_PRICE));
      }
      return has_exit && (balance_e8 == 0 || IsOpen(entry.identifier));
   }

   static bool IsOpen(const ulong identifier)
   {
      for(int i = 0; i < PositionsTotal(); i++)
         if(PositionGetTicket(i) != 0 && (ulong)PositionGetInteger(POSITION_IDENTIFIER) == identifier)
            return true;
      return false;
   }
};
