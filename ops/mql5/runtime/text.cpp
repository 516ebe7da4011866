// Strings, numbers as text and text as numbers, and bytes of either.
#include <cctype>
#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "terminal.hpp"

namespace mql {

namespace {

constexpr char16_t REPLACEMENT = 0xFFFD;

void put(std::u16string &out, char32_t code) {
  if (code >= 0xD800 && code < 0xE000) code = REPLACEMENT;
  if (code < 0x10000) {
    out += static_cast<char16_t>(code);
  } else {
    out += static_cast<char16_t>(0xD800 + ((code - 0x10000) >> 10));
    out += static_cast<char16_t>(0xDC00 + ((code - 0x10000) & 0x3FF));
  }
}

std::u16string decode(std::string_view bytes) {
  std::u16string out;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto first = static_cast<uchar>(bytes[i]);
    const int more = first < 0x80 ? 0 : first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 && first < 0xF0 ? 2 : first >= 0xC2 && first < 0xE0 ? 1 : -1;
    char32_t code = more < 0 ? REPLACEMENT : more == 0 ? first : first & (0x3F >> more);
    std::size_t used = 1;
    for (int k = 0; k < more; k++, used++) {
      if (i + used >= bytes.size() || (static_cast<uchar>(bytes[i + used]) & 0xC0) != 0x80) {
        code = REPLACEMENT;
        break;
      }
      code = (code << 6) | (static_cast<uchar>(bytes[i + used]) & 0x3F);
    }
    constexpr char32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (more > 0 && (code < least[more] || code > 0x10FFFF)) code = REPLACEMENT;
    put(out, code);
    i += used;
  }
  return out;
}

std::string encode(std::u16string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i++) {
    char32_t code = text[i];
    if (code >= 0xD800 && code < 0xDC00 && i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000)
      code = 0x10000 + ((code - 0xD800) << 10) + (text[++i] - 0xDC00U);
    else if (code >= 0xD800 && code < 0xE000)
      code = REPLACEMENT;
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0 | (code >> 6));
      tail(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xE0 | (code >> 12));
      tail(6);
      tail(0);
    } else {
      out += static_cast<char>(0xF0 | (code >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }
  return out;
}

// The codepage of the terminal is Latin 1 here; what it has no letter for becomes a question mark, as in Windows.
std::string bytes_of(std::u16string_view text, uint codepage) {
  if (codepage == CP_UTF8) return encode(text);
  std::string out;
  for (const char16_t code : text) out += code < 0x100 ? static_cast<char>(code) : '?';
  return out;
}

std::u16string text_of(std::string_view bytes, uint codepage) {
  if (codepage == CP_UTF8) return decode(bytes);
  std::u16string out;
  for (const char byte : bytes) out += static_cast<char16_t>(static_cast<uchar>(byte));
  return out;
}

bool blank(char16_t code) { return code == u' ' || (code >= u'\t' && code <= u'\r'); }

std::string printed(const char *form, double value) {
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, form, value);
  return buffer;
}

}  // namespace

string string::from_utf8(std::string_view bytes) { return decode(bytes); }
std::string string::utf8() const { return encode(m_text); }

