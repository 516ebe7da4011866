// Publishes the trades of this account to its followers: see docs/mql5.md.
#property strict
#property copyright "MIT license"
#property version "1.00"
#property description "Publishes what this account trades, signed and numbered, to the Execution Control Plane."

#include <ExecutionControl/ExecutionControl.mqh>

// clang-format off
input group "Connection"
input string InpHost = "127.0.0.1";       // Address of the gateway (allow it in Tools, Options, Expert Advisors)
input uint   InpPort = 7400;              // Port of the gateway
input bool   InpTls = true;               // TLS: off only for a gateway on this computer
input string InpThumbprint = "";          // Thumbprint of the only certificate to trust; empty: any that the system trusts
input string InpLicense = "";             // License (ecp_..., purpose publish)

input group "Stream"
input string InpStream = "";              // Name of the stream
input string InpStreamKey = "";           // Key of the stream, in hexadecimal

input group "What is published"
input string InpMagics = "";              // Only what was opened under these magic numbers, with commas between; empty: everything

input group "Running"
input int    InpTimerMs = 20;             // How often the connection is looked at, in ms
// clang-format on

CPublisher *Publisher = NULL;

// The numbers in a list, which may be empty; false: something in it is no number.
bool ReadMagics(const string text, long &magics[])
{
   string parts[];
   if(StringLen(text) == 0)
      return true;
   const int count = StringSplit(text, ',', parts);
   ArrayResize(magics, count);
   for(int i = 0; i < count; i++)
   {
      StringTrimLeft(parts[i]);
      StringTrimRight(parts[i]);
      magics[i] = StringToInteger(parts[i]);
      if(IntegerToString(magics[i]) != parts[i])
         return false;
   }
   return true;
}

int OnInit(void)
{
   uchar key[];
   long magics[];
   if(StringFind(InpLicense, "ecp_") != 0)
   {
      JournalCode(TR_LICENSE_UNKNOWN, "InpLicense does not begin with ecp_");
      return INIT_PARAMETERS_INCORRECT;
   }
   if(StringLen(InpStream) == 0)
   {
      JournalCode(TR_UNKNOWN_STREAM, "InpStream is empty");
      return INIT_PARAMETERS_INCORRECT;
   }
   if(!FromHex(InpStreamKey, key) || ArraySize(key) < 16)
   {
      JournalCode(TR_BAD_SIGNATURE, "InpStreamKey is not at least 16 bytes in hexadecimal",
                  "Enter the key as the operator gave it: digits 0 to 9 and letters a to f.");
      return INIT_PARAMETERS_INCORRECT;
   }
   if(!ReadMagics(InpMagics, magics))
   {
      Journal("InpMagics is no list of numbers. What to do: enter magic numbers like 5 or 5,7, or nothing for all.");
      return INIT_PARAMETERS_INCORRECT;
   }
   FolderCreate("ExecutionControl");
   const string state =
      StringFormat("ExecutionControl/master-%I64d-%s.state", AccountInfoInteger(ACCOUNT_LOGIN), InpStream);
   Publisher = new CPublisher(new CSocketTransport(InpHost, InpPort, InpTls, InpThumbprint, 3000), InpLicense,
                              InpStream, key, magics, state);
   EventSetMillisecondTimer(MathMax(InpTimerMs, 10));
   return INIT_SUCCEEDED;
}

void OnDeinit(const int reason)
{
   EventKillTimer();
   if(CheckPointer(Publisher) == POINTER_INVALID)
      return;
   Journal(StringFormat("stops, reason %d", reason));
   Publisher.Logout();
   delete Publisher;
   Publisher = NULL;
}

void OnTimer(void)
{
   Publisher.Work();
}

void OnTick(void)
{
   Publisher.Work();
}

void OnTradeTransaction(const MqlTradeTransaction &transaction, const MqlTradeRequest &request,
                        const MqlTradeResult &result)
{
   Publisher.Changed();
   Publisher.Work();
}
