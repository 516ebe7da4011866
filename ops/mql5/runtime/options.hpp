// What the program was started with.
#pragma once
#include <string>
#include <vector>

namespace mql {

struct Options {
  std::string program;                 // path of the executable
  std::string inputs;                  // a .set file
  std::string data;                    // the folder of the terminal
  std::string common;                  // the folder that terminals share; inside of data, unless told
  std::string broker;                  // the folder of the broker; inside of data, unless told
  std::string symbol;                  // of the chart; the broker's first, unless told
  std::vector<std::string> allowed = {"127.0.0.1", "localhost"};  // hosts that sockets may connect to
  std::string authorities;             // certificates that TLS trusts; the system's, unless told
  bool trade_allowed = true;           // "Allow Algo Trading" of the program
  bool tester = false;                 // pretends to be the strategy tester: no network there
  bool hold = false;                   // waits for `start` before OnInit
};

const Options &options();

}  // namespace mql
