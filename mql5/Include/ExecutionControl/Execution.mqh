// From a delivery to orders at the broker, and to the report of what came of them.

#include "Attribution.mqh"
#include "Clock.mqh"
#include "ExecutionGuard.mqh"

// What manages or cuts exposure is asked for so often before the plane is told that it cannot be had.
#define ECP_ATTEMPTS 3
// An order without an answer may be on its way for so long.
#define ECP_DOUBT_US 30000000
// Brokers' zones are whole quarters of an hour away from UTC.
#define ECP_ZONE_US 900000000

class CExecution
{
private:
   CBroker *m_broker;
   CPlaneClock *m_clock;
   bool m_is_history_lost;

   bool IsNetting(void) const { return m_broker.Mode() == ECP_NETTING; }

   // A time of the broker's, in its zone, by the plane's clock.
   long PlaneTimeOf(const long broker_us) const
   {
      const double apart = (double)(m_broker.Clock() - m_clock.PlaneTime());
      return broker_us - (long)MathRound(apart / ECP_ZONE_US) * ECP_ZONE_US;
   }

   static void Blank(const SDecision &decision, SReport &report)
   {
      ZeroMemory(report);
      report.subscription_id = decision.subscription_id;
      report.delivery_seq = decision.delivery_seq;
      report.code = "";
   }

   void Tell(SReport &report, const ulong ticket, const long price_e8, const long volume_e8, const long executed_at_us)
   {
      report.status = ECP_EXECUTED;
      report.code = "";
      report.ticket = ticket;
      report.price_e8 = price_e8;
      report.volume_e8 = volume_e8;
      report.executed_at_us = executed_at_us;
   }

   // Whether the broker's history knows the decision; then the report says what it says.
   bool IsDone(const SDecision &decision, SReport &report)
   {
      SDone done;
      if(!books.Done(decision.subscription_id, decision.delivery_seq, done))
         return false;
      if(done.placed != 0)
      {
         Tell(report, done.placed, done.placed_price_e8, done.placed_volume_e8, PlaneTimeOf(done.placed_us));
         return true;
      }
      const int copy = books.FindCopy(done.subscription_id, done.position_id);
      if(copy < 0 || done.volume_e8 == 0)
         return false;
      Tell(report, books.copies[copy].ticket, done.price_e8, done.volume_e8, PlaneTimeOf(done.broker_us));
      return true;
   }

   // What of an opening would need margin: on a netting account not what only takes from a position that is there.
   long Added(const SDelivery &delivery) const
   {
      if(!IsNetting())
         return delivery.volume_e8;
      SHeld positions[];
      m_broker.Positions(positions);
      for(int i = 0; i < ArraySize(positions); i++)
         if(positions[i].symbol == delivery.symbol && positions[i].side != delivery.side)
            return MathMax((long)0, delivery.volume_e8 - 2 * positions[i].volume_e8);
      return delivery.volume_e8;
   }

   void Look(const SDelivery &delivery, SMoment &moment) const
   {
      ZeroMemory(moment);
      moment.plane_time_us = m_clock.PlaneTime();
      moment.signature = GUARD_UNSIGNED;
      if(!RaisesExposure(delivery.action))
         return;
      moment.price_e8 = m_broker.Price(delivery.symbol, delivery.side);
      const long added = delivery.action == ECP_OPEN ? Added(delivery) : 0;
      // What cannot be known is more than there is.
      if(added > 0 && !m_broker.Margin(delivery.symbol, delivery.side, added, moment.margin_needed, moment.margin_free))
         moment.margin_needed = DBL_MAX;
   }

   // What a refusal was about that is neither age nor price.
   static string Besides(const string code, const SMoment &moment, const CExecutionGuard *guard)
   {
      if(code == TR_NOT_SYNCED)
         return ", state " + StringSubstr(EnumToString(guard.State()), StringLen("GUARD_"));
      if(code == TR_MARGIN_TOO_LOW && moment.margin_needed < DBL_MAX)
         return StringFormat(", margin needed %.2f, free %.2f", moment.margin_needed, moment.margin_free);
      return "";
   }

