// How long it takes to read a delivery off the wire and to judge it.
#property strict

#include <ExecutionControl/ExecutionGuard.mqh>
#include <ExecutionControl/Wire.mqh>

input int InpRounds = 20000;

void OnStart(void)
{
   uchar bytes[];
   const int file = FileOpen("bytes.bin", FILE_READ | FILE_BIN);
   FileReadArray(file, bytes);
   FileClose(file);
   CFrameSplitter splitter;
   CFrame frame;
   CExecutionGuard guard(9, 50.0, 0);
   guard.Told("SYNCED", 0);
   SMoment moment;
   ZeroMemory(moment);
   moment.plane_time_us = 1700000000000000;
   moment.price_e8 = 107219000;
   int passed = 0;
   const ulong start = GetMicrosecondCount();
   for(int i = 0; i < InpRounds; i++)
   {
      SDelivery deliveries[];
      splitter.Feed(bytes, ArraySize(bytes));
      if(splitter.Next(frame) && ReadDeliveries(frame.data, frame.body, deliveries) &&
         guard.Refusal(deliveries[0], moment, 10000) == "")
         passed++;
   }
   const ulong took = GetMicrosecondCount() - start;
   Print("passed ", IntegerToString(passed), " nanoseconds ", IntegerToString((long)(took * 1000 / InpRounds)));
}
