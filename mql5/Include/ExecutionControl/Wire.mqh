// The messages as bytes. Writing is in the order of the fields, so the bytes are those that Google's serializers make.

#include "Messages.mqh"
#include "Protobuf.mqh"

// What the plane sends may be longer than what it takes; longer than this it is no frame.
#define ECP_FRAME_CAP 16777216
#define ECP_LEAD 0x0A

// Client to plane

void WriteHello(CProtoWriter &to, const SHello &from)
{
   to.Ulong(1, from.protocol);
   to.Text(2, from.token);
   to.Bytes(3, from.instance);
   to.Text(4, from.client);
   to.Long(5, from.client_time_us);
}

void WritePosition(CProtoWriter &to, const SPosition &from)
{
   to.Ulong(1, from.position_id);
   to.Text(2, from.symbol);
   to.Ulong(3, (ulong)from.side);
   to.Long(4, from.volume_e8);
   to.Long(5, from.price_e8);
   to.Long(6, from.stop_loss_e8);
   to.Long(7, from.take_profit_e8);
   to.Ulong(8, (ulong)from.order_type);
   to.Long(9, from.magic);
   to.Long(10, from.opened_at_us);
}

void WriteSignal(CProtoWriter &to, const SSignal &from)
{
   to.Ulong(1, from.stream_id);
   to.Ulong(2, from.epoch);
   to.Ulong(3, from.seq);
   to.Ulong(4, (ulong)from.action);
   to.Text(5, from.symbol);
   to.Ulong(6, (ulong)from.side);
   to.Ulong(7, from.position_id);
   to.Long(8, from.volume_e8);
   to.Long(9, from.price_e8);
   to.Long(10, from.stop_loss_e8);
   to.Long(11, from.take_profit_e8);
   to.Long(12, from.sent_at_us);
   to.Long(13, from.magic);
   to.Ulong(14, (ulong)from.order_type);
   for(int i = 0; i < ArraySize(from.book); i++)
   {
      CProtoWriter position;
      WritePosition(position, from.book[i]);
      to.Message(15, position);
   }
   to.Long(16, from.balance_e8);
   to.Long(17, from.equity_e8);
}

void WriteReport(CProtoWriter &to, const SReport &from)
{
   to.Ulong(1, from.subscription_id);
   to.Ulong(2, from.delivery_seq);
   to.Ulong(3, (ulong)from.status);
   to.Text(4, from.code);
   to.Ulong(5, from.ticket);
   to.Long(6, from.price_e8);
   to.Long(7, from.volume_e8);
   to.Long(8, from.received_at_us);
   to.Long(9, from.executed_at_us);
}

void WriteHolding(CProtoWriter &to, const SHolding &from)
{
   to.Ulong(1, from.ticket);
   to.Ulong(2, from.position_id);
   to.Ulong(3, from.delivery_seq);
   to.Text(4, from.symbol);
   to.Ulong(5, (ulong)from.side);
   to.Long(6, from.volume_e8);
   to.Long(7, from.price_e8);
   to.Long(8, from.stop_loss_e8);
   to.Long(9, from.take_profit_e8);
   to.Ulong(10, (ulong)from.order_type);
}

void WriteSubscriptionState(CProtoWriter &to, const SSubscriptionState &from)
{
   to.Ulong(1, from.subscription_id);
   to.Ulong(2, from.last_processed);
   to.Long(3, from.profit_e8);
}

void WriteAccountState(CProtoWriter &to, const SAccountState &from)
{
   to.Ulong(1, from.portfolio_id);
   to.Long(2, from.balance_e8);
   to.Long(3, from.equity_e8);
   to.Long(4, from.broker_time_us);
   for(int i = 0; i < ArraySize(from.subscriptions); i++)
   {
      CProtoWriter subscription;
      WriteSubscriptionState(subscription, from.subscriptions[i]);
      to.Message(5, subscription);
   }
}

void WriteSpecification(CProtoWriter &to, const SSpecification &from)
{
   to.Text(1, from.symbol);
   to.Ulong(2, from.digits);
   to.Long(3, from.contract_size_e8);
   to.Long(4, from.volume_min_e8);
   to.Long(5, from.volume_max_e8);
   to.Long(6, from.volume_step_e8);
   to.Long(7, from.tick_size_e8);
   to.Long(8, from.tick_value_e8);
   to.Text(9, from.base_currency);
   to.Text(10, from.profit_currency);
   to.Ulong(11, (ulong)from.trade_mode);
}

void WriteSigned(CProtoWriter &to, const SSignedSignal &from)
{
   to.Bytes(1, from.signal);
   to.Bytes(2, from.tag);
}

