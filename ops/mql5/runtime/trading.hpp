// Account, symbols, positions, orders, history and trade requests, as the program sees them.
#pragma once
#include "terminal.hpp"

namespace mql {

long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER property);
double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE property);
string AccountInfoString(ENUM_ACCOUNT_INFO_STRING property);

string Symbol();
int Digits();
double Point();
ENUM_TIMEFRAMES Period();
int SymbolsTotal(bool selected);
string SymbolName(int at, bool selected);
bool SymbolSelect(const string &symbol, bool select);
bool SymbolExist(const string &symbol, bool &is_custom);
bool SymbolIsSynchronized(const string &symbol);
long SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER property);
bool SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER property, long &value);
double SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE property);
bool SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE property, double &value);
string SymbolInfoString(const string &symbol, ENUM_SYMBOL_INFO_STRING property);
bool SymbolInfoString(const string &symbol, ENUM_SYMBOL_INFO_STRING property, string &value);
bool SymbolInfoTick(const string &symbol, MqlTick &tick);
bool SymbolInfoSessionTrade(const string &symbol, ENUM_DAY_OF_WEEK day, uint session, datetime &from, datetime &to);

int PositionsTotal();
ulong PositionGetTicket(int at);
string PositionGetSymbol(int at);
bool PositionSelect(const string &symbol);
bool PositionSelectByTicket(ulong ticket);
long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER property);
bool PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER property, long &value);
double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE property);
bool PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE property, double &value);
string PositionGetString(ENUM_POSITION_PROPERTY_STRING property);
bool PositionGetString(ENUM_POSITION_PROPERTY_STRING property, string &value);

int OrdersTotal();
ulong OrderGetTicket(int at);
bool OrderSelect(ulong ticket);
long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER property);
bool OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER property, long &value);
double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE property);
bool OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE property, double &value);
string OrderGetString(ENUM_ORDER_PROPERTY_STRING property);
bool OrderGetString(ENUM_ORDER_PROPERTY_STRING property, string &value);

bool HistorySelect(datetime from, datetime to);
bool HistorySelectByPosition(long position);
int HistoryDealsTotal();
ulong HistoryDealGetTicket(int at);
bool HistoryDealSelect(ulong ticket);
long HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER property);
bool HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER property, long &value);
double HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE property);
bool HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE property, double &value);
string HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING property);
bool HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING property, string &value);
int HistoryOrdersTotal();
ulong HistoryOrderGetTicket(int at);
bool HistoryOrderSelect(ulong ticket);
long HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property);
bool HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property, long &value);
double HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE property);
bool HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE property, double &value);
string HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING property);
bool HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING property, string &value);

bool OrderSend(const MqlTradeRequest &request, MqlTradeResult &result);
bool OrderSendAsync(const MqlTradeRequest &request, MqlTradeResult &result);
bool OrderCheck(const MqlTradeRequest &request, MqlTradeCheckResult &result);
bool OrderCalcMargin(ENUM_ORDER_TYPE type, const string &symbol, double volume, double price, double &margin);
bool OrderCalcProfit(ENUM_ORDER_TYPE type, const string &symbol, double volume, double open, double close, double &profit);

}  // namespace mql
