// The clocks that a program sees. The computer's may be set wrong on purpose; the one that only counts cannot.
#pragma once

namespace mql::clocks {

long utc_us();             // of the computer, as it is set
long true_us();            // as it is: a trade server does not care what is done to the computer's
void jump(long us);        // somebody sets the computer's clock
void zone(int seconds);    // of the trade server

}  // namespace mql::clocks
