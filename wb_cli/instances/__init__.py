"""The instances, settings and secrets that the operator declares."""
