// Writes a state again and again until it is killed, or says what it finds.
#property strict

#include <ExecutionControl/StateFile.mqh>

input bool InpWrite = true;
input int InpSize = 3000;

void OnStart(void)
{
   CStateFile state("kept.state");
   uchar payload[];
   const ENUM_STATE_FOUND found = state.Load(payload);
   bool is_whole = true;
   for(int i = 1; i < ArraySize(payload); i++)
      is_whole = is_whole && payload[i] == payload[0];
   Print(EnumToString(found), " ", IntegerToString((long)state.Generation()), " ", is_whole ? "whole" : "torn");
   while(InpWrite && !IsStopped())
   {
      ArrayResize(payload, InpSize);
      ArrayInitialize(payload, (uchar)((state.Generation() + 1) % 251));
      if(state.Save(payload))
         Print("saved ", IntegerToString((long)state.Generation()));
      else
         Print("not saved");
   }
}
