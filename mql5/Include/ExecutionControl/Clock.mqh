// The plane's clock, by which everything is judged that has an age.

class CPlaneClock
{
public:
   virtual ~CPlaneClock(void) {}
   // Microseconds since 1970 UTC; 0: it was never heard.
   virtual long PlaneTime(void) const = 0;
};
