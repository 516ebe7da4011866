// The terminal: starts the program, hands it its events one after the other, and speaks on the control channel.
//
// Every line of standard input is a command, answered by `done` (or `failed`) when its events have been handled; every
// line of standard output is a report. Lines are as in lines.hpp. docs: ops/mql5/program.py.
#include "terminal.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <execinfo.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <poll.h>
#include <set>
#include <unistd.h>
#include <unordered_map>

#include "broker.hpp"
#include "clock.hpp"
#include "options.hpp"
#include "sandbox.hpp"
#include "trading.hpp"

namespace fs = std::filesystem;

namespace mql {

// Reports

namespace {

void report(const std::string &line) {
  const std::string whole = line + '\n';
  for (std::size_t done = 0; done < whole.size();) {
    const ssize_t written = ::write(STDOUT_FILENO, whole.data() + done, whole.size() - done);
    if (written < 0 && errno != EINTR) return;
    if (written > 0) done += static_cast<std::size_t>(written);
  }
}
void say(const std::string &verb, const string &text) { report(Line(verb).set("text", text.utf8()).text()); }

}  // namespace

void journal(const string &line) { say("print", line); }
void alert(const string &line) { say("alert", line); }
void comment(const string &line) { say("comment", line); }

void critical(const char *what, const char *file, int line) {
  const std::string name = fs::path(file).filename();
  report(Line("critical").set("text", std::string(what) + (name.empty() ? "" : " in '" + name + "' (" + std::to_string(line) + ")")).text());
  void *frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  std::abort();
}

// Options

namespace {

// Made when it is first asked for, which is before the objects of this file are.
Options &given() {
  static Options options;
  return options;
}

[[noreturn]] void usage(const std::string &what) {
  std::fprintf(stderr, "%s\nusage: %s --data DIR [--inputs FILE.set] [--common DIR] [--broker DIR] [--symbol NAME] [--allow HOST,HOST]\n  [--authorities FILE.pem] [--no-trade] [--tester] [--hold]\n", what.c_str(), given().program.c_str());
  std::exit(64);
}

// Before any object of the program is made: their constructors may already read inputs.
[[gnu::constructor(101)]] void take_options(int count, char **arguments) {
  given().program = arguments[0];
  for (int i = 1; i < count; i++) {
    const std::string_view name = arguments[i];
    if (name == "--no-trade") {
      given().trade_allowed = false;
    } else if (name == "--tester") {
      given().tester = true;
    } else if (name == "--hold") {
      given().hold = true;
    } else {
      if (i + 1 >= count) usage(std::string(name) + ": unknown, or without its value");
      const std::string value = arguments[++i];
      if (name == "--inputs")
        given().inputs = value;
      else if (name == "--data")
        given().data = value;
      else if (name == "--common")
        given().common = value;
      else if (name == "--broker")
        given().broker = value;
      else if (name == "--symbol")
        given().symbol = value;
      else if (name == "--authorities")
        given().authorities = value;
      else if (name == "--allow") {
        given().allowed.clear();
        for (std::size_t from = 0; from <= value.size();) {
          const auto to = std::min(value.find(',', from), value.size());
          given().allowed.push_back(value.substr(from, to - from));
          from = to + 1;
        }
      } else {
        usage(std::string(name) + ": unknown");
      }
    }
  }
}

}  // namespace

const Options &options() { return given(); }

fs::path sandbox(bool common) {
  if (!common) return fs::path(options().data) / "MQL5" / "Files";
  return (options().common.empty() ? fs::path(options().data) / "Common" : fs::path(options().common)) / "Files";
}

Broker &broker() {
  static Broker paper([] {
    const std::string folder = options().broker.empty() ? options().data + "/broker" : options().broker;
    fs::create_directories(folder);
    return folder;
  }());
  return paper;
}

// Inputs: `name=value` lines, with `||` before what the optimizer would like to know; UTF-16, as MetaTrader writes them,
// or UTF-8.

namespace {

struct Settings {
  std::map<std::string, std::string> values;
  std::set<std::string> used;
};

Settings &settings() {
  static Settings read = [] {
    Settings found;
    if (options().inputs.empty()) return found;
    std::ifstream file(options().inputs, std::ios::binary);
    if (!file) usage(options().inputs + ": there is no such file");
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.starts_with("\xFF\xFE")) {
      std::u16string wide;
      for (std::size_t i = 2; i + 1 < bytes.size(); i += 2) wide += static_cast<char16_t>(static_cast<uchar>(bytes[i]) | static_cast<uchar>(bytes[i + 1]) << 8);
      bytes = string(wide).utf8();
    } else if (bytes.starts_with("\xEF\xBB\xBF")) {
      bytes.erase(0, 3);
    }
    for (std::size_t from = 0; from < bytes.size();) {
      const auto to = std::min(bytes.find('\n', from), bytes.size());
      std::string line = bytes.substr(from, to - from);
      from = to + 1;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      const auto equals = line.find('=');
      if (line.empty() || line[0] == ';' || equals == std::string::npos) continue;
      found.values[line.substr(0, equals)] = line.substr(equals + 1, line.find("||", equals) - equals - 1);
    }
    return found;
  }();
  return read;
}

void refuse_unknown_inputs() {
  for (const auto &[name, value] : settings().values)
    if (!settings().used.contains(name)) usage(name + ": the program has no such input");
}

}  // namespace

