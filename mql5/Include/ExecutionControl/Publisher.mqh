// A master: publishes what its account does. That a trade happened is a hint only; what is published is the difference
// between what the account holds and what was published of it, so nothing is said twice, and nothing is missed.

#include "MasterBook.mqh"
#include "Session.mqh"
#include "StateFile.mqh"

#define ECP_LOOK_US 1000000
#define ECP_PUBLISH_PAUSE_US 100000
#define ECP_SNAPSHOT_LIMIT 1000
#define ECP_FRAME_ROOM 4096
#define ECP_QUARTER_US 900000000

class CPublisher : public CSession
{
private:
   CMasterBook *m_book;
   CStateFile m_file;
   CHmacSha256 m_hmac;
   string m_stream;
   ulong m_stream_id;
   uint m_epoch;
   ulong m_last_seq;
   SSignedSignal m_undecided[]; // in order; what is sent again is these bytes
   SEntry m_published[];
   bool m_has_counter; // the state was found: m_epoch and m_last_seq are those of the stream
   bool m_is_based;    // m_published is what followers were told
   bool m_is_open;
   bool m_is_blocked;
   bool m_is_rewinding;
   bool m_is_changed;
   ulong m_resync_id;
   uint m_resync_epoch;
   ulong m_newest_frame;
   long m_look_at;
   long m_resend_at;
   long m_pause;

   // State

   void Save(void)
   {
      uchar bytes[];
      CProtoWriter state;
      state.Bytes(1, m_instance);
      state.Ulong(2, m_epoch);
      state.Ulong(3, m_last_seq);
      for(int i = 0; i < ArraySize(m_undecided); i++)
      {
         CProtoWriter one;
         WriteSigned(one, m_undecided[i]);
         one.Ulong(3, m_undecided[i].seq);
         state.Message(4, one);
      }
      state.CopyTo(bytes);
      if(!m_file.Save(bytes))
         Journal("the state could not be saved in " + m_file.Name() +
                 ": is the disk full? After a restart the stream begins a new epoch.");
   }

   bool ReadUndecided(const uchar &data[], CProtoReader &outer)
   {
      const int row = ArraySize(m_undecided);
      ArrayResize(m_undecided, row + 1, 64);
      m_undecided[row].seq = 0;
      CProtoReader from;
      from.Enter(data, outer);
      while(from.Next(data))
         switch(from.Field())
         {
         case 1:
            from.Bytes(data, m_undecided[row].signal);
            break;
         case 3:
            m_undecided[row].seq = from.Ulong();
            break;
         }
      // The tag is made anew: the key may have been entered wrong before.
      return !from.Failed() && m_hmac.Sign(m_undecided[row].signal, m_undecided[row].tag);
   }

   bool Restore(const uchar &data[])
   {
      uchar instance[];
      bool is_read = true;
      CProtoReader from;
      from.Open(data, 0, ArraySize(data));
      while(is_read && from.Next(data))
         switch(from.Field())
         {
         case 1:
            from.Bytes(data, instance);
            break;
         case 2:
            m_epoch = from.Uint();
            break;
         case 3:
            m_last_seq = from.Ulong();
            break;
         case 4:
            is_read = ReadUndecided(data, from);
            break;
         }
      if(!is_read || from.Failed() || ArraySize(instance) != ECP_INSTANCE_SIZE)
         return false;
      ArrayCopy(m_instance, instance);
      return true;
   }

   void Load(void)
   {
      uchar data[];
      const ENUM_STATE_FOUND found = m_file.Load(data);
      m_has_counter = found == STATE_FOUND && Restore(data);
      if(m_has_counter)
         return;
      Journal(found == STATE_MISSING ? "there is no state in " + m_file.Name() + " yet."
                                     : "the state in " + m_file.Name() + " is damaged; the stream begins a new epoch.");
      m_epoch = 0;
      m_last_seq = 0;
      ArrayFree(m_undecided);
      MakeInstance();
   }

   // Signals

   long Zone(void) const
   {
      const double apart = (double)((long)TimeTradeServer() * 1000000 - PlaneTime());
      return (long)MathRound(apart / ECP_QUARTER_US) * ECP_QUARTER_US;
   }

