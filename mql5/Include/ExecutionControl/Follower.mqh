// A subscriber: takes deliveries, executes them at its broker, and tells how it stands. Its own state is the last
// delivery processed of each subscription, the reports that were not acked, and the orders without an answer. Everything
// else is in the broker's history, where it is found again when the state was lost.

#include "Reporting.mqh"
#include "StateFile.mqh"

// So many of the last orders are reported again by an EA that cannot know whether it has done so.
#define ECP_RECALLED 200

struct SFollowing
{
   bool is_subscribed; // on this connection
   bool is_refused;    // for now
   bool is_denied;     // on this connection for good
   ulong subscribe_id; // the frame that asked
   bool is_resending;
   bool may_skip;
   ulong newest; // that the plane has spoken of
   bool is_book_due;
   ulong book_after; // once so many deliveries are processed
   long book_sent_us;
   int book_doubts;
};

class CFollower : public CReporting
{
private:
   CBroker *m_broker;
   CExecution *m_execution;
   CStateFile m_file;
   CExecutionGuard *m_guards[];
   SFollowing m_follows[];
   ulong m_portfolio_id;
   ulong m_specifications_id;
   bool m_is_told; // on this connection the plane knows symbols and money
   bool m_is_mode_wrong;
   bool m_is_forgetful; // the state was lost, and what the history has is not reported yet
   long m_forgot_at_us;

   int Find(const ulong subscription_id) const
   {
      int row = ArraySize(m_guards) - 1;
      while(row >= 0 && m_guards[row].SubscriptionId() != subscription_id)
         row--;
      return row;
   }

   // State

   bool ReadFollowing(const uchar &data[], CProtoReader &outer)
   {
      ulong subscription_id = 0;
      ulong last = 0;
      CProtoReader from;
      from.Enter(data, outer);
      while(from.Next(data))
         if(from.Field() == 1)
            subscription_id = from.Ulong();
         else if(from.Field() == 2)
            last = from.Ulong();
      const int row = Find(subscription_id);
      if(row >= 0)
         m_guards[row].Restore(last);
      return !from.Failed();
   }

   bool ReadUnanswered(const uchar &data[], CProtoReader &outer)
   {
      SDecision decision;
      ZeroMemory(decision);
      CProtoReader from;
      from.Enter(data, outer);
      while(from.Next(data))
         switch(from.Field())
         {
         case 1:
            decision.subscription_id = from.Ulong();
            break;
         case 2:
            decision.delivery_seq = from.Ulong();
            break;
         case 3:
            decision.position_id = from.Ulong();
            break;
         case 4:
            decision.since_us = from.Long();
            break;
         }
      const int row = ArraySize(m_execution.unanswered);
      ArrayResize(m_execution.unanswered, row + 1);
      m_execution.unanswered[row] = decision;
      return !from.Failed();
   }

   bool Restore(const uchar &data[])
   {
      uchar instance[];
      CProtoReader from;
      bool is_read = true;
      from.Open(data, 0, ArraySize(data));
      while(is_read && from.Next(data))
         switch(from.Field())
         {
         case 1:
            from.Bytes(data, instance);
            break;
         case 2:
            is_read = ReadFollowing(data, from);
            break;
         case 3:
         {
            SReport report;
            is_read = ReadReport(data, from, report);
            Keep(report);
            break;
         }
         case 4:
            is_read = ReadUnanswered(data, from);
            break;
         }
      if(!is_read || from.Failed() || ArraySize(instance) != ECP_INSTANCE_SIZE)
         return false;
      ArrayCopy(m_instance, instance);
      return true;
   }

   // Deliveries are executed in order, so the newest in the history tells how far it had come. A net position does not
   // tell what was before the newest order, so there all is asked for again.
   void Forget(void)
   {
      ArrayFree(m_unacked);
      ArrayFree(m_execution.unanswered);
      for(int i = 0; i < ArraySize(m_guards); i++)
         m_guards[i].Restore(m_broker.Mode() == ECP_HEDGING ? m_execution.books.Newest(m_guards[i].SubscriptionId())
                                                            : 0);
      m_is_forgetful = true;
      MakeInstance();
      Save();
   }

