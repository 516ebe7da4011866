// The terminal: what starts a program, hands it its inputs and its events, and keeps its journal.
#pragma once
#include "structures.hpp"

namespace mql {

// The events that a program handles; null where it does not. The rewriter fills this in at the end of the program.
struct Program {
  const char *name;
  int (*init)();
  void (*deinit)(int);
  void (*tick)();
  void (*timer)();
  void (*trade)();
  void (*transaction)(const MqlTradeTransaction &, const MqlTradeRequest &, const MqlTradeResult &);
  void (*start)();
};
extern const Program the_program;

// An input takes its value from the .set file before any object of the program is made.
struct Input {
  template <class T>
  Input(const char *name, T &value) {
    string given;
    if (!look_up(name, given)) return;
    if constexpr (std::is_same_v<T, string>)
      value = given;
    else if constexpr (std::is_floating_point_v<T>)
      value = static_cast<T>(StringToDouble(given));
    else
      value = static_cast<T>(number(given));
  }
  static bool look_up(const char *name, string &value);
  static long number(const string &given);
};

int GetLastError();
void ResetLastError();
void SetUserError(ushort code);

bool EventSetTimer(int seconds);
bool EventSetMillisecondTimer(int milliseconds);
void EventKillTimer();
void ExpertRemove();
bool IsStopped();
int UninitializeReason();
void TerminalClose(int code);
bool MessageBox(const string &text, const string &caption = null, int flags = 0);
bool SendNotification(const string &text);

int TerminalInfoInteger(int property);
string TerminalInfoString(int property);
double TerminalInfoDouble(int property);
int MQLInfoInteger(int property);
string MQLInfoString(int property);

// Time
datetime TimeCurrent();
datetime TimeCurrent(MqlDateTime &parts);
datetime TimeTradeServer();
datetime TimeTradeServer(MqlDateTime &parts);
datetime TimeLocal();
datetime TimeLocal(MqlDateTime &parts);
datetime TimeGMT();
datetime TimeGMT(MqlDateTime &parts);
int TimeGMTOffset();
int TimeDaylightSavings();
bool TimeToStruct(datetime time, MqlDateTime &parts);
datetime StructToTime(const MqlDateTime &parts);
string TimeToString(datetime time, int mode = TIME_DATE | TIME_MINUTES);
datetime StringToTime(const string &text);
uint GetTickCount();
ulong GetTickCount64();
ulong GetMicrosecondCount();
void Sleep(int milliseconds);

// Variables of the terminal
datetime GlobalVariableSet(const string &name, double value);
double GlobalVariableGet(const string &name);
bool GlobalVariableGet(const string &name, double &value);
bool GlobalVariableCheck(const string &name);
bool GlobalVariableDel(const string &name);
bool GlobalVariableTemp(const string &name);
bool GlobalVariableSetOnCondition(const string &name, double value, double check);
int GlobalVariablesTotal();
void GlobalVariablesFlush();

}  // namespace mql
