"""The machine on which an engine runs: this one, or one that is seen through the engine."""
