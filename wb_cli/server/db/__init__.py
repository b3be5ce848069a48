"""PostgreSQL: connections, schema and every SQL statement of the server, each a function."""
