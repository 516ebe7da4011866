"""Measurements over real TCP, with the load generator on the same machine as gateway and Postgres."""