// A run of signals, [first, first + count) of all.
void WritePublish(CProtoWriter &to, const ulong stream_id, const SSignedSignal &all[], const int first, const int count)
{
   to.Ulong(1, stream_id);
   for(int i = first; i < first + count; i++)
   {
      CProtoWriter one;
      WriteSigned(one, all[i]);
      to.Message(2, one);
   }
}

void WriteResyncIntent(CProtoWriter &to, const ulong stream_id, const uint epoch, const long sent_at_us)
{
   to.Ulong(1, stream_id);
   to.Ulong(2, epoch);
   to.Long(3, sent_at_us);
}

// Subscribe and Resend are alike.
void WriteSubscribe(CProtoWriter &to, const ulong subscription_id, const ulong last_processed)
{
   to.Ulong(1, subscription_id);
   to.Ulong(2, last_processed);
}

void WriteReports(CProtoWriter &to, const SReport &all[], const int first, const int count)
{
   for(int i = first; i < first + count; i++)
   {
      CProtoWriter one;
      WriteReport(one, all[i]);
      to.Message(1, one);
   }
}

void WriteBook(CProtoWriter &to, const ulong subscription_id, const ulong last_processed, const SHolding &holdings[])
{
   to.Ulong(1, subscription_id);
   to.Ulong(2, last_processed);
   for(int i = 0; i < ArraySize(holdings); i++)
   {
      CProtoWriter one;
      WriteHolding(one, holdings[i]);
      to.Message(3, one);
   }
}

void WriteSpecifications(CProtoWriter &to, const ulong portfolio_id, const SSpecification &all[])
{
   to.Ulong(1, portfolio_id);
   for(int i = 0; i < ArraySize(all); i++)
   {
      CProtoWriter one;
      WriteSpecification(one, all[i]);
      to.Message(2, one);
   }
}

// A frame as it goes on the wire. id 0: nothing is to answer it.
void WriteFrame(const ENUM_ECP_FRAME kind, const CProtoWriter &body, const ulong id, uchar &bytes[])
{
   CProtoWriter frame;
   frame.Ulong(1, id);
   frame.Message(kind, body);
   CProtoWriter wire;
   wire.Message(ECP_LEAD >> 3, frame);
   wire.CopyTo(bytes);
}

// Plane to client. Each reads what outer stands on; false: it is not such a message, and nothing in it may be used.

bool ReadRefusal(const uchar &data[], CProtoReader &outer, SRefusal &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         to.index = from.Uint();
         break;
      case 2:
         to.code = from.Text(data);
         break;
      case 3:
         to.message = from.Text(data);
         break;
      case 4:
         to.hint = from.Text(data);
         break;
      }
   return !from.Failed();
}

// Appends the one that from stands on.
void AppendRefusal(const uchar &data[], CProtoReader &from, SRefusal &refusals[])
{
   const int count = ArraySize(refusals);
   ArrayResize(refusals, count + 1, 16);
   if(!ReadRefusal(data, from, refusals[count]))
      from.Reject();
}

bool ReadWelcome(const uchar &data[], CProtoReader &outer, SWelcome &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         from.Bytes(data, to.session);
         break;
      case 2:
         to.account = from.Text(data);
         break;
      case 3:
         to.purpose = from.Text(data);
         break;
      case 4:
         to.plane_time_us = from.Long();
         break;
      case 5:
         to.heartbeat_ms = from.Uint();
         break;
      case 6:
         to.max_frame_bytes = from.Uint();
         break;
      }
   return !from.Failed();
}

bool ReadStreamOpened(const uchar &data[], CProtoReader &outer, SStreamOpened &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         to.stream_id = from.Ulong();
         break;
      case 2:
         to.stream = from.Text(data);
         break;
      case 3:
         to.epoch = from.Uint();
         break;
      case 4:
         to.last_seq = from.Ulong();
         break;
      case 5:
         to.ttl_ms = from.Uint();
         break;
      }
   return !from.Failed();
}

bool ReadAck(const uchar &data[], CProtoReader &outer, SAck &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         to.stream_id = from.Ulong();
         break;
      case 2:
         to.epoch = from.Uint();
         break;
      case 3:
         to.next_seq = from.Ulong();
         break;
      case 4:
         from.Ulongs(data, to.seqs);
         break;
      case 5:
         from.Enums(data, to.verdicts);
         break;
      case 6:
         from.Enums(data, to.originals);
         break;
      case 7:
         AppendRefusal(data, from, to.refusals);
         break;
      case 8:
         to.decided_at_us = from.Long();
         break;
      }
   return !from.Failed();
}

bool ReadSubscribed(const uchar &data[], CProtoReader &outer, SSubscribed &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         to.subscription_id = from.Ulong();
         break;
      case 2:
         to.stream = from.Text(data);
         break;
      case 3:
         to.delivery_seq = from.Ulong();
         break;
      case 4:
         to.state = from.Text(data);
         break;
      case 5:
         to.portfolio_id = from.Ulong();
         break;
      case 6:
         to.mode = from.Enum();
         break;
      }
   return !from.Failed();
}

