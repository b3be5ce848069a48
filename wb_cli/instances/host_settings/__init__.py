"""The settings of this host: the table of them, and where each comes from."""
