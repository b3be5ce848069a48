"""The results of filling L1 from L2 in batches, and of asking where a thing is stored."""

from dataclasses import dataclass, field
from enum import StrEnum

from wb_cli.server.cache.remote import Absence


class Status(StrEnum):
    """Where a thing is stored, in the version that was asked for."""

    L1 = "l1"
    L2 = "l2"
    LOADING = "loading"
    STALE = "stale"
    ABSENT = "absent"


class Miss(StrEnum):
    """Why an entry could not be used, besides the reasons of L2 itself."""

    STALE = "stale"
    FOREIGN = "foreign_fingerprint"
    NOT_PERSISTED = "not_persisted"
    UNSETTLED = "unsettled"


# These reasons say what L2 holds. The other reasons say that L2 could not be asked.
LOOKED = frozenset((Absence.NONE, Absence.GARBAGE, Absence.CLEARED, Miss.STALE, Miss.FOREIGN))


@dataclass(eq=False, slots=True)
class Hydration:
    """Which versions were in L1 before, which came from L2, and which are missing and why."""

    held: list[str] = field(default_factory=list)
    hydrated: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    # Cleared since the hydration began, so that an entry from L2 must not be used.
    cleared: set[str] = field(default_factory=set)
