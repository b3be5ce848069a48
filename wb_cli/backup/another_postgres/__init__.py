"""Move the databases of a running instance to another major version of PostgreSQL."""
