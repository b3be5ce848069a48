"""What can be pruned: its kind, its size, and the reason. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct


class Kind(StrEnum):
    """The kinds of what can be pruned, in the order in which they are removed."""

    NETWORKS = "networks"
    IMAGES = "images"
    CRASHES = "crashes"
    HISTORY = "history"
    UPGRADES = "upgrades"
    BACKUPS = "backups"
    LOCKS = "locks"
    PLACES = "places"


class Fate(StrEnum):
    """What became of an item. The value is shown in ``--json``."""

    PLANNED = "planned"
    REMOVED = "removed"
    KEPT = "kept"
    FAILED = "failed"


class Item(Struct, frozen=True):
    """One thing that nobody needs.

    ``name`` is what the operator knows it by; ``target`` is what removes it: a network's id, an
    image's name or id, a path. ``bytes`` of an image count layers that it shares.
    """

    kind: Kind
    name: str
    target: str
    reason: str
    bytes: int = 0
    instance: str = ""


class Outcome(Struct, frozen=True):
    """An item and what became of it. ``problem`` says why it is still there."""

    item: Item
    fate: Fate
    problem: str = ""

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "kind": self.item.kind,
            "name": self.item.name,
            "reason": self.item.reason,
            "bytes": self.item.bytes,
            "result": self.fate,
            "problem": self.problem or None,
        }


class Survey(Struct, frozen=True):
    """Everything that can be pruned.

    ``undeclared`` are instances that have containers and no entry: they are named and left alone.
    ``unknown`` says of a kind why it could not be judged, so that nothing of it is pruned.
    """

    items: tuple[Item, ...]
    undeclared: tuple[str, ...] = ()
    unknown: tuple[tuple[Kind, str], ...] = ()
