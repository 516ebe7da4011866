// Reads the plane's bytes from bytes.bin, cut into pieces of InpPiece, and prints what they say.
#property strict

#include <ExecutionControl/Hmac.mqh>
#include <ExecutionControl/Wire.mqh>

input int InpPiece = 7;

string Number(const ulong value)
{
   return StringFormat("%I64u", value);
}
string Signed(const long value)
{
   return StringFormat("%I64d", value);
}
string Quoted(const string text)
{
   uchar bytes[];
   const int count = StringToCharArray(text, bytes, 0, WHOLE_ARRAY, CP_UTF8) - 1;
   ArrayResize(bytes, MathMax(count, 0));
   return "'" + ToHex(bytes) + "'";
}

string Numbers(const ulong &values[])
{
   string text = "[";
   for(int i = 0; i < ArraySize(values); i++)
      text += (i > 0 ? "," : "") + Number(values[i]);
   return text + "]";
}

string Integers(const int &values[])
{
   string text = "[";
   for(int i = 0; i < ArraySize(values); i++)
      text += (i > 0 ? "," : "") + IntegerToString(values[i]);
   return text + "]";
}

string Refusals(const SRefusal &all[])
{
   string text = "[";
   for(int i = 0; i < ArraySize(all); i++)
      text +=
         (i > 0 ? "," : "") + Number(all[i].index) + Quoted(all[i].code) + Quoted(all[i].message) + Quoted(all[i].hint);
   return text + "]";
}

string Deliveries(const SDelivery &all[])
{
   string text = "";
   for(int i = 0; i < ArraySize(all); i++)
      text += "{" + Number(all[i].subscription_id) + " " + Number(all[i].delivery_seq) + " " +
              Number(all[i].stream_id) + " " + Number(all[i].epoch) + " " + Number(all[i].seq) + " " +
              (all[i].possible_duplicate ? "1" : "0") + " " + (all[i].gap_fill ? "1" : "0") + " " +
              IntegerToString(all[i].action) + " " + Quoted(all[i].symbol) + " " + IntegerToString(all[i].side) + " " +
              Number(all[i].position_id) + " " + Signed(all[i].volume_e8) + " " + Signed(all[i].price_e8) + " " +
              Signed(all[i].stop_loss_e8) + " " + Signed(all[i].take_profit_e8) + " " +
              Signed(all[i].max_deviation_e8) + " " + Signed(all[i].sent_at_us) + " " + Signed(all[i].expires_at_us) +
              " " + Signed(all[i].magic) + " " + IntegerToString(all[i].order_type) + " " +
              Signed(all[i].worst_price_e8) + " " + Signed(all[i].held_volume_e8) + " " + Number(all[i].ticket) + "}";
   return text;
}

// Empty: it cannot be read.
string Said(CFrame &frame)
{
   switch(frame.kind)
   {
   case ECP_FRAME_NONE:
      return "nothing";
   case ECP_FRAME_WELCOME:
   {
      SWelcome it;
      if(!ReadWelcome(frame.data, frame.body, it))
         return "";
      return ToHex(it.session) + " " + Quoted(it.account) + " " + Quoted(it.purpose) + " " + Signed(it.plane_time_us) +
             " " + Number(it.heartbeat_ms) + " " + Number(it.max_frame_bytes);
   }
   case ECP_FRAME_STREAM_OPENED:
   {
      SStreamOpened it;
      if(!ReadStreamOpened(frame.data, frame.body, it))
         return "";
      return Number(it.stream_id) + " " + Quoted(it.stream) + " " + Number(it.epoch) + " " + Number(it.last_seq) + " " +
             Number(it.ttl_ms);
   }
   case ECP_FRAME_ACK:
   {
      SAck it;
      if(!ReadAck(frame.data, frame.body, it))
         return "";
      return Number(it.stream_id) + " " + Number(it.epoch) + " " + Number(it.next_seq) + " " + Numbers(it.seqs) + " " +
             Integers(it.verdicts) + " " + Integers(it.originals) + " " + Refusals(it.refusals) + " " +
             Signed(it.decided_at_us);
   }
   case ECP_FRAME_SUBSCRIBED:
   {
      SSubscribed it;
      if(!ReadSubscribed(frame.data, frame.body, it))
         return "";
      return Number(it.subscription_id) + " " + Quoted(it.stream) + " " + Number(it.delivery_seq) + " " +
             Quoted(it.state) + " " + Number(it.portfolio_id) + " " + IntegerToString(it.mode);
   }
   case ECP_FRAME_DELIVERIES:
   {
      SDelivery it[];
      return ReadDeliveries(frame.data, frame.body, it) ? "deliveries" + Deliveries(it) : "";
   }
   case ECP_FRAME_REPORT_ACK:
   {
      SReportAck it;
      if(!ReadReportAck(frame.data, frame.body, it))
         return "";
      return Numbers(it.subscription_ids) + " " + Numbers(it.delivery_seqs) + " " + Integers(it.verdicts) + " " +
             Refusals(it.refusals);
   }
   case ECP_FRAME_HEARTBEAT_ACK:
   {
      long client = 0;
      long plane = 0;
      return ReadHeartbeatAck(frame.data, frame.body, client, plane) ? Signed(client) + " " + Signed(plane) : "";
   }
   case ECP_FRAME_ERROR:
   {
      SError it;
      if(!ReadError(frame.data, frame.body, it))
         return "";
      return Quoted(it.code) + " " + Quoted(it.message) + " " + Quoted(it.detail) + " " + Quoted(it.hint) + " " +
             (it.fatal ? "1" : "0");
   }
   case ECP_FRAME_GOODBYE:
   {
      string reason = "";
      return ReadGoodbye(frame.data, frame.body, reason) ? Quoted(reason) : "";
   }
   case ECP_FRAME_BOOK_ACK:
   {
      SBookAck it;
      if(!ReadBookAck(frame.data, frame.body, it))
         return "";
      return Number(it.subscription_id) + " " + Number(it.settled) + " " + Number(it.differences) + " " +
             Number(it.delivery_seq);
   }
   case ECP_FRAME_ACCOUNT_STATE_ACK:
   {
      SRefusal it[];
      return ReadAccountStateAck(frame.data, frame.body, it) ? "refusals " + Refusals(it) : "";
   }
   case ECP_FRAME_SPECIFICATIONS_ACK:
   {
      ulong portfolio_id = 0;
      SResolution it[];
      if(!ReadSpecificationsAck(frame.data, frame.body, portfolio_id, it))
         return "";
      string text = Number(portfolio_id);
      for(int i = 0; i < ArraySize(it); i++)
         text += " " + Quoted(it[i].master_symbol) + Quoted(it[i].symbol) + Quoted(it[i].reason);
      return text;
   }
   }
   return "ours";
}

void OnStart(void)
{
   uchar bytes[];
   CFrameSplitter splitter;
   CFrame frame;
   const int file = FileOpen("bytes.bin", FILE_READ | FILE_BIN);
   const int size = (int)FileSize(file);
   if(size > 0)
      FileReadArray(file, bytes);
   FileClose(file);
   for(int from = 0; from < size; from += InpPiece)
   {
      uchar piece[];
      ArrayCopy(piece, bytes, 0, from, MathMin(InpPiece, size - from));
      splitter.Feed(piece, ArraySize(piece));
      while(splitter.Next(frame))
      {
         const string said = Said(frame);
         Print(IntegerToString(frame.kind), " ", Number(frame.id), " ", said == "" ? "unreadable" : said);
      }
   }
   Print("fault ", splitter.Fault());
}