bool ReadDelivery(const uchar &data[], CProtoReader &outer, SDelivery &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         to.subscription_id = from.Ulong();
         break;
      case 2:
         to.delivery_seq = from.Ulong();
         break;
      case 3:
         to.stream_id = from.Ulong();
         break;
      case 4:
         to.epoch = from.Uint();
         break;
      case 5:
         to.seq = from.Ulong();
         break;
      case 6:
         to.possible_duplicate = from.Bool();
         break;
      case 7:
         to.gap_fill = from.Bool();
         break;
      case 8:
         to.action = from.Enum();
         break;
      case 9:
         to.symbol = from.Text(data);
         break;
      case 10:
         to.side = from.Enum();
         break;
      case 11:
         to.position_id = from.Ulong();
         break;
      case 12:
         to.volume_e8 = from.Long();
         break;
      case 13:
         to.price_e8 = from.Long();
         break;
      case 14:
         to.stop_loss_e8 = from.Long();
         break;
      case 15:
         to.take_profit_e8 = from.Long();
         break;
      case 16:
         to.max_deviation_e8 = from.Long();
         break;
      case 17:
         to.sent_at_us = from.Long();
         break;
      case 18:
         to.expires_at_us = from.Long();
         break;
      case 19:
         to.magic = from.Long();
         break;
      case 20:
         to.order_type = from.Enum();
         break;
      case 21:
         to.worst_price_e8 = from.Long();
         break;
      case 22:
         to.held_volume_e8 = from.Long();
         break;
      case 23:
         to.ticket = from.Ulong();
         break;
      }
   return !from.Failed();
}

bool ReadReportAck(const uchar &data[], CProtoReader &outer, SReportAck &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         from.Ulongs(data, to.subscription_ids);
         break;
      case 2:
         from.Ulongs(data, to.delivery_seqs);
         break;
      case 3:
         from.Enums(data, to.verdicts);
         break;
      case 4:
         AppendRefusal(data, from, to.refusals);
         break;
      }
   return !from.Failed();
}

bool ReadBookAck(const uchar &data[], CProtoReader &outer, SBookAck &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         to.subscription_id = from.Ulong();
         break;
      case 2:
         to.settled = from.Uint();
         break;
      case 3:
         to.differences = from.Uint();
         break;
      case 4:
         to.delivery_seq = from.Ulong();
         break;
      }
   return !from.Failed();
}

bool ReadResolution(const uchar &data[], CProtoReader &outer, SResolution &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         to.master_symbol = from.Text(data);
         break;
      case 2:
         to.symbol = from.Text(data);
         break;
      case 3:
         to.reason = from.Text(data);
         break;
      }
   return !from.Failed();
}

bool ReadError(const uchar &data[], CProtoReader &outer, SError &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         to.code = from.Text(data);
         break;
      case 2:
         to.message = from.Text(data);
         break;
      case 3:
         to.detail = from.Text(data);
         break;
      case 4:
         to.hint = from.Text(data);
         break;
      case 5:
         to.fatal = from.Bool();
         break;
      }
   return !from.Failed();
}

// Not from the plane: an expert advisor keeps its reports as it has written them.
bool ReadReport(const uchar &data[], CProtoReader &outer, SReport &to)
{
   ZeroMemory(to);
   CProtoReader from;
   from.Enter(data, outer);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         to.subscription_id = from.Ulong();
         break;
      case 2:
         to.delivery_seq = from.Ulong();
         break;
      case 3:
         to.status = from.Enum();
         break;
      case 4:
         to.code = from.Text(data);
         break;
      case 5:
         to.ticket = from.Ulong();
         break;
      case 6:
         to.price_e8 = from.Long();
         break;
      case 7:
         to.volume_e8 = from.Long();
         break;
      case 8:
         to.received_at_us = from.Long();
         break;
      case 9:
         to.executed_at_us = from.Long();
         break;
      }
   return !from.Failed();
}

bool ReadDeliveries(const uchar &data[], CProtoReader &outer, SDelivery &deliveries[])
{
   int count = 0;
   CProtoReader from;
   from.Enter(data, outer);
   ArrayResize(deliveries, 0);
   while(from.Next(data))
      if(from.Field() == 1)
      {
         ArrayResize(deliveries, count + 1, 64);
         if(!ReadDelivery(data, from, deliveries[count++]))
            return false;
      }
   return !from.Failed();
}

