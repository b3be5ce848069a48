"""Which instances a stop means: those of the registry file, and those that only the engine has."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.errors import WbError
from wb_cli.host.folders import is_same_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import Observed
    from wb_cli.instances.refused import RefusedEntry
    from wb_cli.instances.registry import Registry
    from wb_cli.instances.settings import Settings


class ToStop(Struct, frozen=True):
    """The ids of the instances to stop, sorted, and the chosen entries that are refused."""

    ids: list[str]
    refused: tuple[RefusedEntry, ...] = ()


def to_stop(
    words: Sequence[str], registry: Callable[[], Registry], settings: Settings, engine: Engine
) -> ToStop:
    """What the words mean. Nothing is declared and nothing runs: ``all`` is nothing.

    An id that the engine has by label counts although the registry file does not know it (or
    cannot be read). ``all`` means the registry file's instances, and the containers made for it.
    An instance that runs is stopped although its entry is refused.

    Raises:
        UsageError: a word matches nothing, here or there; or only entries that are refused.
    """
    from wb_cli.instances.selectors import ALL, Selection, select, select_everything

    observe = cache(engine.observe)

    def running(registry_file: str | None) -> set[str]:
        return instances_on(observe(), registry_file)

    ours = str(settings.servers_file)
    chosen: set[str] = set()
    refused: dict[int, RefusedEntry] = {}
    for word in words:
        try:
            selection = select_everything(registry()) if word == ALL else select([word], registry())
        except WbError:
            found = running(ours) if word == ALL else {word} & running(None)
            if not found:
                raise
            chosen |= found
            continue
        chosen |= {instance.id for instance in selection.instances}
        chosen |= running(ours) if word == ALL else set()
        for entry in selection.refused:
            is_named = entry.id == word
            is_there = entry.id in running(None if is_named else ours)
            chosen |= {str(entry.id)} if is_there else set()
            refused |= {} if is_named and is_there else {entry.index: entry}
    if not chosen:
        Selection((), tuple(refused.values())).require_instances()
    return ToStop(sorted(chosen), tuple(refused.values()))


def instances_on(observed: Observed, registry_file: str | None = None) -> set[str]:
    """The instances that the engine has by label; those of one registry file where one is named."""
    labelled = [
        *((each.instance, each.labels) for each in observed.containers),
        *((each.instance, each.labels) for each in observed.networks),
    ]
    return {
        instance
        for instance, labels in labelled
        if instance
        and (not registry_file or is_same_path(labels.get(LABEL_REGISTRY, ""), registry_file))
    }
