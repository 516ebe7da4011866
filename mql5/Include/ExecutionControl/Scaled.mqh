// Prices, lots and money as the wire has them: integers in units of 1e-8.

#define ECP_E8 100000000
// |value| from here on does not fit into a long of such units.
#define ECP_E8_LIMIT 90000000000.0

// value, given to so many digits (0 to 8), as an integer in 1e-8. It is rounded once, at those digits, so 0.1 + 0.2 is
// 30000000 and never a unit beside it. false: no number, infinite, or too large; then scaled is 0.
bool ToE8(const double value, const int digits, long &scaled)
{
   scaled = 0;
   if(!MathIsValidNumber(value) || value >= ECP_E8_LIMIT || value <= -ECP_E8_LIMIT || digits < 0 || digits > 8)
      return false;
   long steps = 1;
   for(int i = 0; i < digits; i++)
      steps *= 10;
   scaled = (long)MathRound(value * (double)steps) * (ECP_E8 / steps);
   return true;
}

// The double that is nearest to scaled units of 1e-8: a division rounds once, a product with 1e-8 would twice.
double FromE8(const long scaled)
{
   return (double)scaled / (double)ECP_E8;
}
