// Plays the lines of cases.txt through the execution guard and prints what it says.
#property strict

#include <ExecutionControl/ExecutionGuard.mqh>

// guard SUBSCRIPTION PIPS TTL_MS | told STATE NEWEST | processed SEQ | skip SEQ | missing | state
// key KEY | verify PAYLOAD TAG: in hexadecimal, - is none
// delivery SUBSCRIPTION SEQ GAP_FILL ACTION SIDE PRICE MAX_DEVIATION SENT EXPIRES WORST NOW QUOTE NEEDED FREE SIGNATURE PIP
CExecutionGuard *Guard = NULL;

// MQL5 has no word for what is no number: it is what a logarithm makes of -1.
double Money(const string word)
{
   return word == "nan" ? MathLog(-1.0) : StringToDouble(word);
}

string Judged(const string &words[])
{
   SDelivery delivery;
   SMoment moment;
   ZeroMemory(delivery);
   ZeroMemory(moment);
   delivery.subscription_id = (ulong)StringToInteger(words[1]);
   delivery.delivery_seq = (ulong)StringToInteger(words[2]);
   delivery.gap_fill = words[3] == "1";
   delivery.action = (int)StringToInteger(words[4]);
   delivery.side = (int)StringToInteger(words[5]);
   delivery.price_e8 = StringToInteger(words[6]);
   delivery.max_deviation_e8 = StringToInteger(words[7]);
   delivery.sent_at_us = StringToInteger(words[8]);
   delivery.expires_at_us = StringToInteger(words[9]);
   delivery.worst_price_e8 = StringToInteger(words[10]);
   moment.plane_time_us = StringToInteger(words[11]);
   moment.price_e8 = StringToInteger(words[12]);
   moment.margin_needed = Money(words[13]);
   moment.margin_free = Money(words[14]);
   moment.signature = (ENUM_GUARD_SIGNATURE)StringToInteger(words[15]);
   const string code = Guard.Refusal(delivery, moment, StringToInteger(words[16]));
   return code == "" ? "ok" : code;
}

void Bytes(const string word, uchar &bytes[])
{
   FromHex(word == "-" ? "" : word, bytes);
}

void OnStart(void)
{
   uchar first[];
   uchar second[];
   const int file = FileOpen("cases.txt", FILE_READ | FILE_TXT | FILE_ANSI);
   while(file != INVALID_HANDLE && !FileIsEnding(file))
   {
      string words[];
      if(StringSplit(FileReadString(file), ' ', words) < 1)
         continue;
      if(words[0] == "guard")
      {
         if(CheckPointer(Guard) != POINTER_INVALID)
            delete Guard;
         Guard = new CExecutionGuard((ulong)StringToInteger(words[1]), StringToDouble(words[2]),
                                     (int)StringToInteger(words[3]));
      }
      else if(words[0] == "told")
         Guard.Told(words[1], (ulong)StringToInteger(words[2]));
      else if(words[0] == "processed")
         Guard.Processed((ulong)StringToInteger(words[1]));
      else if(words[0] == "skip")
         Guard.SkipTo((ulong)StringToInteger(words[1]));
      else if(words[0] == "missing")
         Guard.Missing();
      else if(words[0] == "state")
         Print(EnumToString(Guard.State()), " ", IntegerToString((long)Guard.Last()));
      else if(words[0] == "key")
      {
         Bytes(words[1], first);
         Guard.SetKey(first);
      }
      else if(words[0] == "verify")
      {
         Bytes(words[1], first);
         Bytes(words[2], second);
         Print(EnumToString(Guard.Verify(first, second)));
      }
      else if(words[0] == "delivery")
         Print(Judged(words));
   }
   FileClose(file);
   if(CheckPointer(Guard) != POINTER_INVALID)
      delete Guard;
}
