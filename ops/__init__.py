"""The command line `ecp` and what it runs."""
