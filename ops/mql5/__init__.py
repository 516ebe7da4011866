"""MQL5 sources, unchanged, as programs of Linux: a rewriter, a compiler, and a terminal with a broker behind it."""
