//--- Trade requests: the interface of the terminal's own <Trade/Trade.mqh>, as far as it is used here.

enum ENUM_LOG_LEVELS
  {
   LOG_LEVEL_NO    =0,
   LOG_LEVEL_ERRORS=1,
   LOG_LEVEL_ALL   =2
  };

class CTrade
  {
protected:
   MqlTradeRequest   m_request;
   MqlTradeResult    m_result;
   ulong             m_magic;
   ulong             m_deviation;
   ENUM_ORDER_TYPE_FILLING m_filling;
   bool              m_async;
   ENUM_LOG_LEVELS   m_log_level;

   void              Clear(const string symbol);
   bool              Send(void);

public:
                     CTrade(void);

   void              LogLevel(const ENUM_LOG_LEVELS level) { m_log_level=level; }
   void              SetExpertMagicNumber(const ulong magic) { m_magic=magic; }
   void              SetDeviationInPoints(const ulong deviation) { m_deviation=deviation; }
   void              SetTypeFilling(const ENUM_ORDER_TYPE_FILLING filling) { m_filling=filling; }
   bool              SetTypeFillingBySymbol(const string symbol);
   void              SetAsyncMode(const bool mode) { m_async=mode; }
   void              SetMarginMode(void) {}

   void              Request(MqlTradeRequest &request) const { request=m_request; }
   ulong             RequestMagic(void) const { return(m_request.magic); }
   ulong             RequestDeviation(void) const { return(m_request.deviation); }
   string            RequestSymbol(void) const { return(m_request.symbol); }
   double            RequestVolume(void) const { return(m_request.volume); }
   double            RequestPrice(void) const { return(m_request.price); }

   void              Result(MqlTradeResult &result) const { result=m_result; }
   uint              ResultRetcode(void) const { return(m_result.retcode); }
   string            ResultRetcodeDescription(void) const;
   ulong             ResultDeal(void) const { return(m_result.deal); }
   ulong             ResultOrder(void) const { return(m_result.order); }
   double            ResultVolume(void) const { return(m_result.volume); }
   double            ResultPrice(void) const { return(m_result.price); }
   double            ResultBid(void) const { return(m_result.bid); }
   double            ResultAsk(void) const { return(m_result.ask); }
   string            ResultComment(void) const { return(m_result.comment); }

   bool              PositionOpen(const string symbol,const ENUM_ORDER_TYPE order_type,const double volume,const double price,const double sl,const double tp,const string comment="");
   bool              PositionModify(const string symbol,const double sl,const double tp);
   bool              PositionModify(const ulong ticket,const double sl,const double tp);
   bool              PositionClose(const string symbol,const ulong deviation=ULONG_MAX);
   bool              PositionClose(const ulong ticket,const ulong deviation=ULONG_MAX);
   bool              PositionClosePartial(const ulong ticket,const double volume,const ulong deviation=ULONG_MAX);
   bool              PositionCloseBy(const ulong ticket,const ulong ticket_by);

   bool              OrderOpen(const string symbol,const ENUM_ORDER_TYPE order_type,const double volume,const double limit_price,const double price,const double sl,const double tp,ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="");
   bool              OrderModify(const ulong ticket,const double price,const double sl,const double tp,const ENUM_ORDER_TYPE_TIME type_time,const datetime expiration,const double stoplimit=0.0);
   bool              OrderDelete(const ulong ticket);

   bool              Buy(const double volume,const string symbol=NULL,double price=0.0,const double sl=0.0,const double tp=0.0,const string comment="");
   bool              Sell(const double volume,const string symbol=NULL,double price=0.0,const double sl=0.0,const double tp=0.0,const string comment="");
   bool              BuyLimit(const double volume,const double price,const string symbol=NULL,const double sl=0.0,const double tp=0.0,const ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="");
   bool              SellLimit(const double volume,const double price,const string symbol=NULL,const double sl=0.0,const double tp=0.0,const ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="");
   bool              BuyStop(const double volume,const double price,const string symbol=NULL,const double sl=0.0,const double tp=0.0,const ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="");
   bool              SellStop(const double volume,const double price,const string symbol=NULL,const double sl=0.0,const double tp=0.0,const ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="");

   virtual bool      OrderSend(const MqlTradeRequest &request,MqlTradeResult &result);
  };