   // What raises exposure: once, unless the broker asks to take another price and the guard takes it.
   ENUM_OUTCOME Raise(const SDelivery &delivery, const SDecision &decision, const CExecutionGuard *guard,
                      SReport &report)
   {
      if(IsDone(decision, report))
         return OUTCOME_DONE;
      ENUM_OUTCOME outcome = OUTCOME_REFUSED;
      for(int attempt = 0; attempt < ECP_ATTEMPTS; attempt++)
      {
         SMoment moment;
         Look(delivery, moment);
         const string code = guard.Refusal(delivery, moment, m_broker.Pip(delivery.symbol));
         if(code != "")
         {
            report.status = ECP_REJECTED;
            report.code = code;
            JournalCode(code, StringFormat("delivery %I64u, %s %s, %I64d ms old, price %.5f, master's %.5f%s",
                                           delivery.delivery_seq, ActionName(delivery.action), delivery.symbol,
                                           (moment.plane_time_us - delivery.sent_at_us) / 1000, FromE8(moment.price_e8),
                                           FromE8(delivery.price_e8), Besides(code, moment, guard)));
            return OUTCOME_DONE;
         }
         outcome = SendOpening(delivery, decision);
         if(outcome != OUTCOME_REQUOTED)
            break;
      }
      books.Read(true);
      NoteStops(delivery);
      return IsDone(decision, report) ? OUTCOME_DONE : outcome == OUTCOME_DONE ? OUTCOME_UNANSWERED : outcome;
   }

   ENUM_OUTCOME SendOpening(const SDelivery &delivery, const SDecision &decision)
   {
      // A comment that is cut off would be found again by nobody.
      const string comment = DecisionComment(decision);
      if(StringLen(comment) > ECP_COMMENT_LIMIT)
      {
         JournalCode(TR_BROKER_REJECTED, "the numbers are too long for a comment: " + comment);
         return OUTCOME_REFUSED;
      }
      if(delivery.action == ECP_PLACE)
      {
         SHeld order;
         ZeroMemory(order);
         order.symbol = delivery.symbol;
         order.side = delivery.side;
         order.order_type = delivery.order_type;
         order.volume_e8 = delivery.volume_e8;
         order.price_e8 = delivery.price_e8;
         order.stop_loss_e8 = delivery.stop_loss_e8;
         order.take_profit_e8 = delivery.take_profit_e8;
         order.comment = comment;
         return m_broker.Place(order);
      }
      // A net position has one pair of stops, which are arranged once it is known whose it is.
      return m_broker.Trade(delivery.symbol, delivery.side, delivery.volume_e8, 0,
                            IsNetting() ? 0 : delivery.stop_loss_e8, IsNetting() ? 0 : delivery.take_profit_e8,
                            comment);
   }

   // What manages or cuts exposure: until it is done.
   ENUM_OUTCOME Manage(const SDelivery &delivery, const SDecision &decision, const CExecutionGuard *guard,
                       SReport &report)
   {
      SHeld order;
      SMoment moment;
      Look(delivery, moment);
      const string code = guard.Refusal(delivery, moment, 0);
      if(code != "")
      {
         report.status = ECP_REJECTED;
         report.code = code;
         JournalCode(code, StringFormat("delivery %I64u, %s", delivery.delivery_seq, ActionName(delivery.action)));
         return OUTCOME_DONE;
      }
      const int copy = Copy(delivery);
      const bool is_pending = books.Pending(decision.subscription_id, decision.position_id, order);
      const bool cuts = CutsExposure(delivery.action);
      if(copy < 0 && !is_pending)
      {
         // What the market closed is told as what came of the close; a close that was done already, as it was.
         SSurprise market;
         if(IsDone(decision, report))
            return OUTCOME_DONE;
         const int closed = books.FindCopy(decision.subscription_id, decision.position_id);
         if(cuts && closed >= 0 && books.Explained(decision.subscription_id, decision.position_id, market))
         {
            Tell(report, books.copies[closed].ticket, market.price_e8, market.volume_e8, PlaneTimeOf(market.broker_us));
            return OUTCOME_DONE;
         }
         report.status = ECP_REJECTED;
         report.code = TR_NO_POSITION;
         JournalCode(TR_NO_POSITION, StringFormat("delivery %I64u, %s %s", delivery.delivery_seq,
                                                  ActionName(delivery.action), delivery.symbol));
         return OUTCOME_DONE;
      }
      if(!cuts)
         return ArrangeFor(delivery, copy, is_pending, order, report);
      const long target = delivery.action == ECP_PARTIAL_CLOSE ? delivery.volume_e8 : 0;
      ENUM_OUTCOME outcome = OUTCOME_DONE;
      if(is_pending)
         outcome = Shrink(order, target, decision, report);
      if(copy >= 0 && outcome == OUTCOME_DONE)
         outcome = Reduce(copy, target, decision, report);
      return outcome;
   }

