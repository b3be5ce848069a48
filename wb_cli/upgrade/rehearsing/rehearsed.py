"""What came of a rehearsal."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from wb_cli.errors import ExitCode
from wb_cli.quantities import shorten_list
from wb_cli.upgrade.rehearsing.tally import count_all
from wb_cli.upgrade.upgraded import make_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wb_cli.upgrade.rehearsing.tally import Group
    from wb_cli.upgrade.target import Version

GROUPS_SHOWN, FOUND_SHOWN = 12, 5
SHORT = 8
# So much of an RFC 3339 time says the minute.
MINUTE = 16


class Ending(StrEnum):
    """How it ended. The value is shown in ``--json``."""

    SAME = "nothing differs"
    DIFFERS = "differs"
    UNKNOWN = "could not be compared"


class Rehearsed(Struct, frozen=True):
    """The result for one instance.

    ``backup`` and ``backup_time`` (RFC 3339) are of the backup that was cloned; ``is_proven`` says
    whether it was. ``compared`` is the number of results of the version from before, ``differing``
    of those that are not the same. ``unanswered`` names those of which the version from before
    gave none, because it failed. ``other_versions`` counts results whose data has another version
    now, so that the caches begin anew.
    """

    instance: str
    before: Version
    after: Version
    backup: str
    backup_time: str
    is_proven: bool
    compared: int
    differing: int
    groups: tuple[Group, ...] = ()
    unanswered: tuple[str, ...] = ()
    other_versions: int = 0
    seconds: float = 0.0

    @property
    def ending(self) -> Ending:
        """How it ended. Results that were not compared keep it from being the same."""
        if self.differing:
            return Ending.DIFFERS
        return Ending.UNKNOWN if self.unanswered or not self.compared else Ending.SAME

    @property
    def differences(self) -> int:
        """The number of differences."""
        return count_all(self.groups)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        codes = {Ending.SAME: ExitCode.OK, Ending.DIFFERS: ExitCode.DIFFERS}
        return codes.get(self.ending, ExitCode.FAILURE)

    def describe(self) -> str:
        """Describe it in lines: the sum, and each group with its first differences."""
        return "\n".join((self.summary, *self._describe_groups(), *self._describe_rest()))

    @property
    def summary(self) -> str:
        """Describe it in a line."""
        way = f"{self.before.describe()} -> {self.after.describe()}"
        proven = "proven" if self.is_proven else "not proven"
        on = f"on the backup {self.backup[:SHORT]} of {self.when} ({proven})"
        return f"{way}: {self.verdict}, {on} ({self.seconds:.1f} s)"

    @property
    def when(self) -> str:
        """When the backup was made, to the minute, as the repository has it."""
        return self.backup_time[:MINUTE].replace("T", " ")

    @property
    def verdict(self) -> str:
        """Say how many results are the same."""
        match self.ending:
            case Ending.SAME:
                return f"all {self.compared:,} results are the same"
            case Ending.DIFFERS:
                differ = "differs" if self.differing == 1 else "differ"
                values = "value" if self.differences == 1 else "values"
                return (
                    f"{self.differing:,} of {self.compared:,} results {differ}, "
                    f"in {self.differences:,} {values}"
                )
            case Ending.UNKNOWN if not self.compared:
                return "could not be compared: the version from before has no result"
            case Ending.UNKNOWN:
                return (
                    f"{self.compared:,} results are the same, "
                    f"and {len(self.unanswered):,} could not be compared"
                )

    def _describe_groups(self) -> Iterable[str]:
        for group in self.groups[:GROUPS_SHOWN]:
            yield f"  {group.describe()}"
            yield from (f"    {found.describe()}" for found in group.kept[:FOUND_SHOWN])
            if group.count > FOUND_SHOWN:
                yield f"    and {group.count - FOUND_SHOWN:,} more"
        if len(self.groups) > GROUPS_SHOWN:
            yield f"  and {len(self.groups) - GROUPS_SHOWN} more groups: see --json or --page"

    def _describe_rest(self) -> Iterable[str]:
        if self.unanswered:
            yield f"  the version from before gave no answer to {shorten_list(self.unanswered)}"
        if self.other_versions:
            yield (
                f"  the data of {self.other_versions:,} results has another version: they are "
                "computed anew after the upgrade"
            )

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "result": str(self.ending),
            "before": make_document(self.before),
            "after": make_document(self.after),
            "backup": self.backup,
            "backupTime": self.backup_time,
            "isProven": self.is_proven,
            "compared": self.compared,
            "differing": self.differing,
            "differences": self.differences,
            "groups": [_make_group(group) for group in self.groups],
            "unanswered": list(self.unanswered),
            "otherVersions": self.other_versions,
            "seconds": round(self.seconds, 3),
        }


def _make_group(group: Group) -> dict[str, Any]:
    return {
        "cause": str(group.cause),
        "detail": group.detail,
        "field": group.field,
        "count": group.count,
        "results": group.results,
        "shown": msgspec.to_builtins(group.kept),
    }


def combine(codes: Iterable[ExitCode]) -> ExitCode:
    """Give one exit code for all. Whatever failed is worse than what differs. Pure."""
    found = set(codes) - {ExitCode.OK}
    if not found:
        return ExitCode.OK
    return found.pop() if len(found) == 1 else ExitCode.PARTIAL
