"""What wb doctor finds: each with its severity, its reason, and the command that mends it. Pure."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MACHINE = "machine"
# A command has these in the place of one id, or of the ids of all that have the same finding.
ID, IDS = "{id}", "{ids}"
# The operator chooses what stands in the place of this.
PLACEHOLDER = "..."
MOST_LINES = 2


class Severity(StrEnum):
    """How bad a finding is, the worst first. ``UNKNOWN``: wb could not look."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    NOTICE = "notice"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of ``wb doctor`` if this is the worst that it found."""
        return {
            Severity.CRITICAL: ExitCode.FAILURE,
            Severity.WARNING: ExitCode.DEGRADED,
            Severity.UNKNOWN: ExitCode.PARTIAL,
            Severity.NOTICE: ExitCode.OK,
        }[self]


class Sign(Struct, frozen=True):
    """What one check saw.

    ``command`` mends it, or is the first step; ``advice`` says what a command cannot. Both may have
    ``{id}`` in the place of an id, so that equal signs of several instances are found equal.
    ``subject`` is the id of an instance, the name of a container, or the machine.
    """

    severity: Severity
    what: str
    command: str
    advice: str = ""
    subject: str = MACHINE
    is_of_instance: bool = False


def of_instance(
    instance_id: str, severity: Severity, what: str, command: str, advice: str = ""
) -> Sign:
    """Make the sign of an instance."""
    return Sign(severity, what, command, advice, instance_id, is_of_instance=True)


class Finding(Struct, frozen=True):
    """A sign with the code of its check, and why it matters.

    Equal findings of several subjects are one finding with all their names.
    """

    code: str
    severity: Severity
    subjects: tuple[str, ...]
    what: str
    why: str
    command: str
    advice: str = ""

    @property
    def hint(self) -> str:
        """The advice. Where it is for several subjects, the operator puts in the id."""
        subject = self.subjects[0] if len(self.subjects) == 1 else "<id>"
        return self.advice.replace(ID, subject)

    @property
    def shown_commands(self) -> tuple[str, ...]:
        """The commands to copy from a terminal: one loop where there would be many lines."""
        if ID in self.command and len(self.subjects) > MOST_LINES:
            loop = f"for id in {' '.join(self.subjects)}; do {{}}; done"
            return (loop.format(self.command.replace(ID, "$id")),)
        return self.commands

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that mend it for all its subjects."""
        if ID in self.command:
            return tuple(self.command.replace(ID, subject) for subject in self.subjects)
        return (self.command.replace(IDS, " ".join(self.subjects)),)

    def as_document(self) -> dict[str, Any]:
        """The finding for ``--json``."""
        return {
            "code": self.code,
            "severity": self.severity,
            "subjects": list(self.subjects),
            "what": self.what,
            "why": self.why,
            "advice": self.hint or None,
            "commands": list(self.commands),
        }


def combine(findings: Iterable[Finding]) -> list[Finding]:
    """Make one of equal findings. The worst come first, then the machine's, then by code."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    first: dict[tuple[Any, ...], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.severity, finding.what, finding.command, finding.advice)
        first.setdefault(key, finding)
        names = groups.setdefault(key, [])
        names += [name for name in finding.subjects if name not in names]
    combined = [_with_subjects(first[key], tuple(names)) for key, names in groups.items()]
    return sorted(combined, key=_sort_key)


def _with_subjects(finding: Finding, subjects: tuple[str, ...]) -> Finding:
    return replace(finding, subjects=subjects)


def _sort_key(finding: Finding) -> tuple[int, bool, str, tuple[str, ...]]:
    rank = list(Severity).index(finding.severity)
    return (rank, finding.subjects != (MACHINE,), finding.code, finding.subjects)


def choose_exit_code(findings: Sequence[Finding]) -> ExitCode:
    """Choose the exit code by the worst finding."""
    found = {finding.severity for finding in findings}
    worst = next((severity for severity in Severity if severity in found), Severity.NOTICE)
    return worst.exit_code


def count_by_severity(findings: Iterable[Finding]) -> dict[Severity, int]:
    """Count the findings of each severity that there is, the worst first."""
    counts = Counter(finding.severity for finding in findings)
    return {severity: counts[severity] for severity in Severity if counts[severity]}
