// Copies the trades of masters into this account: see docs/mql5.md.
#property strict
#property copyright "MIT license"
#property version "1.00"
#property description "Copies what the Execution Control Plane delivers, after a last look by its own guard."

#include <ExecutionControl/ExecutionControl.mqh>

// clang-format off
input group "Connection"
input string InpHost = "127.0.0.1";       // Address of the gateway (allow it in Tools, Options, Expert Advisors)
input uint   InpPort = 7400;              // Port of the gateway
input bool   InpTls = true;               // TLS: off only for a gateway on this computer
input string InpThumbprint = "";          // Thumbprint of the only certificate to trust; empty: any that the system trusts
input string InpLicense = "";             // License (ecp_..., purpose subscribe)

input group "Subscriptions"
input string InpSubscriptions = "";       // Numbers of the subscriptions into this account, with commas between

input group "Guard: your own limits, beside those of the subscription"
input double InpMaxDeviationPips = 0;     // Furthest from the master's price in pips; 0: the subscription's limit only
input int    InpMaxTtlMs = 0;             // Oldest signal that may open, in ms; 0: the subscription's limit only

input group "Orders"
input long   InpMagic = 7400;             // Magic number of the copies
input int    InpSlippagePoints = 10;      // Deviation in points that is granted to a broker with instant execution

input group "Running"
input int    InpTimerMs = 20;             // How often the connection is looked at, in ms
input string InpRecordTo = "";            // File to record the connection in, for the strategy tester
input string InpReplayFrom = "";          // Strategy tester: the recording to play
// clang-format on

CFollower *Follower = NULL;

// The numbers in a list; false: something in it is no number.
bool ReadNumbers(const string text, ulong &numbers[])
{
   string parts[];
   const int count = StringSplit(text, ',', parts);
   ArrayResize(numbers, MathMax(count, 0));
   for(int i = 0; i < count; i++)
   {
      StringTrimLeft(parts[i]);
      StringTrimRight(parts[i]);
      numbers[i] = (ulong)StringToInteger(parts[i]);
      if(numbers[i] == 0 || IntegerToString((long)numbers[i]) != parts[i])
         return false;
   }
   return count > 0;
}

CTransport *MakeTransport(void)
{
   if((bool)MQLInfoInteger(MQL_TESTER))
      return new CReplayTransport(InpReplayFrom);
   CTransport *socket = new CSocketTransport(InpHost, InpPort, InpTls, InpThumbprint, 3000);
   if(StringLen(InpRecordTo) == 0)
      return socket;
   return new CRecordingTransport(socket, InpRecordTo);
}

int OnInit(void)
{
   ulong subscriptions[];
   if(!ReadNumbers(InpSubscriptions, subscriptions))
   {
      Journal("InpSubscriptions is no list of numbers. What to do: enter the number of your subscription, like 9, or "
              "several, like 9,12.");
      return INIT_PARAMETERS_INCORRECT;
   }
   if(StringFind(InpLicense, "ecp_") != 0)
   {
      JournalCode(TR_LICENSE_UNKNOWN, "InpLicense does not begin with ecp_");
      return INIT_PARAMETERS_INCORRECT;
   }
   FolderCreate("ExecutionControl");
   const string state = StringFormat("ExecutionControl/subscriber-%I64d-%I64u.state", AccountInfoInteger(ACCOUNT_LOGIN),
                                     subscriptions[0]);
   Follower = new CFollower(MakeTransport(), new CTerminalBroker(InpMagic, InpSlippagePoints), InpLicense,
                            subscriptions, state, InpMaxDeviationPips, InpMaxTtlMs);
   EventSetMillisecondTimer(MathMax(InpTimerMs, 10));
   return INIT_SUCCEEDED;
}

void OnDeinit(const int reason)
{
   EventKillTimer();
   if(CheckPointer(Follower) == POINTER_INVALID)
      return;
   Journal(StringFormat("stops, reason %d", reason));
   Follower.Logout();
   delete Follower;
   Follower = NULL;
}

void OnTimer(void)
{
   Follower.Work();
}

void OnTick(void)
{
   Follower.Work();
}