string to_text(const Argument &value) {
  switch (value.kind) {
    case Argument::TEXT: return value.text.is_null() ? string(u"") : value.text;
    case Argument::BOOLEAN: return value.integer != 0 ? u"true" : u"false";
    case Argument::TIME: return TimeToString(value.integer, TIME_DATE | TIME_MINUTES | TIME_SECONDS);
    case Argument::UNSIGNED: return string::from_utf8(std::to_string(static_cast<ulong>(value.integer)));
    case Argument::INTEGER: return string::from_utf8(std::to_string(value.integer));
    case Argument::REAL: break;
  }
  // As few digits as tell it from its neighbours, up to the sixteen that MetaTrader prints.
  std::string text = printed("%.15g", value.real);
  if (value.bytes == 4) {
    text = printed("%.6g", value.real);
    if (std::strtof(text.c_str(), nullptr) != static_cast<float>(value.real)) text = printed("%.8g", value.real);
  } else if (std::isfinite(value.real) && std::strtod(text.c_str(), nullptr) != value.real) {
    text = printed("%.16g", value.real);
  }
  if (std::isfinite(value.real) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return string::from_utf8(text);
}

// One conversion of StringFormat at a time. Like the terminal's, %d takes the lower 32 bits and %I64d all of them.
string format(const string &form, const Argument *arguments, int count) {
  const std::string pattern = form.utf8();
  std::string out;
  int used = 0;
  const auto next = [&]() -> Argument { return used < count ? arguments[used++] : Argument(u"(missed string parameter)"_s); };
  for (std::size_t i = 0; i < pattern.size(); i++) {
    if (pattern[i] != '%') {
      out += pattern[i];
      continue;
    }
    if (i + 1 < pattern.size() && pattern[i + 1] == '%') {
      out += '%';
      i++;
      continue;
    }
    std::string spec = "%";
    for (i++; i < pattern.size() && std::string_view("-+ #0123456789.*").find(pattern[i]) != std::string_view::npos; i++)
      spec += pattern[i] == '*' ? std::to_string(next().integer) : std::string(1, pattern[i]);
    bool wide = false;
    for (const std::string_view prefix : {"I64", "ll", "l", "I32", "h"})
      if (pattern.compare(i, prefix.size(), prefix) == 0) {
        wide = prefix == "I64" || prefix == "ll";
        i += prefix.size();
        break;
      }
    if (i >= pattern.size()) break;
    const char kind = pattern[i];
    const Argument value = next();
    char buffer[512];
    switch (kind) {
      case 's':
        out += value.kind == Argument::TEXT ? [&] {
          const std::string text = value.text.utf8();
          std::string padded(text.size() + 512, '\0');
          padded.resize(static_cast<std::size_t>(std::snprintf(padded.data(), padded.size(), (spec + "s").c_str(), text.c_str())));
          return padded;
        }() : to_text(value).utf8();
        break;
      case 'c':
        out += encode(std::u16string(1, static_cast<char16_t>(value.integer)));
        break;
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o': {
        if (value.kind == Argument::TEXT) {
          out += "(non-number passed)";
          break;
        }
        long number = value.kind == Argument::REAL ? static_cast<long>(value.real) : value.integer;
        const bool with_sign = kind == 'd' || kind == 'i';
        if (!wide) number = with_sign ? static_cast<long>(static_cast<int>(number)) : static_cast<long>(static_cast<uint>(number));
        std::snprintf(buffer, sizeof buffer, (spec + "l" + kind).c_str(), number);
        out += buffer;
        break;
      }
      case 'f':
      case 'F':
      case 'e':
      case 'E':
      case 'g':
      case 'G':
      case 'a':
      case 'A':
        if (value.kind == Argument::TEXT)
          out += "(non-number passed)";
        else
          out += printed((spec + kind).c_str(), value.kind == Argument::REAL ? value.real : static_cast<double>(value.integer));
        break;
      default:
        out += spec + kind;
    }
  }
  return string::from_utf8(out);
}

string function_name(const char *pretty) {
  std::string name(pretty);
  if (const auto with = name.find(" [with"); with != std::string::npos) name.resize(with);
  name.resize(std::min(name.find('('), name.size()));
  name.erase(0, name.rfind(' ') + 1);
  while (!name.empty() && (name[0] == '*' || name[0] == '&')) name.erase(0, 1);
  for (const std::string_view space : {"mql::program::", "mql::"})
    if (name.starts_with(space)) name.erase(0, space.size());
  return string::from_utf8(name);
}
string file_name(const char *path) {
  const std::string name(path);
  return string::from_utf8(name.substr(name.rfind('/') + 1));
}

int StringLen(const string &text) { return text.length(); }
int StringBufferLen(const string &text) { return text.length(); }
int StringFind(const string &text, const string &sought, int start) {
  const auto found = text.text().find(sought.text(), static_cast<std::size_t>(std::max(start, 0)));
  return found == std::u16string::npos || sought.length() == 0 ? -1 : static_cast<int>(found);
}
string StringSubstr(const string &text, int start, int length) {
  if (start < 0 || start >= text.length() || length == 0) return u"";
  return text.text().substr(static_cast<std::size_t>(start), length < 0 ? std::u16string::npos : static_cast<std::size_t>(length));
}
int StringReplace(string &text, const string &sought, const string &replacement) {
  if (sought.length() == 0) return 0;
  int count = 0;
  std::u16string &all = text.change();
  for (auto at = all.find(sought.text()); at != std::u16string::npos; at = all.find(sought.text(), at + replacement.text().size()), count++)
    all.replace(at, sought.text().size(), replacement.text());
  return count;
}
ushort StringGetCharacter(const string &text, int at) {
  if (at >= 0 && at < text.length()) return text[at];
  if (at != text.length()) set_error(ERR_INVALID_PARAMETER);
  return 0;
}
bool StringSetCharacter(string &text, int at, ushort character) {
  if (at < 0 || at > text.length()) return false;
  std::u16string &all = text.change();
  if (character == 0)
    all.resize(static_cast<std::size_t>(at));
  else if (at == text.length())
    all += static_cast<char16_t>(character);
  else
    all[static_cast<std::size_t>(at)] = static_cast<char16_t>(character);
  return true;
}
bool StringAdd(string &text, const string &more) {
  text += more;
  return true;
}
int StringConcatenate(string &text, const string &more) {
  text += more;
  return text.length();
}
int StringCompare(const string &a, const string &b, bool case_sensitive) {
  string x = a, y = b;
  if (!case_sensitive) {
    StringToLower(x);
    StringToLower(y);
  }
  const int order = x.text().compare(y.text());
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}
bool StringToLower(string &text) {
  for (char16_t &code : text.change())
    if (code < 0x80) code = static_cast<char16_t>(std::tolower(code));
  return true;
}
bool StringToUpper(string &text) {
  for (char16_t &code : text.change())
    if (code < 0x80) code = static_cast<char16_t>(std::toupper(code));
  return true;
}
int StringTrimLeft(string &text) {
  std::u16string &all = text.change();
  const auto kept = std::find_if_not(all.begin(), all.end(), blank);
  const int cut = static_cast<int>(kept - all.begin());
  all.erase(all.begin(), kept);
  return cut;
}
int StringTrimRight(string &text) {
  std::u16string &all = text.change();
  int cut = 0;
  for (; !all.empty() && blank(all.back()); cut++) all.pop_back();
  return cut;
}
bool StringInit(string &text, int length, ushort character) {
  text.change().assign(static_cast<std::size_t>(character == 0 ? 0 : std::max(length, 0)), static_cast<char16_t>(character));
  return true;
}
bool StringFill(string &text, ushort character) { return StringInit(text, text.length(), character); }
bool StringReserve(string &text, uint capacity) {
  text.change().reserve(capacity);
  return true;
}
bool StringSetLength(string &text, uint length) {
  text.change().resize(length, u' ');
  return true;
}