bool Input::look_up(const char *name, string &value) {
  const auto found = settings().values.find(name);
  if (found == settings().values.end()) return false;
  settings().used.insert(name);
  value = string::from_utf8(found->second);
  return true;
}
long Input::number(const string &given) {
  const std::string text = given.utf8();
  if (text == "true") return 1;
  if (text == "false") return 0;
  if (text.find('.') != std::string::npos) return StringToTime(given);
  return static_cast<long>(text.starts_with('-') ? std::strtoll(text.c_str(), nullptr, 10) : static_cast<long>(std::strtoull(text.c_str(), nullptr, 10)));
}

// Objects

namespace {

// Addresses that `new` gave out, and whether they are still held.
std::unordered_map<const void *, bool> &objects() {
  static auto *known = new std::unordered_map<const void *, bool>;
  return *known;
}

}  // namespace

// What a program did not delete, told when even its global objects are gone.
[[gnu::destructor(101)]] static void report_left_objects() {
  const long left = std::count_if(objects().begin(), objects().end(), [](const auto &known) { return known.second; });
  if (left > 0) journal(StringFormat(u"%d undeleted objects left"_s, static_cast<int>(left)));
}

void *Object::operator new(std::size_t size) {
  void *memory = ::operator new(size);
  std::memset(memory, 0xCD, size);
  objects()[memory] = true;
  return memory;
}
void Object::operator delete(void *object) {
  objects()[object] = false;
  ::operator delete(object);
}
ENUM_POINTER_TYPE pointer_type(const void *object) {
  if (object == nullptr) return POINTER_INVALID;
  const auto found = objects().find(object);
  return found == objects().end() ? POINTER_AUTOMATIC : found->second ? POINTER_DYNAMIC : POINTER_INVALID;
}

// Errors, properties, variables

namespace {

int g_error = 0;
int g_reason = REASON_PROGRAM;
bool g_stopped = false;
volatile std::sig_atomic_t g_signal = 0;
long g_timer_ms = 0;
std::chrono::steady_clock::time_point g_next_timer;
unsigned g_chance = 1;

using Variables = std::map<std::string, double>;
fs::path variables_path() { return fs::path(options().data) / "variables.txt"; }
Variables &variables() {
  static Variables read = [] {
    Variables found;
    std::ifstream file(variables_path());
    for (std::string line; std::getline(file, line);) {
      const Line said(line);
      found[said.word("name")] = said.real("value");
    }
    return found;
  }();
  return read;
}

}  // namespace

void set_error(int code) { g_error = code; }
int GetLastError() { return g_error; }
void ResetLastError() { g_error = 0; }
void SetUserError(ushort code) { g_error = ERR_USER_ERROR_FIRST + code; }

int MathRand() {
  g_chance = g_chance * 214013 + 2531011;
  return static_cast<int>((g_chance >> 16) & 0x7FFF);
}
void MathSrand(int seed) { g_chance = static_cast<unsigned>(seed); }

bool EventSetMillisecondTimer(int milliseconds) {
  if (milliseconds <= 0) return false;
  g_timer_ms = milliseconds;
  g_next_timer = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  return true;
}
bool EventSetTimer(int seconds) { return EventSetMillisecondTimer(seconds * 1000); }
void EventKillTimer() { g_timer_ms = 0; }
void ExpertRemove() {
  if (!g_stopped) g_reason = REASON_PROGRAM;
  g_stopped = true;
}
bool IsStopped() { return g_stopped || g_signal != 0; }
int UninitializeReason() { return g_reason; }
void TerminalClose(int) {
  g_reason = REASON_CLOSE;
  g_stopped = true;
}
bool MessageBox(const string &text, const string &, int) {
  alert(text);
  return true;
}
bool SendNotification(const string &text) {
  say("notification", text);
  return true;
}