   void Load(void)
   {
      uchar data[];
      switch(m_file.Load(data))
      {
      case STATE_FOUND:
         if(Restore(data))
            return;
         Journal("the state in " + m_file.Name() + " cannot be read; what was done is found in the broker's history.");
         break;
      case STATE_CORRUPT:
         Journal("the state in " + m_file.Name() + " is damaged; what was done is found in the broker's history.");
         break;
      default:
         Journal("there is no state in " + m_file.Name() + " yet.");
      }
      Forget();
   }

   // Deliveries

   // Whether to process it; asks again for what is missing before it.
   bool IsNext(const int row, const SDelivery &delivery)
   {
      if(row < 0)
         return false;
      if(m_follows[row].may_skip)
         m_guards[row].SkipTo(delivery.delivery_seq);
      m_follows[row].may_skip = false;
      const ENUM_GUARD_PLACE place = m_guards[row].Place(delivery.subscription_id, delivery.delivery_seq);
      if(place == GUARD_HOLE && !m_follows[row].is_resending)
      {
         JournalCode(
            TR_GAP,
            StringFormat("delivery %I64u came after %I64u; asking again", delivery.delivery_seq, m_guards[row].Last()),
            "Nothing: it is sent again.");
         m_guards[row].Missing();
         m_follows[row].is_resending = true;
         CProtoWriter body;
         WriteSubscribe(body, delivery.subscription_id, m_guards[row].Last());
         Send(ECP_FRAME_RESEND, body);
      }
      return place == GUARD_NEXT;
   }

   // What was not executed was noted where it was refused.
   static void Note(const SDelivery &delivery, const SReport &report)
   {
      if(report.status != ECP_EXECUTED)
         return;
      string line = StringFormat("delivery %I64u: %s %s of the master's %I64u, ticket %I64u", delivery.delivery_seq,
                                 ActionName(delivery.action), delivery.symbol, delivery.position_id, report.ticket);
      if(report.volume_e8 > 0)
         line += StringFormat(", %.2f lots at %.5f", FromE8(report.volume_e8), FromE8(report.price_e8));
      Journal(line);
   }

   bool TakeDeliveries(CFrame &frame)
   {
      SDelivery deliveries[];
      const long received_at_us = PlaneTime();
      if(!ReadDeliveries(frame.data, frame.body, deliveries))
         return false;
      if(m_is_mode_wrong)
         return true;
      bool is_any = false;
      for(int i = 0; i < ArraySize(deliveries); i++)
      {
         const int row = Find(deliveries[i].subscription_id);
         if(!IsNext(row, deliveries[i]))
            continue;
         SReport report;
         m_execution.Execute(deliveries[i], m_guards[row], report);
         report.received_at_us = received_at_us;
         m_guards[row].Processed(deliveries[i].delivery_seq);
         m_follows[row].newest = MathMax(m_follows[row].newest, deliveries[i].delivery_seq);
         Keep(report);
         is_any = true;
         Note(deliveries[i], report);
      }
      if(is_any)
         Save();
      Report();
      return true;
   }

   void Resume(const int row)
   {
      CProtoWriter body;
      WriteSubscribe(body, m_guards[row].SubscriptionId(), m_guards[row].Last());
      m_follows[row].is_refused = false;
      m_follows[row].subscribe_id = Send(ECP_FRAME_SUBSCRIBE, body);
   }

   // How it stands

   bool TakeSubscribed(CFrame &frame)
   {
      SSubscribed subscribed;
      if(!ReadSubscribed(frame.data, frame.body, subscribed))
         return false;
      const int row = Find(subscribed.subscription_id);
      if(row < 0)
         return true;
      m_guards[row].Told(subscribed.state, subscribed.delivery_seq);
      m_portfolio_id = subscribed.portfolio_id;
      m_follows[row].newest = subscribed.delivery_seq;
      m_follows[row].may_skip = true;
      m_follows[row].is_resending = false;
      if(m_follows[row].is_subscribed)
         return true;
      m_follows[row].is_subscribed = true;
      m_follows[row].is_book_due = true;
      m_follows[row].book_after = subscribed.delivery_seq;
      Journal(StringFormat("follows %s by subscription %I64u, %s", subscribed.stream, subscribed.subscription_id,
                           subscribed.state));
      m_is_mode_wrong = subscribed.mode != ECP_MODE_UNSPECIFIED && subscribed.mode != m_broker.Mode();
      if(m_is_mode_wrong)
         Journal("the plane and this account disagree whether it is hedging or netting; nothing is executed. What to "
                 "do: have the portfolio's mode corrected.");
      Introduce();
      return true;
   }

