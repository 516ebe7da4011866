// Arrays. One type is passed to functions whatever its storage: a fixed array is an array that refuses to be resized.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <utility>

#include "text.hpp"

namespace mql {

inline constexpr int WHOLE_ARRAY = -1;

void set_error(int code);

// An index, and where in the program it is used.
struct Place {
  ulong index;
  const char *file;
  int line;
  template <Number I>
  Place(I at, const char *from = __builtin_FILE(), int on = __builtin_LINE()) : index(static_cast<ulong>(at)), file(from), line(on) {}
};

template <class T>
class Array {
 public:
  Array() = default;
  Array(std::initializer_list<T> values) {
    resize(static_cast<int>(values.size()), 0);
    std::copy(values.begin(), values.end(), m_data);
  }
  Array(const Array &other) { assign(other); }
  Array &operator=(const Array &other) {
    if (this != &other) assign(other);
    return *this;
  }
  ~Array() {
    if (m_fixed) return;
    std::destroy_n(m_data, m_size);
    std::free(m_data);
  }

  int size() const { return m_size; }
  bool fixed() const { return m_fixed; }
  T *data() { return m_data; }
  const T *data() const { return m_data; }
  T *begin() { return m_data; }
  T *end() { return m_data + m_size; }
  const T *begin() const { return m_data; }
  const T *end() const { return m_data + m_size; }

  T &operator[](Place at) { return m_data[checked(at)]; }
  const T &operator[](Place at) const { return m_data[checked(at)]; }

  // What is new in it is as undefined as in MetaTrader: filled with rubbish, lest a program lives on zeros.
  bool resize(int size, int reserve) {
    if (m_fixed) return size == m_size;
    if (size > m_capacity) {
      const int capacity = size + std::max(reserve, 0);
      T *moved = static_cast<T *>(std::malloc(sizeof(T) * static_cast<std::size_t>(capacity)));
      if (moved == nullptr) return false;
      std::uninitialized_move_n(m_data, m_size, moved);
      std::destroy_n(m_data, m_size);
      std::free(m_data);
      m_data = moved;
      m_capacity = capacity;
    }
    if (size < m_size) std::destroy_n(m_data + size, m_size - size);
    if (size > m_size) std::memset(static_cast<void *>(m_data + m_size), RUBBISH, sizeof(T) * static_cast<std::size_t>(size - m_size));
    if constexpr (!std::is_trivially_default_constructible_v<T>)
      for (int i = m_size; i < size; i++) ::new (static_cast<void *>(m_data + i)) T;
    m_size = size;
    return true;
  }
  void release() {
    if (m_fixed) return;
    std::destroy_n(m_data, m_size);
    std::free(m_data);
    m_data = nullptr;
    m_size = m_capacity = 0;
  }
  void swap(Array &other) {
    if (m_fixed || other.m_fixed) return;
    std::swap(m_data, other.m_data);
    std::swap(m_size, other.m_size);
    std::swap(m_capacity, other.m_capacity);
  }

  static constexpr int RUBBISH = std::is_same_v<T, bool> ? 1 : 0xCD;

 protected:
  Array(T *storage, int size) : m_data(storage), m_size(size), m_capacity(size), m_fixed(true) {}

 private:
  std::size_t checked(const Place &at) const {
    if (at.index >= static_cast<ulong>(m_size)) critical("array out of range", at.file, at.line);
    return at.index;
  }
  void assign(const Array &other) {
    if (!resize(other.m_size, 0)) critical("array out of range");
    std::copy_n(other.m_data, m_size, m_data);
  }

  T *m_data = nullptr;
  int m_size = 0;
  int m_capacity = 0;
  bool m_fixed = false;
};

template <class T, int N>
class Fixed : public Array<T> {
 public:
  Fixed() : Array<T>(m_elements, N), m_elements{} {}
  Fixed(std::initializer_list<T> values) : Fixed() {
    if (values.size() > N) critical("too many initializers");
    std::copy(values.begin(), values.end(), m_elements);
  }
  Fixed(const Fixed &other) : Fixed() { std::copy_n(other.m_elements, N, m_elements); }
  Fixed &operator=(const Fixed &other) {
    if (this != &other) std::copy_n(other.m_elements, N, m_elements);
    return *this;
  }