int TerminalInfoInteger(int property) {
  switch (property) {
    case TERMINAL_BUILD: return 5000;
    case TERMINAL_CONNECTED: return broker().connected;
    case TERMINAL_TRADE_ALLOWED: return broker().terminal_allows;
    case TERMINAL_X64: return 1;
    case TERMINAL_CPU_CORES: return 2;
    case TERMINAL_PING_LAST: return 1000;
    default: return 0;
  }
}
string TerminalInfoString(int property) {
  switch (property) {
    case TERMINAL_LANGUAGE: return u"English";
    case TERMINAL_COMPANY: return string::from_utf8(broker().company);
    case TERMINAL_NAME: return u"MetaTrader 5";
    case TERMINAL_PATH:
    case TERMINAL_DATA_PATH: return string::from_utf8(fs::absolute(options().data).string());
    case TERMINAL_COMMONDATA_PATH: return string::from_utf8(fs::absolute(sandbox(true).parent_path()).string());
    default: return u"";
  }
}
double TerminalInfoDouble(int) { return 0; }
int MQLInfoInteger(int property) {
  switch (property) {
    case MQL_PROGRAM_TYPE: return the_program.start != nullptr ? PROGRAM_SCRIPT : PROGRAM_EXPERT;
    case MQL_TRADE_ALLOWED: return options().trade_allowed && broker().terminal_allows;
    case MQL_TESTER: return options().tester;
    default: return 0;
  }
}
string MQLInfoString(int property) {
  switch (property) {
    case MQL_PROGRAM_NAME: return string::from_utf8(the_program.name);
    case MQL_PROGRAM_PATH: return string::from_utf8(std::string("MQL5\\") + the_program.name + ".ex5");
    default: return u"";
  }
}

datetime GlobalVariableSet(const string &name, double value) {
  variables()[name.utf8()] = value;
  return TimeLocal();
}
bool GlobalVariableGet(const string &name, double &value) {
  const auto found = variables().find(name.utf8());
  if (found == variables().end()) {
    set_error(ERR_GLOBALVARIABLE_NOT_FOUND);
    return false;
  }
  value = found->second;
  return true;
}
double GlobalVariableGet(const string &name) {
  double value = 0;
  GlobalVariableGet(name, value);
  return value;
}
bool GlobalVariableCheck(const string &name) { return variables().contains(name.utf8()); }
bool GlobalVariableDel(const string &name) { return variables().erase(name.utf8()) > 0; }
bool GlobalVariableTemp(const string &name) { return variables().emplace(name.utf8(), 0).second; }
bool GlobalVariableSetOnCondition(const string &name, double value, double check) {
  const auto found = variables().find(name.utf8());
  if (found == variables().end() || found->second != check) return false;
  found->second = value;
  return true;
}
int GlobalVariablesTotal() { return static_cast<int>(variables().size()); }
void GlobalVariablesFlush() {
  std::ofstream file(variables_path());
  for (const auto &[name, value] : variables()) file << Line("variable").set("name", name).set_real("value", value).text() << '\n';
}

// Events