   // Symbols are told once all subscriptions are resumed that can be: one that is not ours keeps no other waiting.
   void Introduce(void)
   {
      for(int i = 0; i < ArraySize(m_follows); i++)
         if(!m_follows[i].is_subscribed && !m_follows[i].is_denied)
            return;
      if(m_portfolio_id != 0)
         TellSymbols();
   }

   void TellSymbols(void)
   {
      SSpecification all[];
      CProtoWriter body;
      m_broker.Specifications(false, all);
      WriteSpecifications(body, m_portfolio_id, all);
      // They replace what was told before, so they cannot be split.
      if((uint)body.Size() + 64 > MaxFrameBytes())
      {
         JournalCode(TR_FRAME_TOO_LARGE, "all symbols",
                     "Only those in the Market Watch are told; show there what is to be copied.");
         m_broker.Specifications(true, all);
         body.Clear();
         WriteSpecifications(body, m_portfolio_id, all);
      }
      m_specifications_id = ArraySize(all) > 0 ? Send(ECP_FRAME_SPECIFICATIONS, body) : 0;
      if(m_specifications_id == 0)
         TellMoney();
   }

   void TellMoney(void)
   {
      SAccountState state;
      ZeroMemory(state);
      state.portfolio_id = m_portfolio_id;
      m_broker.Money(state.balance_e8, state.equity_e8);
      state.broker_time_us = m_broker.Clock();
      ArrayResize(state.subscriptions, ArraySize(m_guards));
      for(int i = 0; i < ArraySize(m_guards); i++)
      {
         state.subscriptions[i].subscription_id = m_guards[i].SubscriptionId();
         state.subscriptions[i].last_processed = m_guards[i].Last();
         state.subscriptions[i].profit_e8 = m_execution.books.Profit(m_guards[i].SubscriptionId());
      }
      CProtoWriter body;
      WriteAccountState(body, state);
      Send(ECP_FRAME_ACCOUNT_STATE, body);
   }

   bool TakeSpecificationsAck(CFrame &frame)
   {
      SResolution resolutions[];
      ulong portfolio_id = 0;
      if(!ReadSpecificationsAck(frame.data, frame.body, portfolio_id, resolutions))
         return false;
      for(int i = 0; i < ArraySize(resolutions); i++)
         if(StringLen(resolutions[i].symbol) == 0)
            Journal("the master's " + resolutions[i].master_symbol + " is not copied: " + resolutions[i].reason +
                    ". What to do: show the symbol in the Market Watch, or have it mapped.");
         else if(resolutions[i].symbol != resolutions[i].master_symbol)
            Journal("the master's " + resolutions[i].master_symbol + " is " + resolutions[i].symbol + " here");
      m_specifications_id = 0;
      TellMoney();
      return true;
   }

   bool TakeAccountStateAck(CFrame &frame)
   {
      SRefusal refusals[];
      if(!ReadAccountStateAck(frame.data, frame.body, refusals))
         return false;
      for(int i = 0; i < ArraySize(refusals); i++)
         JournalCode(refusals[i].code, refusals[i].message, refusals[i].hint);
      m_is_told = true;
      return true;
   }

   // Not before what was processed is on record: a book and a report that overtake each other contradict.
   bool IsBookDue(const int row) const
   {
      if(!m_is_told || !m_follows[row].is_book_due || m_guards[row].Last() < m_follows[row].book_after)
         return false;
      if(m_broker.Mode() == ECP_NETTING && ArraySize(m_execution.unanswered) > 0)
         return false;
      return !IsReporting(m_guards[row].SubscriptionId());
   }