string IntegerToString(long number, int width, ushort fill) {
  std::u16string digits = decode(std::to_string(number));
  if (width > static_cast<int>(digits.size())) digits.insert(0, static_cast<std::size_t>(width) - digits.size(), static_cast<char16_t>(fill));
  return digits;
}
string DoubleToString(double number, int digits) {
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, digits < 0 ? "%.*e" : "%.*f", std::min(std::abs(digits), 16), number);
  return string::from_utf8(buffer);
}
string CharToString(uchar code) { return std::u16string(1, code); }
string ShortToString(ushort code) { return std::u16string(1, static_cast<char16_t>(code)); }
string ColorToString(color value, bool) { return StringFormat(u"%d,%d,%d", value & 255, (value >> 8) & 255, (value >> 16) & 255); }
long StringToInteger(const string &text) { return std::strtol(text.utf8().c_str(), nullptr, 10); }
double StringToDouble(const string &text) {
  const std::string bytes = text.utf8();
  // strtod also takes hexadecimals, infinities and what is not a number.
  const auto end = bytes.find_first_not_of("0123456789+-.eE \t");
  return std::strtod(bytes.substr(0, end).c_str(), nullptr);
}
double NormalizeDouble(double value, int digits) {
  const double scale = std::pow(10.0, std::clamp(digits, 0, 8));
  const double scaled = value * scale;
  if (!std::isfinite(scaled) || std::fabs(scaled) > 9e15) return value;
  return std::round(scaled) / scale;
}

// With the terminating zero, unless a count ends it before.
int StringToCharArray(const string &text, Array<uchar> &bytes, int start, int count, uint codepage) {
  std::string all = bytes_of(text.text(), codepage);
  all += '\0';
  if (start < 0) return 0;
  int length = static_cast<int>(all.size());
  if (count >= 0) length = std::min(length, count);
  if (start + length > bytes.size() && !bytes.resize(start + length, 0)) length = bytes.size() - start;
  for (int i = 0; i < length; i++) bytes[start + i] = static_cast<uchar>(all[static_cast<std::size_t>(i)]);
  return length;
}
string CharArrayToString(const Array<uchar> &bytes, int start, int count, uint codepage) {
  if (start < 0 || start > bytes.size()) return u"";
  int length = bytes.size() - start;
  if (count >= 0) length = std::min(length, count);
  const std::string_view all(reinterpret_cast<const char *>(bytes.data()) + start, static_cast<std::size_t>(length));
  return text_of(all.substr(0, all.find('\0')), codepage);
}
int StringToShortArray(const string &text, Array<ushort> &codes, int start, int count) {
  int length = text.length() + 1;
  if (count >= 0) length = std::min(length, count);
  if (start < 0) return 0;
  if (start + length > codes.size() && !codes.resize(start + length, 0)) length = codes.size() - start;
  for (int i = 0; i < length; i++) codes[start + i] = i < text.length() ? text[i] : 0;
  return length;
}
string ShortArrayToString(const Array<ushort> &codes, int start, int count) {
  std::u16string out;
  for (int i = std::max(start, 0); i < codes.size() && (count < 0 || i < start + count) && codes[i] != 0; i++)
    out += static_cast<char16_t>(codes[i]);
  return out;
}
int StringSplit(const string &text, ushort separator, Array<string> &parts) {
  parts.resize(0, 0);
  if (text.length() == 0) return 0;
  std::size_t from = 0;
  for (int count = 1;; count++) {
    const auto to = text.text().find(static_cast<char16_t>(separator), from);
    parts.resize(count, 0);
    parts[count - 1] = text.text().substr(from, to == std::u16string::npos ? to : to - from);
    if (to == std::u16string::npos) return count;
    from = to + 1;
  }
}

}  // namespace mql
