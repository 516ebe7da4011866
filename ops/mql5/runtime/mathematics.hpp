// Mathematics: one name for every type, as in MQL5.
#pragma once
#include <cmath>
#include <type_traits>

#include "types.hpp"

namespace mql {

template <class T>
T MathAbs(T value) {
  return value < 0 ? -value : value;
}
template <class A, class B>
auto MathMax(A a, B b) {
  using C = std::common_type_t<A, B>;
  return static_cast<C>(a) < static_cast<C>(b) ? static_cast<C>(b) : static_cast<C>(a);
}
template <class A, class B>
auto MathMin(A a, B b) {
  using C = std::common_type_t<A, B>;
  return static_cast<C>(b) < static_cast<C>(a) ? static_cast<C>(b) : static_cast<C>(a);
}
template <class A, class B>
auto fmax(A a, B b) {
  return MathMax(a, b);
}
template <class A, class B>
auto fmin(A a, B b) {
  return MathMin(a, b);
}
inline double MathRound(double value) { return std::round(value); }
inline double MathFloor(double value) { return std::floor(value); }
inline double MathCeil(double value) { return std::ceil(value); }
inline double MathPow(double base, double power) { return std::pow(base, power); }
inline double MathSqrt(double value) { return std::sqrt(value); }
inline double MathLog(double value) { return std::log(value); }
inline double MathLog10(double value) { return std::log10(value); }
inline double MathExp(double value) { return std::exp(value); }
inline double MathMod(double value, double by) { return std::fmod(value, by); }
inline double MathSin(double value) { return std::sin(value); }
inline double MathCos(double value) { return std::cos(value); }
inline double MathTan(double value) { return std::tan(value); }
inline double MathArctan(double value) { return std::atan(value); }
inline bool MathIsValidNumber(double value) { return std::isfinite(value); }
int MathRand();
void MathSrand(int seed);
inline int rand() { return MathRand(); }
inline void srand(int seed) { MathSrand(seed); }

}  // namespace mql
