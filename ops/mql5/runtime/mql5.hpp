// All of MQL5 that a program can see. Precompiled.
#ifndef MQL5_HPP
#define MQL5_HPP
#include "files.hpp"
#include "mathematics.hpp"
#include "network.hpp"
#include "trading.hpp"

#define __MQL5__ 1
#define __MQLBUILD__ 5000
#define _Symbol (mql::Symbol())
#define _Digits (mql::Digits())
#define _Point (mql::Point())
#define _Period (mql::Period())
#define _LastError (mql::GetLastError())
#define _StopFlag (mql::IsStopped())
#define _UninitReason (mql::UninitializeReason())

#endif
