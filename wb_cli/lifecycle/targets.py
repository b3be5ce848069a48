"""Which instances a stop means: those of the registry file, and those that only the engine has."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.errors import UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import Observed
    from wb_cli.instances.settings import Settings
    from wb_cli.instances.store import Registry

ALL = "all"


def to_stop(
    words: Sequence[str], registry: Callable[[], Registry], settings: Settings, engine: Engine
) -> list[str]:
    """The ids that the words mean, sorted.

    An id that the engine has by label counts although the registry file does not know it (or
    cannot be read). ``all`` means the registry file's instances, and the containers made for it.

    Raises:
        UsageError: a word matches nothing, here or there.
    """
    from wb_cli.instances.selectors import select

    observe = cache(engine.observe)
    chosen: set[str] = set()
    for word in words:
        try:
            chosen |= {each.id for each in select([word], registry())}
        except WbError:
            running = instances_on(observe())
            if word not in running and word != ALL:
                raise
            chosen |= {word} & running
        if word == ALL:
            chosen |= instances_on(observe(), str(settings.servers_file))
    if not chosen:
        raise UsageError("nothing to stop: no instance is declared, and none is running")
    return sorted(chosen)


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
        and (not registry_file or is_same_registry(labels.get(LABEL_REGISTRY, ""), registry_file))
    }


def is_same_registry(one: str, other: str) -> bool:
    """Whether two paths lead to one registry file, through links and detours."""
    return one == other or os.path.realpath(one) == os.path.realpath(other)
