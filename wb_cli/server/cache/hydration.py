"""Filling L1 from L2, many versions at a time, and telling where things stand."""

from dataclasses import dataclass, field
from enum import StrEnum

from wb_cli.server.cache.remote import Absence


class Status(StrEnum):
    """Where a thing stands, in the version asked for."""

    L1 = "l1"
    L2 = "l2"
    LOADING = "loading"
    STALE = "stale"
    ABSENT = "absent"


class Miss(StrEnum):
    """Why an entry did not serve, besides the reasons of L2 itself."""

    STALE = "stale"
    FOREIGN = "foreign_fingerprint"
    NOT_PERSISTED = "not_persisted"
    UNSETTLED = "unsettled"


# The reasons that say what L2 holds; the others say that it could not be asked.
LOOKED = frozenset((Absence.NONE, Absence.GARBAGE, Absence.CLEARED, Miss.STALE, Miss.FOREIGN))


@dataclass(eq=False, slots=True)
class Hydration:
    """How a batch of known versions fared: in L1 before, found in L2, or missing and why."""

    held: list[str] = field(default_factory=list)
    hydrated: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    cleared: set[str | None] = field(default_factory=set)  # since it began; None is everything

    def is_cleared(self, uniqueness: str) -> bool:
        """Whether what was read from L2 must not be used any more."""
        return uniqueness in self.cleared or None in self.cleared
