// Prints the byte vectors of docs/protocol.md and those of the RFCs, as this library makes them.
#property strict

#include <ExecutionControl/Hmac.mqh>
#include <ExecutionControl/Scaled.mqh>
#include <ExecutionControl/Wire.mqh>

#define SENT_US 1700000000000000

void Show(const string name, const uchar &bytes[])
{
   Print(name, " ", ToHex(bytes));
}

void ShowFrame(const string name, const ENUM_ECP_FRAME kind, const CProtoWriter &body, const ulong id)
{
   uchar bytes[];
   WriteFrame(kind, body, id, bytes);
   Show(name, bytes);
}

string Repeated(const string text, const int count)
{
   string all = "";
   for(int i = 0; i < count; i++)
      all += text;
   return all;
}

void MakeSigned(SSignedSignal &made)
{
   SSignal signal;
   ZeroMemory(signal);
   signal.stream_id = 7;
   signal.epoch = 1;
   signal.seq = 42;
   signal.action = ECP_OPEN;
   signal.symbol = "EURUSD";
   signal.side = ECP_BUY;
   signal.position_id = 100001;
   ToE8(0.10, 8, signal.volume_e8);
   ToE8(1.07219, 5, signal.price_e8);
   ToE8(1.069, 5, signal.stop_loss_e8);
   ToE8(1.079, 5, signal.take_profit_e8);
   signal.sent_at_us = SENT_US;
   signal.magic = 5;
   CProtoWriter body;
   WriteSignal(body, signal);
   body.CopyTo(made.signal);
   uchar key[];
   ArrayResize(key, 32);
   for(int i = 0; i < 32; i++)
      key[i] = (uchar)i;
   CHmacSha256 hmac;
   hmac.SetKey(key);
   hmac.Sign(made.signal, made.tag);
}

void ShowMaster(void)
{
   SHello hello;
   ZeroMemory(hello);
   hello.protocol = 1;
   hello.token = "ecp_" + Repeated("0", 32) + "_" + Repeated("1", 64);
   ArrayResize(hello.instance, 16);
   ArrayInitialize(hello.instance, 0);
   hello.client = "example/1";
   hello.client_time_us = SENT_US;
   CProtoWriter greeting;
   WriteHello(greeting, hello);
   ShowFrame("hello", ECP_FRAME_HELLO, greeting, 1);
   SSignedSignal all[];
   ArrayResize(all, 1);
   MakeSigned(all[0]);
   Show("signal", all[0].signal);
   Show("tag", all[0].tag);
   CProtoWriter publish;
   WritePublish(publish, 7, all, 0, 1);
   ShowFrame("publish", ECP_FRAME_PUBLISH, publish, 2);
}

