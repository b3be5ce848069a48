"""The warm-up: which entries it wants, how it gets them, and how far it has come."""
