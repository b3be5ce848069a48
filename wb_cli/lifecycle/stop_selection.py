"""Select the instances to stop: those of the registry file, and those that only the engine has."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.errors import WbError
from wb_cli.host.folders import is_same_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.engine.types import Observed
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.instances.registry_file.registry import Registry


class StopSelection(Struct, frozen=True):
    """The ids of the instances to stop, sorted, and the selected entries that are refused."""

    ids: list[str]
    refused: tuple[RefusedEntry, ...] = ()


class Listing(Protocol):
    """An engine, or the engines of several hosts."""

    def observe(self) -> Observed:
        """List what is there."""


def select_to_stop(
    selectors: Sequence[str], registry: Callable[[], Registry], settings: Settings, engine: Listing
) -> StopSelection:
    """Select the instances that the selectors name.

    An instance that the engine has can be named even if the registry file does not list it, or
    cannot be read. ``all`` means the instances of the registry file, and all containers made for
    this file. ``all`` may select nothing. An instance that runs is stopped even if its entry is
    refused.

    Raises:
        UsageError: a selector matches nothing, or only refused entries of which nothing runs.
    """
    from wb_cli.instances.selectors import ALL, Selection, select, select_everything

    observe = cache(engine.observe)

    def running(registry_file: str | None) -> set[str]:
        return find_instances(observe(), registry_file)

    ours = str(settings.servers_file)
    chosen: set[str] = set()
    refused: dict[int, RefusedEntry] = {}
    for selector in selectors:
        try:
            selection = (
                select_everything(registry()) if selector == ALL else select([selector], registry())
            )
        except WbError:
            on_engine = running(ours) if selector == ALL else {selector} & running(None)
            if not on_engine:
                raise
            chosen |= on_engine
            continue
        chosen |= {instance.id for instance in selection.instances}
        chosen |= running(ours) if selector == ALL else set()
        for entry in selection.refused:
            is_named = entry.id == selector
            is_there = entry.id in running(None if is_named else ours)
            chosen |= {str(entry.id)} if is_there else set()
            refused |= {} if is_named and is_there else {entry.index: entry}
    if not chosen:
        Selection((), tuple(refused.values())).require_instances()
    return StopSelection(sorted(chosen), tuple(refused.values()))


def find_instances(observed: Observed, registry_file: str | None = None) -> set[str]:
    """Find the instances that the engine has by label; with a ``registry_file``, only its own."""
    labelled = [
        *((container.instance, container.labels) for container in observed.containers),
        *((network.instance, network.labels) for network in observed.networks),
    ]
    return {
        instance
        for instance, labels in labelled
        if instance
        and (not registry_file or is_same_path(labels.get(LABEL_REGISTRY, ""), registry_file))
    }
