"""Describe, decide, do: from an instance to running containers."""