namespace {

void deliver_trades() {
  bool any = false;
  while (!broker().events.empty() && !g_stopped) {
    const Event event = broker().events.front();
    broker().events.pop_front();
    if (the_program.transaction != nullptr) the_program.transaction(event.transaction, event.request, event.result);
    any = true;
  }
  if (any && the_program.trade != nullptr && !g_stopped) the_program.trade();
}

void deliver_timer() {
  // One event waits at most: what a slow handler misses is not made up for.
  g_next_timer = std::max(g_next_timer + std::chrono::milliseconds(g_timer_ms), std::chrono::steady_clock::now());
  if (the_program.timer != nullptr) the_program.timer();
  deliver_trades();
}

// The book

void report_book() {
  const Broker &account = broker();
  report(Line("account").set("login", account.login).set_units("balance", account.balance).set_units("equity", account.equity()).set_units("margin", account.margin()).set("currency", account.currency).set("mode", std::string(account.netting ? "NETTING" : "HEDGING")).text());
  for (const auto &[ticket, held] : account.positions)
    report(Line("position").set("ticket", std::to_string(ticket)).set("id", std::to_string(held.id)).set("symbol", held.symbol).set("side", std::string(held.buys ? "BUY" : "SELL")).set_units("volume", held.volume).set_units("price", held.price).set_units("sl", held.stop_loss).set_units("tp", held.take_profit).set("comment", held.comment).set("magic", std::to_string(held.magic)).set_units("profit", account.profit(held)).text());
  for (const auto &[ticket, order] : account.orders)
    report(Line("order").set("ticket", std::to_string(ticket)).set("symbol", order.symbol).set("type", static_cast<long>(order.type)).set_units("volume", order.left).set_units("price", order.price).set_units("sl", order.stop_loss).set_units("tp", order.take_profit).set_units("stoplimit", order.stop_limit).set("comment", order.comment).set("magic", std::to_string(order.magic)).text());
}
void report_history() {
  for (const Deal &deal : broker().deals)
    report(Line("deal").set("ticket", std::to_string(deal.ticket)).set("order", std::to_string(deal.order)).set("position", std::to_string(deal.position)).set("symbol", deal.symbol).set("type", static_cast<long>(deal.type)).set("entry", static_cast<long>(deal.entry)).set_units("volume", deal.volume).set_units("price", deal.price).set_units("profit", deal.profit).set("comment", deal.comment).set("magic", std::to_string(deal.magic)).set("reason", static_cast<long>(deal.reason)).set("us", deal.time_us).text());
  for (const Order &order : broker().past_orders)
    report(Line("past").set("ticket", std::to_string(order.ticket)).set("position", std::to_string(order.position)).set("symbol", order.symbol).set("type", static_cast<long>(order.type)).set("state", static_cast<long>(order.state)).set_units("volume", order.volume).set_units("left", order.left).set_units("price", order.price).set("comment", order.comment).text());
}

// Commands

const std::set<std::string> FOR_BROKER = {"send", "quote", "fault", "release", "symbol", "account", "deposit"};

// `true` when the program may begin.
bool obey(const Line &line, bool running) {
  if (line.verb == "start") return true;
  if (FOR_BROKER.contains(line.verb)) {
    const MqlTradeResult result = broker().execute(line);
    if (line.verb == "send")
      report(Line("result").set("retcode", static_cast<long>(result.retcode)).set("order", std::to_string(result.order)).set("deal", std::to_string(result.deal)).set_real("price", result.price).set_real("volume", result.volume).text());
    if (running) {
      deliver_trades();
      if (line.verb == "quote" && line.word("symbol") == Symbol().utf8() && the_program.tick != nullptr && !g_stopped) the_program.tick();
      deliver_trades();
    } else {
      broker().events.clear();
    }
  } else if (line.verb == "book") {
    report_book();
  } else if (line.verb == "history") {
    report_history();
  } else if (line.verb == "clock") {
    clocks::jump(line.number("jump_us"));
  } else if (line.verb == "stop") {
    g_reason = static_cast<int>(line.number("reason", REASON_REMOVE));
    g_stopped = true;
  } else if (line.verb != "ping") {
    report(Line("failed").set("verb", line.verb).text());
    return false;
  }
  report("done");
  return false;
}

class Channel {
 public:
  // The next whole line, if one comes in time; nothing at the end of the input too.
  std::optional<std::string> next(int ms) {
    while (true) {
      if (const auto end = m_bytes.find('\n'); end != std::string::npos) {
        std::string line = m_bytes.substr(0, end);
        m_bytes.erase(0, end + 1);
        return line;
      }
      if (m_closed) return {};
      pollfd waiting{STDIN_FILENO, POLLIN, 0};
      if (::poll(&waiting, 1, ms) <= 0) return {};
      char buffer[4096];
      const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
      if (got > 0)
        m_bytes.append(buffer, static_cast<std::size_t>(got));
      else
        m_closed = true;
    }
  }
  bool closed() const { return m_closed && m_bytes.empty(); }

 private:
  std::string m_bytes;
  bool m_closed = false;
};

int until_timer() {
  if (g_timer_ms == 0) return -1;
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(g_next_timer - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::max((left + 999) / 1000, 0L));
}

int run() {
  if (options().data.empty()) usage("--data: where are the files of the terminal?");
  refuse_unknown_inputs();
  fs::create_directories(sandbox(false));
  broker();
  Channel channel;
  const auto interrupt = [](int signal) { g_signal = signal; };
  struct sigaction action{};
  action.sa_handler = interrupt;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);

  report("ready");
  bool begun = !options().hold;
  while (!begun && !g_stopped && !channel.closed() && g_signal == 0)
    if (const auto line = channel.next(-1)) begun = obey(Line(*line), false);
  if (!begun) return 0;

  if (the_program.start != nullptr) {
    the_program.start();
    report("ended");
    return 0;
  }
  const int refusal = the_program.init == nullptr ? 0 : the_program.init();
  report(Line("initialized").set("code", static_cast<long>(refusal)).text());
  if (refusal != INIT_SUCCEEDED) {
    g_reason = REASON_INITFAILED;
    g_stopped = true;
  }
  deliver_trades();
  while (!g_stopped && g_signal == 0 && !channel.closed()) {
    if (g_timer_ms != 0 && std::chrono::steady_clock::now() >= g_next_timer) deliver_timer();
    if (g_stopped) break;
    if (const auto line = channel.next(until_timer())) obey(Line(*line), true);
  }
  if (g_signal != 0 || channel.closed()) g_reason = REASON_CLOSE;
  g_stopped = true;
  if (the_program.deinit != nullptr) the_program.deinit(g_reason);
  GlobalVariablesFlush();
  report(Line("removed").set("reason", static_cast<long>(g_reason)).text());
  return refusal == INIT_SUCCEEDED ? 0 : 1;
}

}  // namespace

}  // namespace mql

int main() { return mql::run(); }
