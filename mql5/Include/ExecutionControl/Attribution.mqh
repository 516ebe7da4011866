// Which lots at the broker belong to which copy, read off the broker's history and nothing else. Every order carries the
// decision that it was sent for in its comment. So whoever lost all else finds again what was done already, and on a
// netting account which part of a net position is whose.

#include "Broker.mqh"

// What an order was sent for. position_id is the master's.
struct SDecision
{
   ulong subscription_id;
   ulong delivery_seq;
   ulong position_id;
   long since_us; // when it was sent, where that matters
};

// What is open, or was, for a position of a master. ticket is that by which the plane knows it.
struct SCopy
{
   ulong subscription_id;
   ulong position_id;
   string symbol;
   int side;
   ulong ticket;
   ulong delivery_seq;
   long volume_e8; // 0: closed
   long price_e8;
   long stop_loss_e8;
   long take_profit_e8;
};

// What the history shows for a decision: an order that was placed, or what was traded.
struct SDone
{
   ulong subscription_id;
   ulong delivery_seq;
   ulong position_id;
   ulong placed; // the pending order's ticket, 0: none
   long placed_price_e8;
   long placed_volume_e8;
   long placed_stop_loss_e8;
   long placed_take_profit_e8;
   long placed_us;
   long volume_e8;
   long price_e8;
   long broker_us;
};

// What happened to a copy without an order of this run that was known to be answered: a stop that was hit, a pending order
// that was filled, an answer that was lost.
struct SSurprise
{
   ulong subscription_id;
   ulong position_id;
   bool is_untold;
   long volume_e8; // what went of it by the market alone
   long price_e8;
   long broker_us;
};

string DecisionComment(const SDecision &decision)
{
   return StringFormat("%I64u.%I64u.%I64u", decision.subscription_id, decision.delivery_seq, decision.position_id);
}

// false: the comment is not one of ours.
bool ReadDecision(const string comment, SDecision &decision)
{
   string parts[];
   ZeroMemory(decision);
   if(StringSplit(comment, '.', parts) != 3)
      return false;
   for(int i = 0; i < 3; i++)
   {
      const int length = StringLen(parts[i]);
      if(length == 0 || length > 19)
         return false;
      for(int j = 0; j < length; j++)
         if(StringGetCharacter(parts[i], j) < '0' || StringGetCharacter(parts[i], j) > '9')
            return false;
   }
   decision.subscription_id = (ulong)StringToInteger(parts[0]);
   decision.delivery_seq = (ulong)StringToInteger(parts[1]);
   decision.position_id = (ulong)StringToInteger(parts[2]);
   return true;
}

// The price of two volumes together.
long MeanPrice(const long price_e8, const long volume_e8, const long more_price_e8, const long more_volume_e8)
{
   if(volume_e8 == 0 || price_e8 == more_price_e8)
      return more_price_e8;
   const double whole = (double)volume_e8 + (double)more_volume_e8;
   return price_e8 + (long)MathRound((double)(more_price_e8 - price_e8) * ((double)more_volume_e8 / whole));
}

class CAttribution
{
private:
   CBroker *m_broker;
   SDone m_done[];
   SSurprise m_surprises[];
   ulong m_profit_of[];
   long m_profits[];

   // The place of what is known of a decision, made if there is none.
   int DoneOf(const SDecision &decision)
   {
      int row = FindDone(decision.subscription_id, decision.delivery_seq);
      if(row >= 0)
         return row;
      row = ArraySize(m_done);
      ArrayResize(m_done, row + 1, 256);
      ZeroMemory(m_done[row]);
      m_done[row].subscription_id = decision.subscription_id;
      m_done[row].delivery_seq = decision.delivery_seq;
      m_done[row].position_id = decision.position_id;
      return row;
   }

   void ReadPlaced(void)
   {
      SHeld orders[];
      SDecision decision;
      m_broker.Placed(orders);
      for(int i = 0; i < ArraySize(orders); i++)
      {
         if(!ReadDecision(orders[i].comment, decision))
            continue;
         const int row = DoneOf(decision);
         if(m_done[row].placed == orders[i].ticket)
            continue;
         m_done[row].placed = orders[i].ticket;
         m_done[row].placed_price_e8 = orders[i].price_e8;
         m_done[row].placed_volume_e8 = orders[i].volume_e8;
         m_done[row].placed_stop_loss_e8 = orders[i].stop_loss_e8;
         m_done[row].placed_take_profit_e8 = orders[i].take_profit_e8;
         m_done[row].placed_us = orders[i].broker_us;
      }
   }

   // Whose an order without our comment was: the position's; a net position has one owner, or cannot be told apart.
   int OwnerOf(const SDeal &deal) const
   {
      int owner = -1;
      for(int i = 0; i < ArraySize(copies); i++)
      {
         if(copies[i].volume_e8 == 0 || copies[i].symbol != deal.symbol)
            continue;
         if(m_broker.Mode() == ECP_HEDGING && copies[i].ticket != deal.position)
            continue;
         if(owner >= 0)
            return -1;
         owner = i;
      }
      return owner;
   }

