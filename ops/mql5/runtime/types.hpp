// What MQL5 calls its types, its NULL, its objects and the pointers to them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace mql {

using uchar = unsigned char;
using ushort = unsigned short;
using uint = unsigned int;
using ulong = unsigned long;
// As wide as long and yet another type, so that Print and the overloads can tell a time from a number.
using datetime = long long;
using color = char32_t;
static_assert(sizeof(long) == 8 && sizeof(datetime) == 8 && std::is_signed_v<char>);

// A critical error in MetaTrader's sense: the journal says what it was, and the program is removed at once.
[[noreturn]] void critical(const char *what, const char *file = "", int line = 0);

template <class T>
concept Number = std::is_arithmetic_v<T> || std::is_enum_v<T>;

// NULL fits wherever MQL5 takes it: pointers, strings and numbers.
struct Null {
  template <class T>
  constexpr operator T *() const {
    return nullptr;
  }
  template <Number T>
  constexpr operator T() const {
    return T(0);
  }
};
inline constexpr Null null{};
template <class T>
constexpr bool operator==(T *p, Null) {
  return p == nullptr;
}

// The root of every class without a base. Destructors of MQL5 are virtual always; where an object lives is what
// CheckPointer tells.
struct Object {
  virtual ~Object() = default;
  Object() = default;
  Object(const Object &) = default;
  Object &operator=(const Object &) = default;
  static void *operator new(std::size_t size);
  static void operator delete(void *object);
};

// A pointer as MQL5 has it: it starts as NULL, it passes for the object where one is asked for, and following NULL
// is a critical error.
template <class T>
class Ptr {
 public:
  Ptr() = default;
  Ptr(Null) {}
  template <class U>
    requires std::is_convertible_v<U *, T *>
  Ptr(U *object) : m_object(object) {}
  template <class U>
    requires std::is_convertible_v<U *, T *>
  Ptr(const Ptr<U> &other) : m_object(other.get()) {}
  // (CDerived *)base: NULL where it is none.
  template <class U>
    requires(!std::is_convertible_v<U *, T *>)
  explicit Ptr(const Ptr<U> &other) : m_object(dynamic_cast<T *>(other.get())) {}

  T *get() const { return m_object; }
  T *operator->() const { return &checked(); }
  operator T *() const { return m_object; }
  operator T &() const
    requires(!std::is_void_v<T>)
  {
    return checked();
  }
  bool operator==(Null) const { return m_object == nullptr; }
  template <class U>
  bool operator==(const Ptr<U> &other) const {
    return m_object == other.get();
  }
  bool operator!() const { return m_object == nullptr; }

 private:
  T &checked() const {
    if (m_object == nullptr) critical("invalid pointer access");
    return *m_object;
  }
  T *m_object = nullptr;
};

// `this` is an object and a pointer to it, as the place demands.
template <class T>
Ptr<T> pointer(T *object) {
  return object;
}

template <class P, class U>
P cast(const Ptr<U> &from) {
  return P(from);
}
template <class P, class U>
P cast(U *from) {
  return P(Ptr<U>(from));
}

template <class T>
Ptr<T> GetPointer(T &object) {
  return &object;
}
template <class T>
Ptr<T> GetPointer(const Ptr<T> &object) {
  return object;
}

enum ENUM_POINTER_TYPE : int { POINTER_INVALID, POINTER_DYNAMIC, POINTER_AUTOMATIC };
ENUM_POINTER_TYPE pointer_type(const void *object);

template <class T>
ENUM_POINTER_TYPE CheckPointer(const Ptr<T> &object) {
  return pointer_type(object.get());
}
template <class T>
  requires std::is_base_of_v<Object, T>
ENUM_POINTER_TYPE CheckPointer(const T &object) {
  return pointer_type(&object);
}
template <class T>
ENUM_POINTER_TYPE CheckPointer(const T *object) {
  return pointer_type(object);
}

}  // namespace mql
