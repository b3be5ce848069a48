"""Commands that make, prove and restore backups."""
