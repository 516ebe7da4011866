// Strings: UTF-16 inside, as in MetaTrader, and a string that was never given a value is NULL, which "" is not.
#pragma once
#include <string_view>

#include "types.hpp"

namespace mql {

class string {
 public:
  string() = default;
  string(Null) {}
  string(const char16_t *text) : m_text(text), m_set(true) {}
  string(std::u16string text) : m_text(std::move(text)), m_set(true) {}
  // (string)5: a number becomes text only where it is asked to, MetaEditor warns of all else.
  template <Number T>
  explicit string(T value);

  static string from_utf8(std::string_view bytes);
  std::string utf8() const;

  const std::u16string &text() const { return m_text; }
  std::u16string &change() {
    m_set = true;
    return m_text;
  }
  int length() const { return static_cast<int>(m_text.size()); }
  bool is_null() const { return !m_set; }
  ushort operator[](int at) const {
    if (at < 0 || at >= length()) critical("array out of range");
    return static_cast<ushort>(m_text[static_cast<std::size_t>(at)]);
  }

  string &operator+=(const string &more) {
    m_text += more.m_text;
    m_set = m_set || more.m_set;
    return *this;
  }
  friend string operator+(string left, const string &right) { return left += right; }
  friend bool operator==(const string &a, const string &b) { return a.m_set == b.m_set && a.m_text == b.m_text; }
  friend bool operator==(const string &a, Null) { return !a.m_set; }
  friend auto operator<=>(const string &a, const string &b) { return a.m_text.compare(b.m_text) <=> 0; }

 private:
  std::u16string m_text;
  bool m_set = false;
};

inline string operator""_s(const char16_t *text, std::size_t length) { return std::u16string(text, length); }

// One argument of Print or StringFormat.
struct Argument {
  enum Kind { INTEGER, UNSIGNED, REAL, TEXT, BOOLEAN, TIME } kind;
  int bytes = 8;
  long integer = 0;
  double real = 0;
  string text;

  template <Number T>
  Argument(T value) : bytes(sizeof(T)) {
    if constexpr (std::is_floating_point_v<T>) {
      kind = REAL;
      real = value;
    } else {
      kind = std::is_same_v<T, bool>       ? BOOLEAN
             : std::is_same_v<T, datetime> ? TIME
             : std::is_unsigned_v<T>       ? UNSIGNED
                                           : INTEGER;
      integer = static_cast<long>(value);
    }
  }
  Argument(const string &value) : kind(TEXT), text(value) {}
  Argument(Null) : kind(TEXT) {}
};

string to_text(const Argument &value);
string format(const string &form, const Argument *arguments, int count);
void journal(const string &line);
void alert(const string &line);
void comment(const string &line);

template <Number T>
string::string(T value) : string(to_text(Argument(value))) {}

template <class... A>
string StringFormat(const string &form, const A &...values) {
  const Argument arguments[] = {Argument(values)..., Argument(0)};
  return format(form, arguments, sizeof...(A));
}
template <class... A>
string joined(const A &...values) {
  string all(u"");
  ((all += to_text(Argument(values))), ...);
  return all;
}
template <class... A>
void Print(const A &...values) {
  journal(joined(values...));
}
template <class... A>
void PrintFormat(const string &form, const A &...values) {
  journal(StringFormat(form, values...));
}
template <class... A>
void printf(const string &form, const A &...values) {
  journal(StringFormat(form, values...));
}
template <class... A>
void Alert(const A &...values) {
  alert(joined(values...));
}
template <class... A>
void Comment(const A &...values) {
  comment(joined(values...));
}

// __FUNCTION__ is "CClass::Method", and __FILE__ the name without its folder.
string function_name(const char *pretty);
string file_name(const char *path);

int StringLen(const string &text);
int StringBufferLen(const string &text);
int StringFind(const string &text, const string &sought, int start = 0);
string StringSubstr(const string &text, int start, int length = -1);
int StringReplace(string &text, const string &sought, const string &replacement);
ushort StringGetCharacter(const string &text, int at);
bool StringSetCharacter(string &text, int at, ushort character);
bool StringAdd(string &text, const string &more);
int StringConcatenate(string &text, const string &more);
int StringCompare(const string &a, const string &b, bool case_sensitive = true);
bool StringToLower(string &text);
bool StringToUpper(string &text);
int StringTrimLeft(string &text);
int StringTrimRight(string &text);
bool StringInit(string &text, int length = 0, ushort character = 0);
bool StringFill(string &text, ushort character);
bool StringReserve(string &text, uint capacity);
bool StringSetLength(string &text, uint length);

string IntegerToString(long number, int width = 0, ushort fill = u' ');
string DoubleToString(double number, int digits = 8);
string CharToString(uchar code);
string ShortToString(ushort code);
string ColorToString(color value, bool names = false);
long StringToInteger(const string &text);
double StringToDouble(const string &text);
double NormalizeDouble(double value, int digits);

}  // namespace mql