   // The open copy; if there is no history of the account, what the plane says of it.
   int Copy(const SDelivery &delivery)
   {
      const int known = books.FindCopy(delivery.subscription_id, delivery.position_id);
      if(known >= 0 || !m_is_history_lost)
         return books.FindOpen(delivery.subscription_id, delivery.position_id);
      SHeld positions[];
      m_broker.Positions(positions);
      for(int i = 0; i < ArraySize(positions); i++)
      {
         if(IsNetting() ? positions[i].symbol != delivery.symbol : positions[i].ticket != delivery.ticket)
            continue;
         const long volume = IsNetting() ? delivery.held_volume_e8 : positions[i].volume_e8;
         if(volume <= 0)
            return -1;
         const int copy = ArraySize(books.copies);
         ArrayResize(books.copies, copy + 1, 64);
         ZeroMemory(books.copies[copy]);
         books.copies[copy].subscription_id = delivery.subscription_id;
         books.copies[copy].position_id = delivery.position_id;
         books.copies[copy].symbol = positions[i].symbol;
         books.copies[copy].side = delivery.side;
         books.copies[copy].ticket = delivery.ticket != 0 ? delivery.ticket : positions[i].ticket;
         books.copies[copy].volume_e8 = volume;
         books.copies[copy].price_e8 = positions[i].price_e8;
         return copy;
      }
      return -1;
   }

   // Stops, and of a pending order the price.
   ENUM_OUTCOME ArrangeFor(const SDelivery &delivery, const int copy, const bool is_pending, const SHeld &order,
                           SReport &report)
   {
      NoteStops(delivery);
      const ulong ticket = is_pending ? order.ticket : books.copies[copy].ticket;
      ENUM_OUTCOME outcome = OUTCOME_DONE;
      if(is_pending)
      {
         const long price = delivery.action == ECP_AMEND ? delivery.price_e8 : order.price_e8;
         for(int attempt = 0; attempt < ECP_ATTEMPTS; attempt++)
         {
            outcome = m_broker.Amend(ticket, price, delivery.stop_loss_e8, delivery.take_profit_e8);
            if(outcome == OUTCOME_DONE)
               break;
         }
      }
      else if(!IsNetting())
         outcome = Move(ticket, delivery.stop_loss_e8, delivery.take_profit_e8);
      if(outcome == OUTCOME_DONE)
         Tell(report, ticket, 0, 0, m_clock.PlaneTime());
      return outcome;
   }

   // May be done twice without harm, so no answer is asked for again like a refusal.
   ENUM_OUTCOME Move(const ulong ticket, const long stop_loss_e8, const long take_profit_e8)
   {
      for(int attempt = 0; attempt < ECP_ATTEMPTS; attempt++)
         if(m_broker.Move(ticket, stop_loss_e8, take_profit_e8) == OUTCOME_DONE)
            return OUTCOME_DONE;
      return OUTCOME_REFUSED;
   }

   // Takes the order away; a terminal cannot change its volume, so what is to remain is placed anew.
   ENUM_OUTCOME Shrink(const SHeld &order, const long target, const SDecision &decision, SReport &report)
   {
      SHeld still;
      if(order.volume_e8 > target)
      {
         for(int attempt = 0; attempt < ECP_ATTEMPTS; attempt++)
            if(!books.Pending(decision.subscription_id, decision.position_id, still) ||
               m_broker.Cancel(order.ticket) == OUTCOME_DONE)
               break;
         // Filled meanwhile is as good: what it became is closed with the copy.
         if(books.Pending(decision.subscription_id, decision.position_id, still))
            return OUTCOME_REFUSED;
         if(target > 0)
         {
            SHeld rest;
            rest = order;
            rest.volume_e8 = target;
            rest.comment = DecisionComment(decision);
            m_broker.Place(rest);
         }
      }
      Tell(report, order.ticket, order.price_e8, MathMax((long)0, order.volume_e8 - target), m_clock.PlaneTime());
      if(order.volume_e8 <= target)
         report.price_e8 = 0;
      return OUTCOME_DONE;
   }

