// One grammar for the control channel, the specification of a broker and its journal: `verb key=value key=value`.
// Values are percent-encoded where they hold a space, a percent sign or a control character.
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace mql {

inline constexpr long UNIT = 100'000'000;  // lots, prices and money are integers of 1e-8 inside the broker

struct Line {
  std::string verb;
  std::map<std::string, std::string> values;

  Line(std::string_view text);  // NOLINT: a text is a line
  Line(const char *text) : Line(std::string_view(text)) {}
  std::string text() const;

  bool has(const std::string &key) const { return values.contains(key); }
  std::string word(const std::string &key, const std::string &otherwise = "") const;
  long number(const std::string &key, long otherwise = 0) const;
  double real(const std::string &key, double otherwise = 0) const;
  long units(const std::string &key, long otherwise = 0) const;  // a decimal in 1e-8

  Line &set(const std::string &key, const std::string &value);
  Line &set(const std::string &key, long value) { return set(key, std::to_string(value)); }
  Line &set_real(const std::string &key, double value);
  Line &set_units(const std::string &key, long value);
};

std::string escaped(std::string_view text);
long to_units(double value);
inline double from_units(long value) { return static_cast<double>(value) / UNIT; }

}  // namespace mql
