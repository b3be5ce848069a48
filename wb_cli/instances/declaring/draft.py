"""Judge an edited copy of the registry file: what it changes, and why it cannot be taken. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.declaring.comparison import Comparison, compare
from wb_cli.instances.declaring.merging import merge
from wb_cli.instances.registry_file.doubts import Doubt, find_doubts
from wb_cli.instances.registry_file.refused import RefusedEntry
from wb_cli.instances.registry_file.registry import Registry, judge
from wb_cli.instances.registry_file.store import parse_content, render_sorted
from wb_cli.instances.registry_file.text import Entry


class ConflictError(UsageError):
    """Somebody else changed what the operator changed, too.

    ``merged`` is a text in which the operator's values stand there, and all other changes of both.
    """

    def __init__(self, conflicts: Sequence[str], merged: bytes) -> None:
        super().__init__(
            f"somebody else has meanwhile changed the same: {'; '.join(conflicts)}",
            "Your copy now has their other changes, too, and your values there. "
            "Save it again to take yours.",
        )
        self.merged = merged


class Verdict(Struct, frozen=True):
    """A draft that can be taken: the content to write, what it changes, and what is doubtful."""

    content: bytes
    comparison: Comparison
    doubts: tuple[Doubt, ...]


def judge_draft(base: bytes | None, draft: bytes, present: bytes | None, where: str) -> Verdict:
    """Judge a draft of somebody who saw ``base``, now that the file is ``present``.

    Raises:
        ConflictError: both changed the same.
        UsageError: the draft cannot be read, or has a refused entry that was not there before.
    """
    ours = parse_content(draft, where)
    theirs = _read_or_forget(present)
    if present != base:
        ours = _merge(base, ours, present, where)
    registry = judge(ours)
    refuse_new_refusals(registry, judge(theirs), where)
    comparison = compare(theirs, ours)
    changed = {change.name for change in comparison.changes}
    doubts = tuple(each for each in find_doubts(ours) if each.id in changed)
    return Verdict(render_sorted(ours), comparison, doubts)


def judge_whole(content: bytes, present: bytes | None, where: str) -> Comparison:
    """Judge a content that is to replace the present one as it is.

    Raises:
        UsageError: it cannot be read, or has a refused entry that was not there before.
    """
    ours, theirs = parse_content(content, where), _read_or_forget(present)
    refuse_new_refusals(judge(ours), judge(theirs), where)
    return compare(theirs, ours)


def _merge(base: bytes | None, ours: list[Entry], present: bytes | None, where: str) -> list[Entry]:
    merged = merge(_read_or_forget(base), ours, parse_content(present, "as somebody left it"))
    if merged.conflicts:
        raise ConflictError(merged.conflicts, render_sorted(merged.entries))
    # Read it again, so that each entry has its line in the text that is written.
    return parse_content(render_sorted(merged.entries), where)


def refuse_new_refusals(registry: Registry, before: Registry, where: str) -> None:
    """Refuse a content with refused entries, unless the file has the same refused entries already.

    Raises:
        UsageError: an entry breaks a rule. The error names each with its line.
    """
    known = [entry.raw for entry in before.refused]
    new = [entry for entry in registry.refused if entry.raw not in known]
    if not new:
        return
    details = tuple(_describe(entry) for entry in new)
    count = "an entry breaks" if len(new) == 1 else f"{len(new)} entries break"
    error = UsageError(f"{where}: {'; '.join(details)}")
    error.overview, error.details = f"{where}: {count} a rule; nothing was written", details
    raise error


def _describe(entry: RefusedEntry) -> str:
    return "; ".join(entry.located_problems)


def _read_or_forget(content: bytes | None) -> list[Entry]:
    """Read a content; one that cannot be read has no entries that anybody could lose."""
    try:
        return parse_content(content, "")
    except UsageError:
        return []
