"""A two-tier cache: L1 in the process, L2 in Valkey, one load for any number of callers."""
