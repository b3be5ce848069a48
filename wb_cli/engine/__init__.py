"""The only part that knows Docker."""