 private:
  T m_elements[N];
};

template <class T>
int ArraySize(const Array<T> &array) {
  return array.size();
}
template <class T>
int ArrayRange(const Array<T> &array, int) {
  return array.size();
}
template <class T>
bool ArrayIsDynamic(const Array<T> &array) {
  return !array.fixed();
}
template <class T>
int ArrayResize(Array<T> &array, int size, int reserve = 0) {
  if (size >= 0 && array.resize(size, reserve)) return size;
  set_error(4007);
  return -1;
}
template <class T>
void ArrayFree(Array<T> &array) {
  array.release();
}
template <class T, class V>
int ArrayInitialize(Array<T> &array, V value) {
  std::fill(array.begin(), array.end(), static_cast<T>(value));
  return array.size();
}
template <class T, class V>
void ArrayFill(Array<T> &array, int start, int count, V value) {
  if (start < 0 || count < 0 || start > array.size() - count) critical("array out of range");
  std::fill_n(array.begin() + start, count, static_cast<T>(value));
}
// Grows the destination where it is too small; the two may be the same array.
template <class T, class U>
int ArrayCopy(Array<T> &to, const Array<U> &from, int to_start = 0, int from_start = 0, int count = WHOLE_ARRAY) {
  if (to_start < 0 || from_start < 0 || from_start > from.size()) {
    set_error(4003);
    return 0;
  }
  const int left = from.size() - from_start;
  if (count < 0 || count > left) count = left;
  if (to_start + count > to.size()) {
    if (to.fixed())
      count = std::max(to.size() - to_start, 0);
    else if (!to.resize(to_start + count, 0)) {
      set_error(4007);
      return 0;
    }
  }
  if (static_cast<const void *>(&to) == static_cast<const void *>(&from) && to_start > from_start)
    for (int i = count - 1; i >= 0; i--) to[to_start + i] = static_cast<T>(from[from_start + i]);
  else
    for (int i = 0; i < count; i++) to[to_start + i] = static_cast<T>(from[from_start + i]);
  return count;
}
template <class T>
bool ArrayRemove(Array<T> &array, int start, int count = WHOLE_ARRAY) {
  if (start < 0 || start >= array.size()) return false;
  if (count < 0 || count > array.size() - start) count = array.size() - start;
  std::move(array.begin() + start + count, array.end(), array.begin() + start);
  return array.resize(array.size() - count, 0);
}
template <class T>
bool ArrayInsert(Array<T> &to, const Array<T> &from, int to_start, int from_start = 0, int count = WHOLE_ARRAY) {
  if (to.fixed() || to_start < 0 || to_start > to.size() || from_start < 0 || from_start > from.size()) return false;
  if (count < 0 || count > from.size() - from_start) count = from.size() - from_start;
  const int before = to.size();
  if (!to.resize(before + count, 0)) return false;
  std::move_backward(to.begin() + to_start, to.begin() + before, to.end());
  std::copy_n(from.begin() + from_start, count, to.begin() + to_start);
  return true;
}
template <class T>
bool ArrayReverse(Array<T> &array, uint start = 0, uint count = static_cast<uint>(WHOLE_ARRAY)) {
  const uint size = static_cast<uint>(array.size());
  if (start > size) return false;
  std::reverse(array.begin() + start, array.begin() + start + std::min(count, size - start));
  return true;
}
template <class T>
bool ArraySwap(Array<T> &a, Array<T> &b) {
  a.swap(b);
  return true;
}
template <class T>
bool ArraySort(Array<T> &array) {
  std::sort(array.begin(), array.end());
  return true;
}
template <class T, class V>
int ArrayBsearch(const Array<T> &array, V value) {
  if (array.size() == 0) return -1;
  const int at = static_cast<int>(std::lower_bound(array.begin(), array.end(), static_cast<T>(value)) - array.begin());
  if (at < array.size() && array[at] == static_cast<T>(value)) return at;
  return std::max(at - 1, 0);
}
template <class T>
int ArrayCompare(const Array<T> &a, const Array<T> &b, int a_start = 0, int b_start = 0, int count = WHOLE_ARRAY) {
  if (a_start < 0 || b_start < 0 || a_start > a.size() || b_start > b.size()) return -2;
  const int in_a = count < 0 ? a.size() - a_start : std::min(count, a.size() - a_start);
  const int in_b = count < 0 ? b.size() - b_start : std::min(count, b.size() - b_start);
  for (int i = 0; i < std::min(in_a, in_b); i++) {
    if (a[a_start + i] < b[b_start + i]) return -1;
    if (b[b_start + i] < a[a_start + i]) return 1;
  }
  return in_a < in_b ? -1 : in_a > in_b ? 1 : 0;
}
template <class T>
int ArrayMaximum(const Array<T> &array, int start = 0, int count = WHOLE_ARRAY) {
  const int end = count < 0 ? array.size() : std::min(start + count, array.size());
  if (start < 0 || start >= end) return -1;
  return static_cast<int>(std::max_element(array.begin() + start, array.begin() + end) - array.begin());
}
template <class T>
int ArrayMinimum(const Array<T> &array, int start = 0, int count = WHOLE_ARRAY) {
  const int end = count < 0 ? array.size() : std::min(start + count, array.size());
  if (start < 0 || start >= end) return -1;
  return static_cast<int>(std::min_element(array.begin() + start, array.begin() + end) - array.begin());
}
template <class T>
void ArrayPrint(const Array<T> &array) {
  string line(u"");
  for (const T &value : array) line += to_text(Argument(value)) + u" ";
  journal(line);
}

template <class T>
void ZeroMemory(Array<T> &array) {
  for (T &value : array) value = T();
}
template <class T>
void ZeroMemory(T &value) {
  value = T();
}

// Texts to bytes and back.
inline constexpr uint CP_ACP = 0, CP_UTF7 = 65000, CP_UTF8 = 65001;
int StringToCharArray(const string &text, Array<uchar> &bytes, int start = 0, int count = WHOLE_ARRAY, uint codepage = CP_ACP);
string CharArrayToString(const Array<uchar> &bytes, int start = 0, int count = WHOLE_ARRAY, uint codepage = CP_ACP);
int StringToShortArray(const string &text, Array<ushort> &codes, int start = 0, int count = WHOLE_ARRAY);
string ShortArrayToString(const Array<ushort> &codes, int start = 0, int count = WHOLE_ARRAY);
int StringSplit(const string &text, ushort separator, Array<string> &parts);

}  // namespace mql