CTrade::CTrade(void) : m_magic(0),m_deviation(10),m_filling(ORDER_FILLING_FOK),m_async(false),m_log_level(LOG_LEVEL_ERRORS)
  {
   ZeroMemory(m_request);
   ZeroMemory(m_result);
  }

void CTrade::Clear(const string symbol)
  {
   ZeroMemory(m_request);
   ZeroMemory(m_result);
   m_request.symbol=symbol==NULL || symbol=="" ? Symbol() : symbol;
   m_request.magic=m_magic;
   m_request.deviation=m_deviation;
   m_request.type_filling=m_filling;
  }

bool CTrade::Send(void)
  {
   bool sent=m_async ? ::OrderSendAsync(m_request,m_result) : ::OrderSend(m_request,m_result);
   if(!sent && m_log_level>=LOG_LEVEL_ERRORS)
      PrintFormat("CTrade::OrderSend: %s [%s]",m_request.symbol,ResultRetcodeDescription());
   return(sent);
  }

bool CTrade::OrderSend(const MqlTradeRequest &request,MqlTradeResult &result)
  {
   bool sent=m_async ? ::OrderSendAsync(request,result) : ::OrderSend(request,result);
   if(!sent && m_log_level>=LOG_LEVEL_ERRORS)
      PrintFormat("CTrade::OrderSend: %s [%s]",request.symbol,result.comment);
   return(sent);
  }

bool CTrade::SetTypeFillingBySymbol(const string symbol)
  {
   long modes=SymbolInfoInteger(symbol,SYMBOL_FILLING_MODE);
   if((modes&SYMBOL_FILLING_FOK)==SYMBOL_FILLING_FOK)
     {
      m_filling=ORDER_FILLING_FOK;
      return(true);
     }
   if((modes&SYMBOL_FILLING_IOC)==SYMBOL_FILLING_IOC)
     {
      m_filling=ORDER_FILLING_IOC;
      return(true);
     }
   return(false);
  }

bool CTrade::PositionOpen(const string symbol,const ENUM_ORDER_TYPE order_type,const double volume,const double price,const double sl,const double tp,const string comment)
  {
   Clear(symbol);
   if(order_type!=ORDER_TYPE_BUY && order_type!=ORDER_TYPE_SELL)
     {
      m_result.retcode=TRADE_RETCODE_INVALID;
      m_result.comment="Invalid order type";
      return(false);
     }
   m_request.action=TRADE_ACTION_DEAL;
   m_request.type=order_type;
   m_request.volume=volume;
   m_request.price=price;
   m_request.sl=sl;
   m_request.tp=tp;
   m_request.comment=comment;
   return(Send());
  }

bool CTrade::PositionModify(const string symbol,const double sl,const double tp)
  {
   if(!PositionSelect(symbol))
      return(false);
   return(PositionModify((ulong)PositionGetInteger(POSITION_TICKET),sl,tp));
  }

bool CTrade::PositionModify(const ulong ticket,const double sl,const double tp)
  {
   if(!PositionSelectByTicket(ticket))
      return(false);
   Clear(PositionGetString(POSITION_SYMBOL));
   m_request.action=TRADE_ACTION_SLTP;
   m_request.position=ticket;
   m_request.sl=sl;
   m_request.tp=tp;
   return(Send());
  }

bool CTrade::PositionClose(const string symbol,const ulong deviation)
  {
   if(!PositionSelect(symbol))
      return(false);
   return(PositionClose((ulong)PositionGetInteger(POSITION_TICKET),deviation));
  }

