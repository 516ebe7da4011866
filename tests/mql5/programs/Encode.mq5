// Writes each message that an expert sends, every field of it: a number is 100 and the number of its field, a text says
// it, bytes are it.
#property strict

#include <ExecutionControl/Hmac.mqh>
#include <ExecutionControl/Wire.mqh>

void Show(const string name, const CProtoWriter &body)
{
   uchar bytes[];
   body.CopyTo(bytes);
   Print(name, " ", ToHex(bytes));
}

void One(uchar &bytes[], const uchar byte)
{
   ArrayResize(bytes, 1);
   bytes[0] = byte;
}

void ShowHello(void)
{
   SHello hello;
   hello.protocol = 101;
   hello.token = "text 2";
   One(hello.instance, 3);
   hello.client = "text 4";
   hello.client_time_us = 105;
   CProtoWriter body;
   WriteHello(body, hello);
   Show("Hello", body);
}

void ShowSignal(void)
{
   SSignal signal;
   signal.stream_id = 101;
   signal.epoch = 102;
   signal.seq = 103;
   signal.action = 104;
   signal.symbol = "text 5";
   signal.side = 106;
   signal.position_id = 107;
   signal.volume_e8 = 108;
   signal.price_e8 = 109;
   signal.stop_loss_e8 = 110;
   signal.take_profit_e8 = 111;
   signal.sent_at_us = 112;
   signal.magic = 113;
   signal.order_type = 114;
   ArrayResize(signal.book, 1);
   signal.book[0].position_id = 101;
   signal.book[0].symbol = "text 2";
   signal.book[0].side = 103;
   signal.book[0].volume_e8 = 104;
   signal.book[0].price_e8 = 105;
   signal.book[0].stop_loss_e8 = 106;
   signal.book[0].take_profit_e8 = 107;
   signal.book[0].order_type = 108;
   signal.book[0].magic = 109;
   signal.book[0].opened_at_us = 110;
   signal.balance_e8 = 116;
   signal.equity_e8 = 117;
   CProtoWriter body;
   WriteSignal(body, signal);
   Show("Signal", body);
}

void ShowPublish(void)
{
   SSignedSignal all[];
   ArrayResize(all, 1);
   One(all[0].signal, 1);
   One(all[0].tag, 2);
   CProtoWriter body;
   WritePublish(body, 101, all, 0, 1);
   Show("Publish", body);
   CProtoWriter intent;
   WriteResyncIntent(intent, 101, 102, 103);
   Show("ResyncIntent", intent);
}

void ShowReports(void)
{
   SReport all[];
   ArrayResize(all, 1);
   all[0].subscription_id = 101;
   all[0].delivery_seq = 102;
   all[0].status = 103;
   all[0].code = "text 4";
   all[0].ticket = 105;
   all[0].price_e8 = 106;
   all[0].volume_e8 = 107;
   all[0].received_at_us = 108;
   all[0].executed_at_us = 109;
   CProtoWriter body;
   WriteReports(body, all, 0, 1);
   Show("Reports", body);
   // A state file has them too, and gives them back.
   uchar bytes[];
   SReport kept;
   CProtoReader from;
   CProtoWriter again;
   body.CopyTo(bytes);
   from.Open(bytes, 0, ArraySize(bytes));
   if(from.Next(bytes) && ReadReport(bytes, from, kept))
      WriteReport(again, kept);
   Show("Report", again);
   CProtoWriter subscribe;
   WriteSubscribe(subscribe, 101, 102);
   Show("Subscribe", subscribe);
   Show("Resend", subscribe);
}

void ShowBook(void)
{
   SHolding holdings[];
   ArrayResize(holdings, 1);
   holdings[0].ticket = 101;
   holdings[0].position_id = 102;
   holdings[0].delivery_seq = 103;
   holdings[0].symbol = "text 4";
   holdings[0].side = 105;
   holdings[0].volume_e8 = 106;
   holdings[0].price_e8 = 107;
   holdings[0].stop_loss_e8 = 108;
   holdings[0].take_profit_e8 = 109;
   holdings[0].order_type = 110;
   CProtoWriter body;
   WriteBook(body, 101, 102, holdings);
   Show("Book", body);
}

void ShowAccountState(void)
{
   SAccountState state;
   state.portfolio_id = 101;
   state.balance_e8 = 102;
   state.equity_e8 = 103;
   state.broker_time_us = 104;
   ArrayResize(state.subscriptions, 1);
   state.subscriptions[0].subscription_id = 101;
   state.subscriptions[0].last_processed = 102;
   state.subscriptions[0].profit_e8 = 103;
   CProtoWriter body;
   WriteAccountState(body, state);
   Show("AccountState", body);
}

void ShowSpecifications(void)
{
   SSpecification all[];
   ArrayResize(all, 1);
   all[0].symbol = "text 1";
   all[0].digits = 102;
   all[0].contract_size_e8 = 103;
   all[0].volume_min_e8 = 104;
   all[0].volume_max_e8 = 105;
   all[0].volume_step_e8 = 106;
   all[0].tick_size_e8 = 107;
   all[0].tick_value_e8 = 108;
   all[0].base_currency = "text 9";
   all[0].profit_currency = "text 10";
   all[0].trade_mode = 111;
   CProtoWriter body;
   WriteSpecifications(body, 101, all);
   Show("Specifications", body);
}

void OnStart(void)
{
   ShowHello();
   ShowSignal();
   ShowPublish();
   ShowReports();
   ShowBook();
   ShowAccountState();
   ShowSpecifications();
}
