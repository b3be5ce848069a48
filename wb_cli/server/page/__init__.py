"""The status page: its text, its chart and its files."""