bool CTrade::PositionClose(const ulong ticket,const ulong deviation)
  {
   if(!PositionSelectByTicket(ticket))
      return(false);
   return(PositionClosePartial(ticket,PositionGetDouble(POSITION_VOLUME),deviation));
  }

bool CTrade::PositionClosePartial(const ulong ticket,const double volume,const ulong deviation)
  {
   if(!PositionSelectByTicket(ticket))
      return(false);
   bool buys=PositionGetInteger(POSITION_TYPE)==POSITION_TYPE_BUY;
   Clear(PositionGetString(POSITION_SYMBOL));
   m_request.action=TRADE_ACTION_DEAL;
   m_request.position=ticket;
   m_request.type=buys ? ORDER_TYPE_SELL : ORDER_TYPE_BUY;
   m_request.price=SymbolInfoDouble(m_request.symbol,buys ? SYMBOL_BID : SYMBOL_ASK);
   m_request.volume=MathMin(volume,PositionGetDouble(POSITION_VOLUME));
   if(deviation!=ULONG_MAX)
      m_request.deviation=deviation;
   return(Send());
  }

bool CTrade::PositionCloseBy(const ulong ticket,const ulong ticket_by)
  {
   if(!PositionSelectByTicket(ticket))
      return(false);
   Clear(PositionGetString(POSITION_SYMBOL));
   m_request.action=TRADE_ACTION_CLOSE_BY;
   m_request.position=ticket;
   m_request.position_by=ticket_by;
   return(Send());
  }

bool CTrade::OrderOpen(const string symbol,const ENUM_ORDER_TYPE order_type,const double volume,const double limit_price,const double price,const double sl,const double tp,ENUM_ORDER_TYPE_TIME type_time,const datetime expiration,const string comment)
  {
   Clear(symbol);
   if(order_type==ORDER_TYPE_BUY || order_type==ORDER_TYPE_SELL)
     {
      m_result.retcode=TRADE_RETCODE_INVALID;
      m_result.comment="Invalid order type";
      return(false);
     }
   m_request.action=TRADE_ACTION_PENDING;
   m_request.type=order_type;
   m_request.volume=volume;
   m_request.price=price;
   m_request.stoplimit=limit_price;
   m_request.sl=sl;
   m_request.tp=tp;
   m_request.type_time=type_time;
   m_request.expiration=expiration;
   m_request.comment=comment;
   return(Send());
  }

bool CTrade::OrderModify(const ulong ticket,const double price,const double sl,const double tp,const ENUM_ORDER_TYPE_TIME type_time,const datetime expiration,const double stoplimit)
  {
   if(!OrderSelect(ticket))
      return(false);
   Clear(OrderGetString(ORDER_SYMBOL));
   m_request.action=TRADE_ACTION_MODIFY;
   m_request.order=ticket;
   m_request.price=price;
   m_request.stoplimit=stoplimit;
   m_request.sl=sl;
   m_request.tp=tp;
   m_request.type_time=type_time;
   m_request.expiration=expiration;
   return(Send());
  }

bool CTrade::OrderDelete(const ulong ticket)
  {
   Clear("");
   m_request.action=TRADE_ACTION_REMOVE;
   m_request.order=ticket;
   return(Send());
  }

bool CTrade::Buy(const double volume,const string symbol,double price,const double sl,const double tp,const string comment)
  {
   return(PositionOpen(symbol,ORDER_TYPE_BUY,volume,price,sl,tp,comment));
  }

bool CTrade::Sell(const double volume,const string symbol,double price,const double sl,const double tp,const string comment)
  {
   return(PositionOpen(symbol,ORDER_TYPE_SELL,volume,price,sl,tp,comment));
  }

bool CTrade::BuyLimit(const double volume,const double price,const string symbol,const double sl,const double tp,const ENUM_ORDER_TYPE_TIME type_time,const datetime expiration,const string comment)
  {
   return(OrderOpen(symbol,ORDER_TYPE_BUY_LIMIT,volume,0.0,price,sl,tp,type_time,expiration,comment));
  }