   // Numbers, signs and keeps it before it is sent, so that its number is never used for other bytes.
   void Queue(SSignal &signal)
   {
      signal.stream_id = m_stream_id;
      signal.epoch = m_epoch;
      signal.seq = m_last_seq + 1;
      signal.sent_at_us = PlaneTime();
      const int digits = (int)AccountInfoInteger(ACCOUNT_CURRENCY_DIGITS);
      ToE8(AccountInfoDouble(ACCOUNT_BALANCE), digits, signal.balance_e8);
      ToE8(AccountInfoDouble(ACCOUNT_EQUITY), digits, signal.equity_e8);
      CProtoWriter body;
      WriteSignal(body, signal);
      const int row = ArraySize(m_undecided);
      ArrayResize(m_undecided, row + 1, 64);
      m_undecided[row].seq = signal.seq;
      body.CopyTo(m_undecided[row].signal);
      m_hmac.Sign(m_undecided[row].signal, m_undecided[row].tag);
      m_last_seq = signal.seq;
      Save();
      const string about = signal.action == ECP_SNAPSHOT ? StringFormat("of %d", ArraySize(signal.book))
                                                         : StringFormat("%s, position %I64u, %.2f lots", signal.symbol,
                                                                        signal.position_id, FromE8(signal.volume_e8));
      Journal(StringFormat("signal %u.%I64u: %s %s", signal.epoch, signal.seq, ActionName(signal.action), about));
      if(m_is_open && !m_is_rewinding && !m_is_blocked)
         Publish(row);
   }

   void QueueFor(const int action, const SPosition &position, const long price_e8)
   {
      SSignal signal;
      ZeroMemory(signal);
      signal.action = action;
      signal.symbol = position.symbol;
      signal.side = position.side;
      signal.position_id = position.position_id;
      signal.volume_e8 = position.volume_e8;
      signal.price_e8 = price_e8;
      signal.stop_loss_e8 = position.stop_loss_e8;
      signal.take_profit_e8 = position.take_profit_e8;
      signal.magic = position.magic;
      signal.order_type = position.order_type;
      Queue(signal);
   }

   void QueueSnapshot(void)
   {
      SSignal signal;
      ZeroMemory(signal);
      signal.action = ECP_SNAPSHOT;
      const int count = MathMin(ArraySize(m_published), ECP_SNAPSHOT_LIMIT);
      if(count < ArraySize(m_published))
         JournalCode(TR_FRAME_TOO_LARGE, "more positions than a snapshot may have",
                     "Hold fewer, or publish only some magic numbers.");
      ArrayResize(signal.book, count);
      for(int i = 0; i < count; i++)
         signal.book[i] = m_published[i].position;
      Queue(signal);
   }

   // Sends what is undecided from first on, in frames that are not too large.
   void Publish(const int first)
   {
      int from = first;
      while(from < ArraySize(m_undecided) && IsUp())
      {
         int count = 0;
         int size = 0;
         while(from + count < ArraySize(m_undecided) && count < 200)
         {
            size += ArraySize(m_undecided[from + count].signal) + 64;
            if(count > 0 && size + ECP_FRAME_ROOM > (int)MaxFrameBytes())
               break;
            count++;
         }
         CProtoWriter body;
         WritePublish(body, m_stream_id, m_undecided, from, count);
         m_newest_frame = Send(ECP_FRAME_PUBLISH, body);
         from += count;
      }
   }

   // The difference

   static int FindEntry(const SEntry &entries[], const ulong position_id)
   {
      int row = ArraySize(entries) - 1;
      while(row >= 0 && entries[row].position.position_id != position_id)
         row--;
      return row;
   }

   static bool AreStopsMoved(const SPosition &was, const SPosition &is)
   {
      return was.stop_loss_e8 != is.stop_loss_e8 || was.take_profit_e8 != is.take_profit_e8 ||
             (is.order_type != ECP_MARKET && was.price_e8 != is.price_e8);
   }

   // What went comes first, so that followers have the margin for what is new.
   void Tell(SEntry &now[])
   {
      for(int i = 0; i < ArraySize(m_published); i++)
      {
         long price_e8 = 0;
         const int row = FindEntry(now, m_published[i].position.position_id);
         const bool is_less = row >= 0 && now[row].position.volume_e8 < m_published[i].position.volume_e8;
         const bool is_filling = row >= 0 && now[row].position.order_type != m_published[i].position.order_type;
         if(row >= 0 && (!is_less || is_filling))
            continue;
         if(!CMasterBook::HasEnded(m_published[i], price_e8))
         {
            // Not gone as far as the history knows: it stays published until it is.
            if(row >= 0)
               now[row].position.volume_e8 = m_published[i].position.volume_e8;
            else
            {
               const int kept = ArraySize(now);
               ArrayResize(now, kept + 1);
               now[kept] = m_published[i];
            }
            continue;
         }
         if(row >= 0)
            QueueFor(ECP_PARTIAL_CLOSE, now[row].position, price_e8);
         else
            QueueFor(m_published[i].position.order_type == ECP_MARKET ? ECP_CLOSE : ECP_CANCEL, m_published[i].position,
                     price_e8);
      }
      for(int i = 0; i < ArraySize(now); i++)
      {
         const int row = FindEntry(m_published, now[i].position.position_id);
         const bool is_market = now[i].position.order_type == ECP_MARKET;
         // A pending order that was filled is told as an opening under its number: followers' orders fill by themselves.
         if(row < 0 || (is_market && m_published[row].position.order_type != ECP_MARKET))
            QueueFor(is_market ? ECP_OPEN : ECP_PLACE, now[i].position, now[i].position.price_e8);
         else if(AreStopsMoved(m_published[row].position, now[i].position))
            QueueFor(is_market ? ECP_MODIFY : ECP_AMEND, now[i].position, now[i].position.price_e8);
      }
      Adopt(now);
   }

