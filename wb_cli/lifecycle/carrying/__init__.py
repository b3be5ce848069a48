"""Carry what Valkey kept over to another form of its files."""