bool CTrade::SellLimit(const double volume,const double price,const string symbol,const double sl,const double tp,const ENUM_ORDER_TYPE_TIME type_time,const datetime expiration,const string comment)
  {
   return(OrderOpen(symbol,ORDER_TYPE_SELL_LIMIT,volume,0.0,price,sl,tp,type_time,expiration,comment));
  }

bool CTrade::BuyStop(const double volume,const double price,const string symbol,const double sl,const double tp,const ENUM_ORDER_TYPE_TIME type_time,const datetime expiration,const string comment)
  {
   return(OrderOpen(symbol,ORDER_TYPE_BUY_STOP,volume,0.0,price,sl,tp,type_time,expiration,comment));
  }

bool CTrade::SellStop(const double volume,const double price,const string symbol,const double sl,const double tp,const ENUM_ORDER_TYPE_TIME type_time,const datetime expiration,const string comment)
  {
   return(OrderOpen(symbol,ORDER_TYPE_SELL_STOP,volume,0.0,price,sl,tp,type_time,expiration,comment));
  }

string CTrade::ResultRetcodeDescription(void) const
  {
   switch(m_result.retcode)
     {
      case TRADE_RETCODE_REQUOTE:              return("requote");
      case TRADE_RETCODE_REJECT:               return("rejected");
      case TRADE_RETCODE_CANCEL:               return("canceled");
      case TRADE_RETCODE_PLACED:               return("placed");
      case TRADE_RETCODE_DONE:                 return("done");
      case TRADE_RETCODE_DONE_PARTIAL:         return("done partially");
      case TRADE_RETCODE_ERROR:                return("common error");
      case TRADE_RETCODE_TIMEOUT:              return("timeout");
      case TRADE_RETCODE_INVALID:              return("invalid request");
      case TRADE_RETCODE_INVALID_VOLUME:       return("invalid volume");
      case TRADE_RETCODE_INVALID_PRICE:        return("invalid price");
      case TRADE_RETCODE_INVALID_STOPS:        return("invalid stops");
      case TRADE_RETCODE_TRADE_DISABLED:       return("trade disabled");
      case TRADE_RETCODE_MARKET_CLOSED:        return("market closed");
      case TRADE_RETCODE_NO_MONEY:             return("not enough money");
      case TRADE_RETCODE_PRICE_CHANGED:        return("price changed");
      case TRADE_RETCODE_PRICE_OFF:            return("off quotes");
      case TRADE_RETCODE_INVALID_EXPIRATION:   return("invalid expiration");
      case TRADE_RETCODE_ORDER_CHANGED:        return("order changed");
      case TRADE_RETCODE_TOO_MANY_REQUESTS:    return("too many requests");
      case TRADE_RETCODE_NO_CHANGES:           return("no changes");
      case TRADE_RETCODE_SERVER_DISABLES_AT:   return("auto trading disabled by server");
      case TRADE_RETCODE_CLIENT_DISABLES_AT:   return("auto trading disabled by client");
      case TRADE_RETCODE_LOCKED:               return("locked");
      case TRADE_RETCODE_FROZEN:               return("frozen");
      case TRADE_RETCODE_INVALID_FILL:         return("invalid fill");
      case TRADE_RETCODE_CONNECTION:           return("no connection");
      case TRADE_RETCODE_LIMIT_ORDERS:         return("limit of orders");
      case TRADE_RETCODE_LIMIT_VOLUME:         return("limit of volume");
      case TRADE_RETCODE_INVALID_ORDER:        return("invalid order");
      case TRADE_RETCODE_POSITION_CLOSED:      return("position closed");
      case TRADE_RETCODE_INVALID_CLOSE_VOLUME: return("invalid close volume");
      case TRADE_RETCODE_LONG_ONLY:            return("long only");
      case TRADE_RETCODE_SHORT_ONLY:           return("short only");
      case TRADE_RETCODE_CLOSE_ONLY:           return("close only");
      default:                                 return("unknown retcode "+(string)m_result.retcode);
     }
  }
