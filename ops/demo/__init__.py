"""`ecp demo`: a master whose signals, made from real bars, are copied by subscribers on paper brokers."""
