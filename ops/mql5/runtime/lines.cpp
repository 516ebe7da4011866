#include "lines.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace mql {

std::string escaped(std::string_view text) {
  std::string out;
  char code[4];
  for (const char byte : text) {
    if (static_cast<unsigned char>(byte) > 0x20 && byte != '%' && byte != 0x7F) {
      out += byte;
    } else {
      std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned char>(byte));
      out += code;
    }
  }
  return out;
}

static std::string plain(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i++) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Line::Line(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find_first_of(" \r\n");
    const std::string_view part = text.substr(0, end);
    if (verb.empty())
      verb = part;
    else if (const auto equals = part.find('='); equals != std::string_view::npos)
      values[std::string(part.substr(0, equals))] = plain(part.substr(equals + 1));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}
std::string Line::text() const {
  std::string out = verb;
  for (const auto &[key, value] : values) out += ' ' + key + '=' + escaped(value);
  return out;
}
std::string Line::word(const std::string &key, const std::string &otherwise) const {
  const auto found = values.find(key);
  return found == values.end() ? otherwise : found->second;
}
long Line::number(const std::string &key, long otherwise) const { return has(key) ? static_cast<long>(std::strtoull(word(key).c_str(), nullptr, 10)) : otherwise; }
double Line::real(const std::string &key, double otherwise) const { return has(key) ? std::strtod(word(key).c_str(), nullptr) : otherwise; }
long Line::units(const std::string &key, long otherwise) const { return has(key) ? to_units(real(key)) : otherwise; }
Line &Line::set(const std::string &key, const std::string &value) {
  values[key] = value;
  return *this;
}
Line &Line::set_real(const std::string &key, double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", value);
  return set(key, std::string(text));
}
Line &Line::set_units(const std::string &key, long value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.8f", from_units(value));
  std::string shorter(text);
  shorter.erase(shorter.find_last_not_of('0') + 1);
  if (shorter.back() == '.') shorter.pop_back();
  return set(key, shorter);
}

long to_units(double value) {
  const double scaled = value * UNIT;
  return std::isfinite(scaled) && std::fabs(scaled) < 9e18 ? std::lround(scaled) : 0;
}

}  // namespace mql
