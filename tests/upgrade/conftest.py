"""An upgrade's host: the one with an engine in memory."""

from lifecycle.conftest import folders, new_world, secrets, world

__all__ = ["folders", "new_world", "secrets", "world"]