// The refusals are an AccountStateAck's whole content.
bool ReadAccountStateAck(const uchar &data[], CProtoReader &outer, SRefusal &refusals[])
{
   CProtoReader from;
   from.Enter(data, outer);
   ArrayResize(refusals, 0);
   while(from.Next(data))
      if(from.Field() == 1)
         AppendRefusal(data, from, refusals);
   return !from.Failed();
}

bool ReadSpecificationsAck(const uchar &data[], CProtoReader &outer, ulong &portfolio_id, SResolution &resolutions[])
{
   int count = 0;
   CProtoReader from;
   from.Enter(data, outer);
   portfolio_id = 0;
   ArrayResize(resolutions, 0);
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         portfolio_id = from.Ulong();
         break;
      case 2:
         ArrayResize(resolutions, count + 1, 64);
         if(!ReadResolution(data, from, resolutions[count++]))
            return false;
         break;
      }
   return !from.Failed();
}

bool ReadHeartbeatAck(const uchar &data[], CProtoReader &outer, long &client_time_us, long &plane_time_us)
{
   CProtoReader from;
   from.Enter(data, outer);
   client_time_us = 0;
   plane_time_us = 0;
   while(from.Next(data))
      switch(from.Field())
      {
      case 1:
         client_time_us = from.Long();
         break;
      case 2:
         plane_time_us = from.Long();
         break;
      }
   return !from.Failed();
}

bool ReadGoodbye(const uchar &data[], CProtoReader &outer, string &reason)
{
   CProtoReader from;
   from.Enter(data, outer);
   reason = "";
   while(from.Next(data))
      if(from.Field() == 1)
         reason = from.Text(data);
   return !from.Failed();
}

// Frames

// One frame, without the lead and the length: what it answers, what it is, and a reader that stands on its message.
class CFrame
{
public:
   uchar data[];
   ulong id;
   int kind;
   CProtoReader body;

   CFrame(void) : id(0), kind(ECP_FRAME_NONE) {}

   // Reads id and kind; false: no frame.
   bool Open(void)
   {
      id = 0;
      kind = ECP_FRAME_NONE;
      CProtoReader from;
      from.Open(data, 0, ArraySize(data));
      while(from.Next(data))
      {
         if(from.Field() == 1)
            id = from.Ulong();
         else if(from.Field() >= ECP_FRAME_HELLO && from.Field() <= ECP_FRAME_SPECIFICATIONS_ACK)
         {
            // Of several the last counts, as everywhere in protobuf.
            kind = from.Field();
            body = from;
         }
      }
      return !from.Failed();
   }
};

// Cuts what arrives, however it is fragmented, into frames. After a fault nothing more comes out: the connection is over.
class CFrameSplitter
{
private:
   uchar m_data[];
   int m_from;
   int m_to;
   string m_fault;

   // Moves what is left to the front, and makes room for more behind it.
   void MakeRoom(const int more)
   {
      if(m_from > 0)
      {
         ArrayRemove(m_data, 0, m_from);
         m_to -= m_from;
         m_from = 0;
      }
      if(ArraySize(m_data) < m_to + more)
         ArrayResize(m_data, m_to + more, m_to + more);
   }

   bool Refuse(const string code)
   {
      m_fault = code;
      return false;
   }

public:
   CFrameSplitter(void) : m_from(0), m_to(0), m_fault("") {}

   void Reset(void)
   {
      m_from = 0;
      m_to = 0;
      m_fault = "";
   }

   // The code of what is wrong with the bytes, empty: nothing.
   string Fault(void) const { return m_fault; }

   void Feed(const uchar &bytes[], const int count)
   {
      if(count <= 0 || m_fault != "")
         return;
      MakeRoom(count);
      ArrayCopy(m_data, bytes, m_to, 0, count);
      m_to += count;
   }

   // Takes the next complete frame; false: there is none yet, or a fault.
   bool Next(CFrame &frame)
   {
      if(m_fault != "" || m_to - m_from < 2)
         return false;
      if(m_data[m_from] != ECP_LEAD)
         return Refuse("TRP03");
      int at = m_from + 1;
      ulong length = 0;
      for(int i = 0;; i++)
      {
         // The cap fits into four bytes of seven bits.
         if(i == 4)
            return Refuse("TRP01");
         if(at >= m_to)
            return false;
         const uchar next = m_data[at++];
         length |= (ulong)(next & 0x7F) << (7 * i);
         if(next < 0x80)
            break;
      }
      if(length == 0)
         return Refuse("TRP02");
      if(length > ECP_FRAME_CAP)
         return Refuse("TRP01");
      if(length > (ulong)(m_to - at))
         return false;
      ArrayResize(frame.data, (int)length);
      ArrayCopy(frame.data, m_data, 0, at, (int)length);
      m_from = at + (int)length;
      return frame.Open() ? true : Refuse("TRP03");
   }
};
