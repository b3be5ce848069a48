"""The warm-up: which entries are wanted, from where they come, and how far it is."""
