"""Change several entries at once: all of them, or none. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.declaring.differences import Difference, find_differences, hide
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.instances.registry_file.store import RegistryEdit
from wb_cli.instances.selectors import select

Change = Callable[[Mapping[str, Any]], dict[str, Any]]


class Changed(Struct, frozen=True):
    """One instance before and after a change. ``before`` is ``None`` for a refused entry."""

    before: Instance | None
    after: Instance
    differences: tuple[Difference, ...]

    def as_document(self) -> dict[str, Any]:
        """Give the change for ``--json``."""
        changes = [difference.as_document() for difference in self.differences]
        return {"id": self.after.id, "changes": changes, "entry": hide(self.after.raw)}


def change_together(
    edit: RegistryEdit, selectors: Sequence[str], change: Change
) -> tuple[Changed, ...]:
    """Change every selected entry, refused ones too.

    Raises:
        UsageError: an instance cannot take the change. The error names each such instance. The
            caller then writes nothing.
    """
    before = {instance.id: instance for instance in edit.registry.instances}
    changed: list[Changed] = []
    failed: dict[str, UsageError] = {}
    ids = _list_ids(selectors, edit.registry)
    for id_ in ids:
        try:
            old = edit.copy_entry(id_)
            new = change(old)
            after = edit.replace(id_, new)
        except UsageError as error:
            failed[id_] = error
        else:
            changed.append(Changed(before.get(id_), after, tuple(find_differences(old, new))))
    if failed:
        raise _make_error(failed, len(ids))
    return tuple(changed)


def _list_ids(selectors: Sequence[str], registry: Registry) -> list[str]:
    selection = select(selectors, registry)
    for entry in selection.refused:
        if entry.id is None:
            raise entry.make_error()
    refused = [entry.id for entry in selection.refused if entry.id is not None]
    return list(dict.fromkeys([*(instance.id for instance in selection.instances), *refused]))


def _make_error(failed: Mapping[str, UsageError], count: int) -> UsageError:
    """Make one error of those of several instances. Errors that are all alike are told once."""
    first = next(iter(failed.values()))
    if len(failed) == count and len({error.message for error in failed.values()}) == 1:
        return first
    texts = [
        error.message if error.message.startswith(f"{id_}:") else f"{id_}: {error.message}"
        for id_, error in failed.items()
    ]
    who = f"{len(failed)} of {count} instances cannot take it, so nothing was changed"
    error = UsageError(f"{who}: {'; '.join(texts)}", first.hint)
    error.overview, error.details = who, tuple(texts)
    return error