void ShowFollower(void)
{
   SReport reports[];
   ArrayResize(reports, 1);
   ZeroMemory(reports[0]);
   reports[0].subscription_id = 9;
   reports[0].delivery_seq = 1;
   reports[0].status = ECP_EXECUTED;
   reports[0].ticket = 555;
   ToE8(1.07221, 5, reports[0].price_e8);
   ToE8(0.05, 8, reports[0].volume_e8);
   reports[0].received_at_us = SENT_US + 2000;
   reports[0].executed_at_us = SENT_US + 3000;
   CProtoWriter report;
   WriteReports(report, reports, 0, 1);
   ShowFrame("report", ECP_FRAME_REPORTS, report, 3);
   CProtoWriter heartbeat;
   heartbeat.Long(1, SENT_US);
   ShowFrame("heartbeat", ECP_FRAME_HEARTBEAT, heartbeat, 0);
   SSpecification symbols[];
   ArrayResize(symbols, 1);
   ZeroMemory(symbols[0]);
   symbols[0].symbol = "EURUSD.m";
   symbols[0].digits = 5;
   ToE8(100000, 8, symbols[0].contract_size_e8);
   ToE8(0.01, 8, symbols[0].volume_min_e8);
   ToE8(100, 8, symbols[0].volume_max_e8);
   ToE8(0.01, 8, symbols[0].volume_step_e8);
   ToE8(0.00001, 8, symbols[0].tick_size_e8);
   ToE8(1, 8, symbols[0].tick_value_e8);
   symbols[0].base_currency = "EUR";
   symbols[0].profit_currency = "USD";
   CProtoWriter specifications;
   WriteSpecifications(specifications, 3, symbols);
   ShowFrame("specifications", ECP_FRAME_SPECIFICATIONS, specifications, 4);
   SAccountState state;
   ZeroMemory(state);
   state.portfolio_id = 3;
   ToE8(10000, 2, state.balance_e8);
   ToE8(9987.5, 2, state.equity_e8);
   state.broker_time_us = SENT_US + 7200000000;
   ArrayResize(state.subscriptions, 1);
   state.subscriptions[0].subscription_id = 9;
   state.subscriptions[0].last_processed = 1;
   ToE8(-12.5, 2, state.subscriptions[0].profit_e8);
   CProtoWriter money;
   WriteAccountState(money, state);
   ShowFrame("account_state", ECP_FRAME_ACCOUNT_STATE, money, 5);
   SHolding holdings[];
   ArrayResize(holdings, 1);
   ZeroMemory(holdings[0]);
   holdings[0].ticket = 555;
   holdings[0].position_id = 100001;
   holdings[0].delivery_seq = 1;
   holdings[0].symbol = "EURUSD.m";
   holdings[0].side = ECP_BUY;
   ToE8(0.05, 8, holdings[0].volume_e8);
   ToE8(1.07221, 5, holdings[0].price_e8);
   ToE8(1.069, 5, holdings[0].stop_loss_e8);
   ToE8(1.079, 5, holdings[0].take_profit_e8);
   CProtoWriter book;
   WriteBook(book, 9, 1, holdings);
   ShowFrame("book", ECP_FRAME_BOOK, book, 6);
}

// A line of lines.txt is "key data", both in hexadecimal.
void ShowHmacs(void)
{
   uchar nothing[];
   uchar made[];
   CHmacSha256 keyless;
   Print("without a key ", keyless.Sign(nothing, made) ? "it is signed" : "nothing is signed");
   const int file = FileOpen("hmac.txt", FILE_READ | FILE_TXT | FILE_ANSI);
   for(int i = 0; file != INVALID_HANDLE && !FileIsEnding(file); i++)
   {
      string parts[];
      uchar key[];
      uchar data[];
      uchar tag[];
      if(StringSplit(FileReadString(file), ' ', parts) != 2 || !FromHex(parts[0], key) || !FromHex(parts[1], data))
         continue;
      CHmacSha256 hmac;
      hmac.SetKey(key);
      hmac.Sign(data, tag);
      Print("hmac ", ToHex(tag), " ", hmac.Matches(data, tag) ? "matches" : "differs");
   }
   if(file != INVALID_HANDLE)
      FileClose(file);
}

// A line is a decimal and how many digits count.
void ShowScaled(void)
{
   const int file = FileOpen("scaled.txt", FILE_READ | FILE_TXT | FILE_ANSI);
   while(file != INVALID_HANDLE && !FileIsEnding(file))
   {
      string parts[];
      long scaled = 0;
      if(StringSplit(FileReadString(file), ' ', parts) != 2)
         continue;
      double value = StringToDouble(parts[0]);
      if(parts[0] == "nan")
         value = MathLog(-1.0);
      if(parts[0] == "inf")
         value = -MathLog(0.0);
      const bool is_right = ToE8(value, (int)StringToInteger(parts[1]), scaled);
      Print("scaled ", is_right ? "yes" : "no", " ", IntegerToString(scaled), " ",
            is_right && FromE8(scaled) == value ? "same" : "other");
   }
   if(file != INVALID_HANDLE)
      FileClose(file);
}

void OnStart(void)
{
   ShowMaster();
   ShowFollower();
   ShowHmacs();
   ShowScaled();
}
