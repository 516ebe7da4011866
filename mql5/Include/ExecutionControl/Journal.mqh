// What the trader reads in the journal: every refusal with its code, what happened, and what to do.

#include "Errors.mqh"

void Journal(const string line)
{
   Print("ECP: ", line);
}

// hint: advice that came with the refusal; without it, that of docs/errors.md.
void JournalCode(const string code, const string about, const string hint = "")
{
   const int row = ErrorRow(code);
   string line = code;
   if(row >= 0)
      line += " " + ErrorTexts[row + 1] + ": " + ErrorTexts[row + 2];
   if(StringLen(about) > 0)
      line += " (" + about + ")";
   const string advice = StringLen(hint) > 0 ? hint : row >= 0 ? ErrorTexts[row + 3] : "";
   if(StringLen(advice) > 0)
      line += " What to do: " + advice;
   Journal(line);
}
