"""How instances stand: one listing of the engine, a probe of each part, and the reasons."""
