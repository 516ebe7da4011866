// Time: four clocks, and dates.
#include "clock.hpp"

#include <ctime>
#include <chrono>
#include <thread>

#include "broker.hpp"
#include "terminal.hpp"

namespace mql {

namespace {

long g_jump_us = 0;
int g_zone_s = 0;

long now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}
ulong running_us() {
  static const auto start = std::chrono::steady_clock::now();
  return static_cast<ulong>(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count());
}
std::tm parted(datetime time) {
  std::tm parts{};
  const std::time_t seconds = time;
  gmtime_r(&seconds, &parts);
  return parts;
}
datetime filled(datetime time, MqlDateTime &parts) {
  TimeToStruct(time, parts);
  return time;
}

}  // namespace

namespace clocks {

long utc_us() { return now_us() + g_jump_us; }
long true_us() { return now_us(); }
void jump(long us) { g_jump_us += us; }
void zone(int seconds) { g_zone_s = seconds; }

}  // namespace clocks

// The last quote's time, hence older than TimeTradeServer, and standing still while the market does.
datetime TimeCurrent() { return broker().last_quote_us() / 1'000'000; }
datetime TimeTradeServer() { return (clocks::utc_us() + g_zone_s * 1'000'000L) / 1'000'000; }
datetime TimeGMT() { return clocks::utc_us() / 1'000'000; }
datetime TimeLocal() { return TimeGMT(); }
datetime TimeCurrent(MqlDateTime &parts) { return filled(TimeCurrent(), parts); }
datetime TimeTradeServer(MqlDateTime &parts) { return filled(TimeTradeServer(), parts); }
datetime TimeGMT(MqlDateTime &parts) { return filled(TimeGMT(), parts); }
datetime TimeLocal(MqlDateTime &parts) { return filled(TimeLocal(), parts); }
int TimeGMTOffset() { return 0; }
int TimeDaylightSavings() { return 0; }

uint GetTickCount() { return static_cast<uint>(GetTickCount64()); }
ulong GetTickCount64() {
  return static_cast<ulong>(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}
ulong GetMicrosecondCount() { return running_us(); }
void Sleep(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(std::max(milliseconds, 0))); }

bool TimeToStruct(datetime time, MqlDateTime &parts) {
  const std::tm tm = parted(time);
  parts = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_wday, tm.tm_yday};
  return true;
}
datetime StructToTime(const MqlDateTime &parts) {
  std::tm tm{};
  tm.tm_year = parts.year - 1900;
  tm.tm_mon = parts.mon - 1;
  tm.tm_mday = parts.day;
  tm.tm_hour = parts.hour;
  tm.tm_min = parts.min;
  tm.tm_sec = parts.sec;
  return timegm(&tm);
}
string TimeToString(datetime time, int mode) {
  const std::tm tm = parted(time);
  string out(u"");
  if (mode & TIME_DATE) out = StringFormat(u"%04d.%02d.%02d"_s, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
  if ((mode & (TIME_MINUTES | TIME_SECONDS)) == 0) return out;
  if (out.length() != 0) out += u" ";
  out += StringFormat(u"%02d:%02d"_s, tm.tm_hour, tm.tm_min);
  if (mode & TIME_SECONDS) out += StringFormat(u":%02d"_s, tm.tm_sec);
  return out;
}
datetime StringToTime(const string &text) {
  MqlDateTime parts{};
  const int found = std::sscanf(text.utf8().c_str(), "%d.%d.%d %d:%d:%d", &parts.year, &parts.mon, &parts.day, &parts.hour, &parts.min, &parts.sec);
  return found >= 3 ? StructToTime(parts) : 0;
}

}  // namespace mql
