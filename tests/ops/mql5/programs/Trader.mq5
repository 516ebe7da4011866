// Does what orders.txt says when the price moves, and prints every event.
#include <Trade/Trade.mqh>

input ulong InpMagic = 77;
input int InpTimerMs = 0;
input int InpRefuse = 0;

CTrade g_trade;

int OnInit()
{
   g_trade.SetExpertMagicNumber(InpMagic);
   if(!g_trade.SetTypeFillingBySymbol(_Symbol))
      return INIT_FAILED;
   if(InpTimerMs > 0)
      EventSetMillisecondTimer(InpTimerMs);
   return InpRefuse;
}

void OnDeinit(const int reason) { Print("deinit ", reason); }

void OnTimer()
{
   Print("timer");
   EventKillTimer();
}

void OnTick()
{
   const int file = FileOpen("orders.txt", FILE_READ | FILE_TXT | FILE_ANSI);
   if(file == INVALID_HANDLE)
   {
      Print("tick ", SymbolInfoDouble(_Symbol, SYMBOL_BID));
      return;
   }
   string lines[];
   while(!FileIsEnding(file))
   {
      ArrayResize(lines, ArraySize(lines) + 1);
      lines[ArraySize(lines) - 1] = FileReadString(file);
   }
   FileClose(file);
   FileDelete("orders.txt");
   for(int i = 0; i < ArraySize(lines); i++)
      Obey(lines[i]);
}

void Obey(const string line)
{
   string w[];
   const int count = StringSplit(line, ' ', w);
   if(count == 0)
      return;
   ResetLastError();
   bool sent = false;
   if(w[0] == "open")
      sent = g_trade.PositionOpen(w[1], w[2] == "BUY" ? ORDER_TYPE_BUY : ORDER_TYPE_SELL, StringToDouble(w[3]), 0, StringToDouble(w[4]), StringToDouble(w[5]), "from the expert advisor, at some length");
   else if(w[0] == "close")
      sent = g_trade.PositionClosePartial((ulong)StringToInteger(w[1]), StringToDouble(w[2]));
   else if(w[0] == "closeby")
      sent = g_trade.PositionCloseBy((ulong)StringToInteger(w[1]), (ulong)StringToInteger(w[2]));
   else if(w[0] == "modify")
      sent = g_trade.PositionModify((ulong)StringToInteger(w[1]), StringToDouble(w[2]), StringToDouble(w[3]));
   else if(w[0] == "place")
      sent = g_trade.OrderOpen(w[1], (ENUM_ORDER_TYPE)StringToInteger(w[2]), StringToDouble(w[3]), 0, StringToDouble(w[4]), 0, 0);
   else if(w[0] == "cancel")
      sent = g_trade.OrderDelete((ulong)StringToInteger(w[1]));
   else if(w[0] == "report")
   {
      Report();
      return;
   }
   MqlTradeResult result;
   g_trade.Result(result);
   PrintFormat("%s %d error %d deal %d order %d %.2f at %.5f", w[0], result.retcode, sent ? 0 : GetLastError(), result.deal > 0, result.order > 0, result.volume, result.price);
}

void Report()
{
   for(int i = 0; i < PositionsTotal(); i++)
   {
      const ulong ticket = PositionGetTicket(i);
      PrintFormat("position %I64u %s %s %.2f %.5f sl %.5f magic %I64d [%s] %.2f", ticket, PositionGetString(POSITION_SYMBOL), EnumToString((ENUM_POSITION_TYPE)PositionGetInteger(POSITION_TYPE)), PositionGetDouble(POSITION_VOLUME),
                  PositionGetDouble(POSITION_PRICE_OPEN), PositionGetDouble(POSITION_SL), PositionGetInteger(POSITION_MAGIC), PositionGetString(POSITION_COMMENT), PositionGetDouble(POSITION_PROFIT));
   }
   HistorySelect(0, TimeCurrent() + 86400);
   for(int i = 0; i < HistoryDealsTotal(); i++)
   {
      const ulong ticket = HistoryDealGetTicket(i);
      PrintFormat("deal %s %s %.2f %.5f %.2f", EnumToString((ENUM_DEAL_TYPE)HistoryDealGetInteger(ticket, DEAL_TYPE)), EnumToString((ENUM_DEAL_ENTRY)HistoryDealGetInteger(ticket, DEAL_ENTRY)), HistoryDealGetDouble(ticket, DEAL_VOLUME),
                  HistoryDealGetDouble(ticket, DEAL_PRICE), HistoryDealGetDouble(ticket, DEAL_PROFIT));
   }
   PrintFormat("money %.2f %.2f %.2f", AccountInfoDouble(ACCOUNT_BALANCE), AccountInfoDouble(ACCOUNT_EQUITY), AccountInfoDouble(ACCOUNT_MARGIN));
   PrintFormat("zone %d", (int)MathRound((TimeTradeServer() - TimeGMT()) / 3600.0));
}

void OnTradeTransaction(const MqlTradeTransaction &transaction, const MqlTradeRequest &request, const MqlTradeResult &result)
{
   string what = EnumToString(transaction.type);
   if(transaction.type == TRADE_TRANSACTION_REQUEST)
      what += " " + (string)result.retcode + " " + EnumToString(request.action);
   else if(transaction.type == TRADE_TRANSACTION_DEAL_ADD)
   {
      HistoryDealSelect(transaction.deal);
      what += " " + EnumToString((ENUM_DEAL_ENTRY)HistoryDealGetInteger(transaction.deal, DEAL_ENTRY)) + " " + EnumToString((ENUM_DEAL_REASON)HistoryDealGetInteger(transaction.deal, DEAL_REASON)) + " " + DoubleToString(transaction.volume, 2);
   }
   else if(transaction.order != 0)
      what += " " + EnumToString(transaction.order_state);
   Print(what);
}

void OnTrade() { Print("trade"); }
