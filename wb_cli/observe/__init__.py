"""Look at instances, and change nothing."""