   // All that is held: settles what the plane does not know.
   void TellBook(const int row)
   {
      SHolding holdings[];
      const ulong subscription_id = m_guards[row].SubscriptionId();
      m_execution.Holdings(subscription_id, holdings);
      m_execution.books.Told(subscription_id);
      m_follows[row].is_book_due = false;
      m_follows[row].book_sent_us = PlaneTime();
      m_follows[row].book_doubts = Doubts(subscription_id);
      CProtoWriter body;
      WriteBook(body, subscription_id, m_guards[row].Last(), holdings);
      Send(ECP_FRAME_BOOK, body);
   }

   int Doubts(const ulong subscription_id) const
   {
      int count = 0;
      for(int i = 0; i < ArraySize(m_execution.unanswered); i++)
         if(m_execution.unanswered[i].subscription_id == subscription_id)
            count++;
      return count;
   }

   bool TakeBookAck(CFrame &frame)
   {
      SBookAck ack;
      if(!ReadBookAck(frame.data, frame.body, ack))
         return false;
      const int row = Find(ack.subscription_id);
      if(row < 0)
         return true;
      if(ack.settled > 0 || ack.differences > 0)
         Journal(StringFormat("subscription %I64u: the book settled %u outcomes and showed %u differences",
                              ack.subscription_id, ack.settled, ack.differences));
      m_follows[row].newest = MathMax(m_follows[row].newest, ack.delivery_seq);
      // What is too fresh to be settled stays in doubt, and the next heartbeat shows the book again.
      if(m_broker.Mode() != ECP_HEDGING || (int)ack.settled < m_follows[row].book_doubts)
         return true;
      for(int i = ArraySize(m_execution.unanswered) - 1; i >= 0; i--)
         if(m_execution.unanswered[i].subscription_id == ack.subscription_id &&
            m_execution.unanswered[i].since_us < m_follows[row].book_sent_us)
            ArrayRemove(m_execution.unanswered, i, 1);
      Save();
      return true;
   }

protected:
   virtual void Save(void)
   {
      uchar bytes[];
      CProtoWriter state;
      state.Bytes(1, m_instance);
      for(int i = 0; i < ArraySize(m_guards); i++)
      {
         CProtoWriter one;
         WriteSubscribe(one, m_guards[i].SubscriptionId(), m_guards[i].Last());
         state.Message(2, one);
      }
      for(int i = 0; i < ArraySize(m_unacked); i++)
      {
         CProtoWriter one;
         WriteReport(one, m_unacked[i].report);
         state.Message(3, one);
      }
      for(int i = 0; i < ArraySize(m_execution.unanswered); i++)
      {
         CProtoWriter one;
         one.Ulong(1, m_execution.unanswered[i].subscription_id);
         one.Ulong(2, m_execution.unanswered[i].delivery_seq);
         one.Ulong(3, m_execution.unanswered[i].position_id);
         one.Long(4, m_execution.unanswered[i].since_us);
         state.Message(4, one);
      }
      state.CopyTo(bytes);
      if(!m_file.Save(bytes))
         Journal("the state could not be saved in " + m_file.Name() +
                 ": is the disk full? Nothing is executed twice all the same.");
   }

   virtual void OnUp(void)
   {
      m_is_told = false;
      if(m_is_forgetful)
      {
         SReport recalled[];
         for(int i = 0; i < ArraySize(m_guards); i++)
            m_execution.Recall(m_guards[i].SubscriptionId(), ECP_RECALLED, recalled);
         KeepAll(recalled);
         m_is_forgetful = false;
         m_forgot_at_us = PlaneTime();
      }
      Unsend();
      for(int i = 0; i < ArraySize(m_guards) && IsUp(); i++)
      {
         ZeroMemory(m_follows[i]);
         Resume(i);
      }
   }

   virtual void OnDown(void) { m_is_told = false; }

   virtual void OnError(const ulong id, const SError &error)
   {
      // Busy, or the database is away: asked again with the next heartbeat.
      const bool is_passing = error.code == TR_BUSY || StringFind(error.code, "TRD") == 0;
      if(id == m_specifications_id && id != 0 && !is_passing)
         TellMoney();
      for(int i = 0; i < ArraySize(m_follows) && !is_passing; i++)
         if(id == m_follows[i].subscribe_id && id != 0)
         {
            m_follows[i].is_denied = true;
            Introduce();
         }
      for(int i = 0; i < ArraySize(m_follows) && is_passing; i++)
      {
         m_follows[i].is_refused = m_follows[i].is_refused || id == m_follows[i].subscribe_id;
         // If that was what was missing, the next delivery shows that it still is.
         m_follows[i].is_resending = false;
      }
      // A book that was refused is due again.
      for(int i = 0; i < ArraySize(m_follows); i++)
         if(m_is_told && m_follows[i].book_sent_us > 0 && is_passing)
         {
            m_follows[i].is_book_due = true;
            m_follows[i].book_after = m_guards[i].Last();
            m_follows[i].book_sent_us = 0;
         }
   }