   void Adopt(const SEntry &now[])
   {
      ArrayResize(m_published, ArraySize(now));
      for(int i = 0; i < ArraySize(now); i++)
         m_published[i] = now[i];
   }

   // Before the broker has told the terminal what the account holds, an empty book means nothing.
   static bool IsBookKnown(void)
   {
      return (bool)TerminalInfoInteger(TERMINAL_CONNECTED) && AccountInfoInteger(ACCOUNT_LOGIN) != 0;
   }

   void Look(void)
   {
      SEntry now[];
      m_look_at = Now() + ECP_LOOK_US;
      m_is_changed = false;
      m_book.Read(Zone(), now);
      if(m_is_based)
      {
         Tell(now);
         return;
      }
      // Whatever happened while nobody looked is in the snapshot: what is new in it is no fresh opening.
      Adopt(now);
      m_is_based = true;
      QueueSnapshot();
   }

   // The plane's answers

   bool TakeStreamOpened(CFrame &frame)
   {
      SStreamOpened opened;
      if(!ReadStreamOpened(frame.data, frame.body, opened))
         return false;
      m_stream_id = opened.stream_id;
      const int waiting = ArraySize(m_undecided);
      const ulong first = waiting > 0 ? m_undecided[0].seq : m_last_seq + 1;
      const bool is_new = !m_has_counter && opened.last_seq == 0;
      if(is_new)
         m_epoch = opened.epoch;
      if(is_new ||
         (m_has_counter && m_epoch == opened.epoch && opened.last_seq <= m_last_seq && opened.last_seq + 1 >= first))
      {
         m_has_counter = true;
         Begin();
         return true;
      }
      Journal(StringFormat("the stream stands at %u.%I64u, and this terminal at %u.%I64u: it begins a new epoch",
                           opened.epoch, opened.last_seq, m_epoch, m_last_seq));
      Resync(opened.epoch + 1);
      return true;
   }

   void Begin(void)
   {
      m_is_open = true;
      m_is_rewinding = false;
      m_is_blocked = false;
      m_is_changed = true;
      m_resend_at = 0;
      Save();
      Publish(0);
   }

   void Resync(const uint epoch)
   {
      uchar intent[];
      uchar tag[];
      CProtoWriter inner;
      m_is_open = false;
      m_resync_epoch = epoch;
      WriteResyncIntent(inner, m_stream_id, epoch, PlaneTime());
      inner.CopyTo(intent);
      m_hmac.Sign(intent, tag);
      CProtoWriter body;
      body.Bytes(1, intent);
      body.Bytes(2, tag);
      m_resync_id = Send(ECP_FRAME_RESYNC, body);
   }

   // In the new epoch the numbers begin again; what was undecided is told by the snapshot.
   void TakeResync(const SAck &ack)
   {
      m_resync_id = 0;
      if(ArraySize(ack.verdicts) != 1 || ack.verdicts[0] != ECP_ACCEPTED)
      {
         if(ArraySize(ack.verdicts) == 1 && ack.verdicts[0] == ECP_UNDECIDED)
            m_resend_at = Now() + ECP_PUBLISH_PAUSE_US;
         return;
      }
      m_epoch = m_resync_epoch;
      m_last_seq = 0;
      m_has_counter = true;
      m_is_based = false;
      ArrayFree(m_undecided);
      Begin();
   }