   void Take(const SDeal &deal, const bool is_expected)
   {
      SDecision decision;
      const bool is_ours = ReadDecision(deal.comment, decision);
      int copy = is_ours ? FindCopy(decision.subscription_id, decision.position_id) : OwnerOf(deal);
      if(is_ours)
      {
         const int row = DoneOf(decision);
         m_done[row].price_e8 = MeanPrice(m_done[row].price_e8, m_done[row].volume_e8, deal.price_e8, deal.volume_e8);
         m_done[row].volume_e8 += deal.volume_e8;
         m_done[row].broker_us = deal.broker_us;
         if(copy < 0 || copies[copy].volume_e8 == 0)
            copy = Begin(deal, decision, row, copy);
      }
      if(copy < 0)
         return;
      const bool is_hedging = m_broker.Mode() == ECP_HEDGING;
      if(is_hedging)
         Earn(copies[copy].subscription_id, deal.profit_e8);
      if(deal.side == copies[copy].side)
      {
         copies[copy].price_e8 =
            MeanPrice(copies[copy].price_e8, copies[copy].volume_e8, deal.price_e8, deal.volume_e8);
         copies[copy].volume_e8 += deal.volume_e8;
      }
      else
      {
         const long volume = MathMin(copies[copy].volume_e8, deal.volume_e8);
         if(!is_hedging)
            Earn(copies[copy].subscription_id,
                 m_broker.Profit(copies[copy].symbol, copies[copy].side, volume, copies[copy].price_e8, deal.price_e8));
         copies[copy].volume_e8 -= volume;
      }
      if(!is_expected)
         Surprise(copies[copy].subscription_id, copies[copy].position_id, deal, !is_ours);
   }

   int Begin(const SDeal &deal, const SDecision &decision, const int done, const int closed)
   {
      int copy = closed;
      if(copy < 0)
      {
         copy = ArraySize(copies);
         ArrayResize(copies, copy + 1, 64);
      }
      ZeroMemory(copies[copy]);
      copies[copy].subscription_id = decision.subscription_id;
      copies[copy].position_id = decision.position_id;
      copies[copy].symbol = deal.symbol;
      copies[copy].side = deal.side;
      // A net position is no copy's own, so there it is the order that tells one from another.
      copies[copy].ticket = m_broker.Mode() == ECP_HEDGING ? deal.position : deal.order;
      copies[copy].delivery_seq = decision.delivery_seq;
      copies[copy].stop_loss_e8 = m_done[done].placed_stop_loss_e8;
      copies[copy].take_profit_e8 = m_done[done].placed_take_profit_e8;
      return copy;
   }

   void Earn(const ulong subscription_id, const long profit_e8)
   {
      int row = ArraySize(m_profit_of) - 1;
      while(row >= 0 && m_profit_of[row] != subscription_id)
         row--;
      if(row < 0)
      {
         row = ArraySize(m_profit_of);
         ArrayResize(m_profit_of, row + 1);
         ArrayResize(m_profits, row + 1);
         m_profit_of[row] = subscription_id;
         m_profits[row] = 0;
      }
      m_profits[row] += profit_e8;
   }

   int FindSurprise(const ulong subscription_id, const ulong position_id) const
   {
      int row = ArraySize(m_surprises) - 1;
      while(row >= 0 &&
            (m_surprises[row].subscription_id != subscription_id || m_surprises[row].position_id != position_id))
         row--;
      return row;
   }

   void Surprise(const ulong subscription_id, const ulong position_id, const SDeal &deal, const bool is_market)
   {
      const int row = Doubt(subscription_id, position_id);
      if(!is_market)
         return;
      m_surprises[row].price_e8 =
         MeanPrice(m_surprises[row].price_e8, m_surprises[row].volume_e8, deal.price_e8, deal.volume_e8);
      m_surprises[row].volume_e8 += deal.volume_e8;
      m_surprises[row].broker_us = deal.broker_us;
   }

public:
   SCopy copies[]; // closed ones too, for their tickets

   CAttribution(CBroker *broker) : m_broker(broker) { Read(true); }

   // Takes in what is new in the history.
   void Read(const bool is_expected)
   {
      SDeal deals[];
      ReadPlaced();
      m_broker.Deals(deals);
      for(int i = 0; i < ArraySize(deals); i++)
         Take(deals[i], is_expected);
   }

   int FindCopy(const ulong subscription_id, const ulong position_id) const
   {
      int row = ArraySize(copies) - 1;
      while(row >= 0 && (copies[row].subscription_id != subscription_id || copies[row].position_id != position_id))
         row--;
      return row;
   }

   // Of what is open.
   int FindOpen(const ulong subscription_id, const ulong position_id) const
   {
      const int row = FindCopy(subscription_id, position_id);
      return row >= 0 && copies[row].volume_e8 > 0 ? row : -1;
   }