   // Trades until no more than target is left of the copy, whatever else the account holds.
   ENUM_OUTCOME Reduce(const int copy, const long target, const SDecision &decision, SReport &report)
   {
      const ulong ticket = books.copies[copy].ticket;
      int refused = 0;
      while(books.copies[copy].volume_e8 > target)
      {
         const ENUM_OUTCOME outcome = m_broker.Trade(
            books.copies[copy].symbol, books.copies[copy].side == ECP_BUY ? ECP_SELL : ECP_BUY,
            books.copies[copy].volume_e8 - target, IsNetting() ? 0 : ticket, 0, 0, DecisionComment(decision));
         books.Read(true);
         if(outcome == OUTCOME_UNANSWERED && books.copies[copy].volume_e8 > target)
            return OUTCOME_UNANSWERED;
         if(outcome != OUTCOME_DONE && ++refused == ECP_ATTEMPTS)
            return OUTCOME_REFUSED;
      }
      SDone done;
      if(books.Done(decision.subscription_id, decision.delivery_seq, done) && done.volume_e8 > 0)
         Tell(report, ticket, done.price_e8, done.volume_e8, PlaneTimeOf(done.broker_us));
      else if(report.status != ECP_EXECUTED)
         Tell(report, ticket, 0, 0, m_clock.PlaneTime());
      return OUTCOME_DONE;
   }

   // Netting: one pair of stops for a symbol

   void NoteStops(const SDelivery &delivery)
   {
      const int copy = books.FindOpen(delivery.subscription_id, delivery.position_id);
      if(copy < 0)
         return;
      books.copies[copy].stop_loss_e8 = delivery.stop_loss_e8;
      books.copies[copy].take_profit_e8 = delivery.take_profit_e8;
   }

   // After a restart: what the broker has.
   void AdoptStops(void)
   {
      SHeld positions[];
      m_broker.Positions(positions);
      for(int i = 0; i < ArraySize(positions); i++)
      {
         const int owner = books.OnlyIn(positions[i].symbol);
         if(!IsNetting() || owner < 0)
            continue;
         books.copies[owner].stop_loss_e8 = positions[i].stop_loss_e8;
         books.copies[owner].take_profit_e8 = positions[i].take_profit_e8;
      }
   }

   // A net position has stops at the broker while it is one copy's alone; otherwise its masters' closes are its stops.
   void ArrangeStops(void)
   {
      if(!IsNetting())
         return;
      SHeld positions[];
      m_broker.Positions(positions);
      for(int i = 0; i < ArraySize(positions); i++)
      {
         // What no copy shares in is not ours to touch.
         if(!books.IsOurs(positions[i].symbol))
            continue;
         const int owner = books.OnlyIn(positions[i].symbol);
         const long stop_loss = owner < 0 ? 0 : books.copies[owner].stop_loss_e8;
         const long take_profit = owner < 0 ? 0 : books.copies[owner].take_profit_e8;
         if(stop_loss != positions[i].stop_loss_e8 || take_profit != positions[i].take_profit_e8)
            Move(positions[i].ticket, stop_loss, take_profit);
      }
   }

   int FindUnanswered(const ulong subscription_id, const ulong delivery_seq) const
   {
      int row = ArraySize(unanswered) - 1;
      while(row >= 0 &&
            (unanswered[row].subscription_id != subscription_id || unanswered[row].delivery_seq != delivery_seq))
         row--;
      return row;
   }

   void Doubt(const SDecision &decision)
   {
      if(FindUnanswered(decision.subscription_id, decision.delivery_seq) >= 0)
         return;
      const int row = ArraySize(unanswered);
      ArrayResize(unanswered, row + 1);
      unanswered[row] = decision;
   }

public:
   CAttribution books;
   SDecision unanswered[]; // sent, and no word of what came of it

   // Both must live longer than this.
   CExecution(CBroker *broker, CPlaneClock *clock) : m_broker(broker), m_clock(clock), books(broker)
   {
      SHeld positions[];
      m_broker.Positions(positions);
      m_is_history_lost = ArraySize(positions) > 0 && books.Known() == 0;
      AdoptStops();
   }

   // Does it, unless it was done already. The report lacks only received_at_us.
   void Execute(const SDelivery &delivery, const CExecutionGuard *guard, SReport &report)
   {
      SDecision decision;
      decision.subscription_id = delivery.subscription_id;
      decision.delivery_seq = delivery.delivery_seq;
      decision.position_id = delivery.position_id;
      decision.since_us = m_clock.PlaneTime();
      Blank(decision, report);
      books.Read(false);
      ENUM_OUTCOME outcome = OUTCOME_UNANSWERED;
      const int doubted = FindUnanswered(decision.subscription_id, decision.delivery_seq);
      // An order that may be on its way is not sent again before it must have arrived.
      if(doubted < 0 || decision.since_us - unanswered[doubted].since_us >= ECP_DOUBT_US || IsDone(decision, report))
         outcome = delivery.gap_fill || RaisesExposure(delivery.action) ? Raise(delivery, decision, guard, report)
                                                                        : Manage(delivery, decision, guard, report);
      SDone done;
      switch(outcome)
      {
      case OUTCOME_DONE:
         if(doubted >= 0)
            ArrayRemove(unanswered, doubted, 1);
         break;
      case OUTCOME_UNANSWERED:
         if(!IsDone(decision, report))
         {
            report.status = ECP_UNKNOWN;
            report.code = TR_ORDER_UNANSWERED;
            Doubt(decision);
         }
         break;
      default:
         report.status = ECP_FAILED;
         report.code = TR_BROKER_REJECTED;
         // Part of it may be done nevertheless: the plane finds that in the book.
         if(books.Done(decision.subscription_id, decision.delivery_seq, done))
            books.Doubt(decision.subscription_id, decision.position_id);
      }
      ArrangeStops();
   }

