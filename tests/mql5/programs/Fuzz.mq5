// Reads mutated frames. There is nothing to find but what the sanitizers find, and a frame that came out of nothing.
#property strict

#include <ExecutionControl/Hmac.mqh>
#include <ExecutionControl/Wire.mqh>

input int InpFrames = 1000;
input long InpSeed = 1;

ulong State = 1;

uint Random(const uint below)
{
   // xorshift64
   State ^= State << 13;
   State ^= State >> 7;
   State ^= State << 17;
   return (uint)(State >> 33) % below;
}

bool Read(CFrame &frame)
{
   switch(frame.kind)
   {
   case ECP_FRAME_WELCOME:
   {
      SWelcome it;
      return ReadWelcome(frame.data, frame.body, it);
   }
   case ECP_FRAME_STREAM_OPENED:
   {
      SStreamOpened it;
      return ReadStreamOpened(frame.data, frame.body, it);
   }
   case ECP_FRAME_ACK:
   {
      SAck it;
      return ReadAck(frame.data, frame.body, it);
   }
   case ECP_FRAME_SUBSCRIBED:
   {
      SSubscribed it;
      return ReadSubscribed(frame.data, frame.body, it);
   }
   case ECP_FRAME_DELIVERIES:
   {
      SDelivery it[];
      return ReadDeliveries(frame.data, frame.body, it);
   }
   case ECP_FRAME_REPORT_ACK:
   {
      SReportAck it;
      return ReadReportAck(frame.data, frame.body, it);
   }
   case ECP_FRAME_HEARTBEAT_ACK:
   {
      long client = 0;
      long plane = 0;
      return ReadHeartbeatAck(frame.data, frame.body, client, plane);
   }
   case ECP_FRAME_ERROR:
   {
      SError it;
      return ReadError(frame.data, frame.body, it);
   }
   case ECP_FRAME_GOODBYE:
   {
      string reason = "";
      return ReadGoodbye(frame.data, frame.body, reason);
   }
   case ECP_FRAME_BOOK_ACK:
   {
      SBookAck it;
      return ReadBookAck(frame.data, frame.body, it);
   }
   case ECP_FRAME_ACCOUNT_STATE_ACK:
   {
      SRefusal it[];
      return ReadAccountStateAck(frame.data, frame.body, it);
   }
   case ECP_FRAME_SPECIFICATIONS_ACK:
   {
      ulong portfolio_id = 0;
      SResolution it[];
      return ReadSpecificationsAck(frame.data, frame.body, portfolio_id, it);
   }
   }
   return false;
}

// Changes, cuts, doubles and inserts, a few times.
void Mutate(uchar &bytes[])
{
   const int times = 1 + (int)Random(4);
   for(int i = 0; i < times && ArraySize(bytes) > 0; i++)
   {
      const int size = ArraySize(bytes);
      const int at = (int)Random((uint)size);
      switch(Random(5))
      {
      case 0:
         bytes[at] = (uchar)Random(256);
         break;
      case 1:
         bytes[at] ^= (uchar)(1 << Random(8));
         break;
      case 2:
         ArrayResize(bytes, at);
         break;
      case 3:
         ArrayRemove(bytes, at, 1);
         break;
      case 4:
         ArrayResize(bytes, size + 1);
         for(int j = size; j > at; j--)
            bytes[j] = bytes[j - 1];
         bytes[at] = (uchar)(Random(2) == 0 ? 0xFF : Random(256));
         break;
      }
   }
}

void OnStart(void)
{
   string lines[];
   const int file = FileOpen("corpus.txt", FILE_READ | FILE_TXT | FILE_ANSI);
   while(file != INVALID_HANDLE && !FileIsEnding(file))
   {
      const int count = ArraySize(lines);
      ArrayResize(lines, count + 1);
      lines[count] = FileReadString(file);
   }
   FileClose(file);
   State = (ulong)InpSeed * 2654435761 + 1;
   int cut = 0;
   int readable = 0;
   CFrameSplitter splitter;
   CFrame frame;
   for(int i = 0; i < InpFrames; i++)
   {
      uchar bytes[];
      FromHex(lines[Random((uint)ArraySize(lines))], bytes);
      // Half of them keep their envelope, so that the messages inside are reached.
      if(Random(2) == 0)
      {
         Mutate(bytes);
         splitter.Reset();
         splitter.Feed(bytes, ArraySize(bytes));
         while(splitter.Next(frame))
         {
            cut++;
            readable += Read(frame) ? 1 : 0;
         }
         continue;
      }
      splitter.Reset();
      splitter.Feed(bytes, ArraySize(bytes));
      splitter.Next(frame);
      Mutate(frame.data);
      if(!frame.Open())
         continue;
      cut++;
      readable += Read(frame) ? 1 : 0;
   }
   Print("frames ", IntegerToString(InpFrames), " cut ", IntegerToString(cut), " readable ", IntegerToString(readable));
}
