"""The part of an instance that receives the WAL of its PostgreSQL, and what it has received."""