   bool TakeAck(CFrame &frame)
   {
      SAck ack;
      if(!ReadAck(frame.data, frame.body, ack) || ArraySize(ack.seqs) != ArraySize(ack.verdicts) ||
         ArraySize(ack.originals) != ArraySize(ack.verdicts))
         return false;
      for(int i = 0; i < ArraySize(ack.refusals); i++)
      {
         const uint at = ack.refusals[i].index;
         JournalCode(ack.refusals[i].code,
                     at < (uint)ArraySize(ack.seqs) ? StringFormat("signal %u.%I64u", ack.epoch, ack.seqs[at]) : "",
                     ack.refusals[i].hint);
      }
      if(frame.id == m_resync_id && m_resync_id != 0)
      {
         TakeResync(ack);
         return true;
      }
      bool is_lost = false;
      bool is_decided = false;
      for(int i = 0; i < ArraySize(ack.verdicts); i++)
      {
         const int verdict = ack.verdicts[i];
         if(verdict == ECP_GAP || verdict == ECP_UNDECIDED)
         {
            m_is_rewinding = true;
            m_pause = verdict == ECP_UNDECIDED ? ECP_PUBLISH_PAUSE_US : m_pause;
         }
         else if(verdict == ECP_REPLAY)
            is_lost = true;
         else if(ack.next_seq <= ack.seqs[i])
         {
            // Refused without taking its place: it would be refused again, and all behind it.
            m_is_blocked = true;
         }
         else
            is_decided = Decided(ack.seqs[i]) || is_decided;
      }
      if(is_decided)
         Save();
      // Once nothing is on its way that would find the same gap.
      if(m_is_rewinding && frame.id == m_newest_frame)
      {
         m_resend_at = Now() + m_pause;
         m_pause = 0;
      }
      // What the plane wants next is not here any more. What was not decided says nothing of that: its next_seq is 0.
      if(m_is_rewinding && ack.next_seq > 0 && ArraySize(m_undecided) > 0 && m_undecided[0].seq > ack.next_seq)
         is_lost = true;
      if(is_lost && m_is_open)
         Resync(m_epoch + 1);
      return true;
   }

   bool Decided(const ulong seq)
   {
      for(int i = 0; i < ArraySize(m_undecided); i++)
         if(m_undecided[i].seq == seq)
         {
            ArrayRemove(m_undecided, i, 1);
            return true;
         }
      return false;
   }

protected:
   virtual void OnUp(void)
   {
      m_is_open = false;
      m_resync_id = 0;
      CProtoWriter body;
      body.Text(1, m_stream);
      Send(ECP_FRAME_OPEN_STREAM, body);
   }

   virtual void OnDown(void) { m_is_open = false; }

   virtual void OnBeat(void) {}

   virtual void OnError(const ulong id, const SError &error)
   {
      if(id == 0 || error.fatal)
         return;
      // A frame that was not taken is sent again, and what was sent behind it.
      m_is_rewinding = true;
      // TRD: the database is away, and comes back.
      const bool is_passing = error.code == TR_BUSY || StringFind(error.code, "TRD") == 0;
      m_resend_at = Now() + (is_passing ? ECP_PUBLISH_PAUSE_US : ECP_BACKOFF_LIMIT_US);
   }

   virtual bool OnFrame(CFrame &frame)
   {
      switch(frame.kind)
      {
      case ECP_FRAME_STREAM_OPENED:
         return TakeStreamOpened(frame);
      case ECP_FRAME_ACK:
         return TakeAck(frame);
      }
      return true;
   }

public:
   // Takes transport over. key: the stream's, as bytes. magics: only what was opened under one of these; none: everything.
   CPublisher(CTransport *transport, const string token, const string stream, const uchar &key[], const long &magics[],
              const string state_file)
      : CSession(transport, token), m_book(NULL), m_file(state_file), m_stream(stream), m_stream_id(0), m_epoch(0),
        m_last_seq(0), m_has_counter(false), m_is_based(false), m_is_open(false), m_is_blocked(false),
        m_is_rewinding(false), m_is_changed(false), m_resync_id(0), m_resync_epoch(0), m_newest_frame(0), m_look_at(0),
        m_resend_at(0), m_pause(0)
   {
      m_book = new CMasterBook(magics);
      m_hmac.SetKey(key);
      Load();
   }

   virtual ~CPublisher(void) { delete m_book; }

   // Something happened in the account.
   void Changed(void) { m_is_changed = true; }

   // Whether everything that was published has its verdict.
   bool IsSettled(void) const { return m_is_open && m_is_based && ArraySize(m_undecided) == 0; }

   // Does what is due; call it by a timer, and after every trade transaction.
   void Work(void)
   {
      Poll();
      // Without the plane's clock a signal would have no time; without a counter, no number.
      if(PlaneTime() > 0 && m_has_counter && m_stream_id > 0 && (m_is_changed || Now() >= m_look_at) && IsBookKnown())
         Look();
      if(m_resend_at == 0 || Now() < m_resend_at || !IsUp())
         return;
      m_resend_at = 0;
      if(!m_is_open)
      {
         // The stream could not be opened, or its new epoch not begun.
         OnUp();
         return;
      }
      m_is_rewinding = false;
      if(!m_is_blocked)
         Publish(0);
   }
};