   // Appends the reports of orders that turned out to be done after all.
   void Answered(SReport &reports[])
   {
      books.Read(false);
      for(int i = ArraySize(unanswered) - 1; i >= 0; i--)
      {
         SReport report;
         SSurprise surprise;
         Blank(unanswered[i], report);
         if(!IsDone(unanswered[i], report))
            continue;
         books.Explained(unanswered[i].subscription_id, unanswered[i].position_id, surprise);
         ArrayRemove(unanswered, i, 1);
         Append(reports, report);
      }
   }

   // Appends the reports of orders that the history does not have although it must by now: given up.
   void Abandoned(SReport &reports[])
   {
      const long now = m_clock.PlaneTime();
      for(int i = ArraySize(unanswered) - 1; i >= 0; i--)
      {
         if(now - unanswered[i].since_us < ECP_DOUBT_US)
            continue;
         SReport report;
         Blank(unanswered[i], report);
         report.status = ECP_FAILED;
         report.code = TR_ORDER_UNANSWERED;
         ArrayRemove(unanswered, i, 1);
         Append(reports, report);
      }
   }

   // The reports of what the broker's history has last of a subscription, in order.
   void Recall(const ulong subscription_id, const int limit, SReport &reports[])
   {
      for(int i = MathMax(0, books.Known() - limit); i < books.Known(); i++)
      {
         SDecision decision;
         SReport report;
         books.Known(i, decision);
         Blank(decision, report);
         if(decision.subscription_id == subscription_id && IsDone(decision, report))
            Append(reports, report);
      }
   }

   static void Append(SReport &reports[], const SReport &report)
   {
      const int count = ArraySize(reports);
      ArrayResize(reports, count + 1, 64);
      reports[count] = report;
   }

   // The book of the subscription; of a netting account all of it: net positions, and pending orders.
   void Holdings(const ulong subscription_id, SHolding &holdings[])
   {
      SHeld held[];
      SHeld orders[];
      SDecision decision;
      int count = 0;
      books.Read(false);
      m_broker.Positions(held);
      m_broker.Pending(orders);
      ArrayResize(holdings, ArraySize(held) + ArraySize(orders));
      for(int i = 0; i < ArraySize(held); i++)
      {
         int copy = -1;
         for(int j = 0; j < ArraySize(books.copies) && !IsNetting(); j++)
            if(books.copies[j].ticket == held[i].ticket && books.copies[j].subscription_id == subscription_id &&
               books.copies[j].volume_e8 > 0)
               copy = j;
         if(copy < 0 && !IsNetting())
            continue;
         Hold(held[i], holdings[count]);
         if(copy >= 0)
         {
            holdings[count].position_id = books.copies[copy].position_id;
            holdings[count].delivery_seq = books.copies[copy].delivery_seq;
         }
         count++;
      }
      for(int i = 0; i < ArraySize(orders); i++)
      {
         if(!ReadDecision(orders[i].comment, decision) || (decision.subscription_id != subscription_id && !IsNetting()))
            continue;
         Hold(orders[i], holdings[count]);
         holdings[count].position_id = decision.position_id;
         holdings[count].delivery_seq = decision.delivery_seq;
         count++;
      }
      ArrayResize(holdings, count);
   }

   static void Hold(const SHeld &held, SHolding &holding)
   {
      ZeroMemory(holding);
      holding.ticket = held.ticket;
      holding.symbol = held.symbol;
      holding.side = held.side;
      holding.volume_e8 = held.volume_e8;
      holding.price_e8 = held.price_e8;
      holding.stop_loss_e8 = held.stop_loss_e8;
      holding.take_profit_e8 = held.take_profit_e8;
      holding.order_type = held.order_type;
   }
};