   virtual void OnBeat(void)
   {
      SReport late[];
      m_execution.Answered(late);
      // A net position does not tell which of several orders was done: there the history has the last word.
      if(m_broker.Mode() == ECP_NETTING)
         m_execution.Abandoned(late);
      for(int i = 0; i < ArraySize(late); i++)
         late[i].received_at_us = PlaneTime();
      KeepAll(late);
      Report();
      const bool has_waited = m_forgot_at_us > 0 && PlaneTime() >= m_forgot_at_us + ECP_DOUBT_US;
      if(has_waited)
         m_forgot_at_us = 0;
      for(int i = 0; i < ArraySize(m_guards); i++)
      {
         const ulong subscription_id = m_guards[i].SubscriptionId();
         if(m_follows[i].is_refused)
            Resume(i);
         const bool is_doubted =
            has_waited || m_execution.books.IsUntold(subscription_id) || Doubts(subscription_id) > 0;
         if(!is_doubted || m_follows[i].is_book_due)
            continue;
         m_follows[i].is_book_due = true;
         m_follows[i].book_after = m_guards[i].Last();
      }
      if(m_portfolio_id != 0 && m_specifications_id == 0)
         TellMoney();
      else if(m_specifications_id != 0 && !m_is_told)
         TellSymbols();
   }

   virtual bool OnFrame(CFrame &frame)
   {
      switch(frame.kind)
      {
      case ECP_FRAME_SUBSCRIBED:
         return TakeSubscribed(frame);
      case ECP_FRAME_DELIVERIES:
         return TakeDeliveries(frame);
      case ECP_FRAME_REPORT_ACK:
         return TakeReportAck(frame);
      case ECP_FRAME_SPECIFICATIONS_ACK:
         return TakeSpecificationsAck(frame);
      case ECP_FRAME_ACCOUNT_STATE_ACK:
         return TakeAccountStateAck(frame);
      case ECP_FRAME_BOOK_ACK:
         return TakeBookAck(frame);
      }
      // A later plane may say what this version does not know.
      return true;
   }

public:
   // Takes transport and broker over. The limits are one's own, beside those of the plane; 0: none.
   CFollower(CTransport *transport, CBroker *broker, const string token, const ulong &subscriptions[],
             const string state_file, const double max_deviation_pips, const int max_ttl_ms)
      : CReporting(transport, token), m_broker(broker), m_execution(NULL), m_file(state_file), m_portfolio_id(0),
        m_specifications_id(0), m_is_told(false), m_is_mode_wrong(false), m_is_forgetful(false), m_forgot_at_us(0)
   {
      const int count = ArraySize(subscriptions);
      ArrayResize(m_guards, count);
      ArrayResize(m_follows, count);
      for(int i = 0; i < count; i++)
      {
         m_guards[i] = new CExecutionGuard(subscriptions[i], max_deviation_pips, max_ttl_ms);
         ZeroMemory(m_follows[i]);
      }
      m_execution = new CExecution(broker, GetPointer(this));
      Load();
   }

   virtual ~CFollower(void)
   {
      for(int i = 0; i < ArraySize(m_guards); i++)
         delete m_guards[i];
      delete m_execution;
      delete m_broker;
   }

   // Does what is due; call it by a timer, and at every tick.
   void Work(void)
   {
      Poll();
      if(!IsUp())
         return;
      Retry();
      for(int i = 0; i < ArraySize(m_guards); i++)
         if(IsBookDue(i))
            TellBook(i);
      // What was found in the history before the subscriptions were resumed.
      if(m_is_told && HasUnsent())
         Report();
   }

   // What has happened at the broker is told with the next heartbeat.
   ulong Last(const int row) const { return m_guards[row].Last(); }
};