   int FindDone(const ulong subscription_id, const ulong delivery_seq) const
   {
      int row = ArraySize(m_done) - 1;
      while(row >= 0 && (m_done[row].delivery_seq != delivery_seq || m_done[row].subscription_id != subscription_id))
         row--;
      return row;
   }

   // What the history shows for a decision; false: nothing.
   bool Done(const ulong subscription_id, const ulong delivery_seq, SDone &done) const
   {
      const int row = FindDone(subscription_id, delivery_seq);
      if(row < 0)
         return false;
      done = m_done[row];
      return true;
   }

   int Known(void) const { return ArraySize(m_done); }

   void Known(const int row, SDecision &decision) const
   {
      ZeroMemory(decision);
      decision.subscription_id = m_done[row].subscription_id;
      decision.delivery_seq = m_done[row].delivery_seq;
      decision.position_id = m_done[row].position_id;
   }

   // Deliveries are executed in order: those up to the newest in the history were.
   ulong Newest(const ulong subscription_id) const
   {
      ulong newest = 0;
      for(int i = 0; i < ArraySize(m_done); i++)
         if(m_done[i].subscription_id == subscription_id)
            newest = MathMax(newest, m_done[i].delivery_seq);
      return newest;
   }

   // The pending order of a copy.
   bool Pending(const ulong subscription_id, const ulong position_id, SHeld &order) const
   {
      SHeld orders[];
      SDecision decision;
      m_broker.Pending(orders);
      for(int i = 0; i < ArraySize(orders); i++)
         if(ReadDecision(orders[i].comment, decision) && decision.subscription_id == subscription_id &&
            decision.position_id == position_id)
         {
            order = orders[i];
            return true;
         }
      return false;
   }

   // The one open copy in a symbol, -1: none, or several.
   int OnlyIn(const string symbol) const
   {
      int only = -1;
      for(int i = 0; i < ArraySize(copies); i++)
         if(copies[i].volume_e8 > 0 && copies[i].symbol == symbol)
         {
            if(only >= 0)
               return -1;
            only = i;
         }
      return only;
   }

   // Whether a copy is open in it.
   bool IsOurs(const string symbol) const
   {
      for(int i = 0; i < ArraySize(copies); i++)
         if(copies[i].volume_e8 > 0 && copies[i].symbol == symbol)
            return true;
      return false;
   }

   // The book of this copy is not what was reported; its place among the surprises.
   int Doubt(const ulong subscription_id, const ulong position_id)
   {
      int row = FindSurprise(subscription_id, position_id);
      if(row < 0)
      {
         row = ArraySize(m_surprises);
         ArrayResize(m_surprises, row + 1, 16);
         ZeroMemory(m_surprises[row]);
         m_surprises[row].subscription_id = subscription_id;
         m_surprises[row].position_id = position_id;
      }
      m_surprises[row].is_untold = true;
      return row;
   }

   // A report tells it now: what the market closed of the copy, false: nothing. Asked once.
   bool Explained(const ulong subscription_id, const ulong position_id, SSurprise &surprise)
   {
      const int row = FindSurprise(subscription_id, position_id);
      if(row < 0)
         return false;
      surprise = m_surprises[row];
      ArrayRemove(m_surprises, row, 1);
      return surprise.volume_e8 > 0;
   }

   bool IsUntold(const ulong subscription_id) const
   {
      for(int i = 0; i < ArraySize(m_surprises); i++)
         if(m_surprises[i].subscription_id == subscription_id && m_surprises[i].is_untold)
            return true;
      return false;
   }

   // A book tells it now. A net position does not say what became of whom: the reports still have to.
   void Told(const ulong subscription_id)
   {
      for(int i = ArraySize(m_surprises) - 1; i >= 0; i--)
      {
         if(m_surprises[i].subscription_id != subscription_id || !m_surprises[i].is_untold)
            continue;
         m_surprises[i].is_untold = false;
         if(m_broker.Mode() == ECP_HEDGING)
            ArrayRemove(m_surprises, i, 1);
      }
   }

   // Realised and floating, since the subscription began.
   long Profit(const ulong subscription_id) const
   {
      long profit = 0;
      for(int i = 0; i < ArraySize(m_profit_of); i++)
         if(m_profit_of[i] == subscription_id)
            profit += m_profits[i];
      SHeld positions[];
      const bool is_hedging = m_broker.Mode() == ECP_HEDGING;
      if(is_hedging)
         m_broker.Positions(positions);
      for(int i = 0; i < ArraySize(copies); i++)
      {
         if(copies[i].subscription_id != subscription_id || copies[i].volume_e8 == 0)
            continue;
         for(int j = 0; j < ArraySize(positions); j++)
            if(positions[j].ticket == copies[i].ticket)
               profit += positions[j].profit_e8;
         if(!is_hedging)
         {
            const long price = m_broker.Price(copies[i].symbol, copies[i].side == ECP_BUY ? ECP_SELL : ECP_BUY);
            if(price > 0)
               profit +=
                  m_broker.Profit(copies[i].symbol, copies[i].side, copies[i].volume_e8, copies[i].price_e8, price);
         }
      }
      return profit;
   }
};
