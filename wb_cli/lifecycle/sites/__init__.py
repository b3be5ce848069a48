"""nginx sites: survey what is there, apply changes whole or not at all, act on instances."""
