"""Bring a backup back: in the place of what is there, or as another instance."""
