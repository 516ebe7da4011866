// Says whether an expert advisor of the Execution Control Plane could work here, and what to do if not.
#property strict
#property copyright "MIT license"
#property version "1.00"
#property script_show_inputs

#include <ExecutionControl/ExecutionControl.mqh>

// clang-format off
input string InpHost = "127.0.0.1";       // Address of the gateway
input uint   InpPort = 7400;              // Port of the gateway
input bool   InpTls = true;               // TLS: off only for a gateway on this computer
input string InpThumbprint = "";          // Thumbprint of the only certificate to trust; empty: any that the system trusts
input string InpLicense = "";             // License (ecp_...)
input string InpSymbols = "EURUSD";       // Symbols that are to be traded, with commas between
// clang-format on

// Further apart than this, the computer's clock is wrong; the expert advisors go by the plane's all the same.
#define CLOCK_LIMIT_S 5
#define ANSWER_US 10000000

class CVisit : public CSession
{
public:
   bool is_welcome;
   bool is_refused;

   CVisit(CTransport *transport, const string token) : CSession(transport, token), is_welcome(false), is_refused(false)
   {
      MakeInstance();
   }

   // A license that is in use cannot be in use here too.
   bool Ask(void)
   {
      const long until = Now() + ANSWER_US;
      while(!is_welcome && !is_refused && Now() < until && !IsStopped())
      {
         Poll();
         Sleep(10);
      }
      return is_welcome;
   }

protected:
   virtual void OnUp(void) { is_welcome = true; }
   virtual void OnDown(void) { is_refused = true; }
   virtual void OnBeat(void) {}
   virtual void OnError(const ulong id, const SError &error) { is_refused = id > 0 && error.fatal; }
   virtual bool OnFrame(CFrame &frame) { return frame.kind != ECP_FRAME_NONE; }
};

int Faults = 0;

void Check(const bool is_right, const string what, const string advice)
{
   if(!is_right)
      Faults++;
   Journal((is_right ? "ok     " : "WRONG  ") + what + (is_right ? "" : ". What to do: " + advice));
}

void CheckSymbols(void)
{
   string symbols[];
   const int count = StringSplit(InpSymbols, ',', symbols);
   for(int i = 0; i < count; i++)
   {
      StringTrimLeft(symbols[i]);
      StringTrimRight(symbols[i]);
      string found = "";
      for(int j = 0; j < SymbolsTotal(false) && StringLen(found) == 0; j++)
         if(StringFind(SymbolName(j, false), symbols[i]) >= 0)
            found = SymbolName(j, false);
      Check(StringLen(found) > 0, symbols[i] + (StringLen(found) > 0 ? " is " + found : " is not offered here"),
            "ask the broker for the symbol, or have it mapped to what it is called here.");
   }
}

void OnStart(void)
{
   Check((bool)TerminalInfoInteger(TERMINAL_CONNECTED), "the terminal is connected to its broker",
         "log in to the account.");
   Check((bool)TerminalInfoInteger(TERMINAL_TRADE_ALLOWED), "Algo Trading is on", "press Algo Trading in the toolbar.");
   Check((bool)AccountInfoInteger(ACCOUNT_TRADE_EXPERT), "the broker lets experts trade", "ask the broker.");
   CheckSymbols();
   CTransport *socket = new CSocketTransport(InpHost, InpPort, InpTls, InpThumbprint, 5000);
   const bool is_reached = socket.Open();
   Check(is_reached, StringFormat("%s:%u answers", InpHost, InpPort),
         "allow the address in Tools, Options, Expert Advisors; then check address, port and TLS.");
   socket.Close();
   CVisit visit(socket, InpLicense);
   if(is_reached)
   {
      Check(visit.Ask(), "the license is valid and free",
            "see the code above; SESSION_HELD means that it is in use already, which is right while the expert advisor "
            "runs.");
      if(visit.is_welcome)
      {
         const long apart = ((long)TimeGMT() * 1000000 - visit.PlaneTime()) / 1000000;
         Check(MathAbs(apart) <= CLOCK_LIMIT_S,
               StringFormat("this computer's clock is %I64d s from the plane's", apart),
               "let the computer set its clock by the internet. Copies are right all the same.");
      }
      visit.Logout();
   }
   Journal(Faults == 0 ? "All is well." : StringFormat("%d to be set right.", Faults));
}
