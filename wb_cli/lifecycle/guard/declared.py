"""Keep an instance declared while it has containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.errors import EngineUnreachableError, UsageError
from wb_cli.host.folders import is_same_path
from wb_cli.instances.hosts import CHOSEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import Observed, ObservedContainer
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.registry import Registry


def refuse_while_present(
    instance_id: str, settings: Settings, open_engine: Callable[[], Engine]
) -> None:
    """Refuse to remove the entry of an instance that has containers.

    Without the entry, the operator would not find the containers by the instance's id any more.

    Raises:
        UsageError: the instance has containers, which were made for this registry file.
        EngineUnreachableError: wb cannot know whether it has containers.
    """
    try:
        observed = open_engine().observe()
    except EngineUnreachableError as error:
        error.hint = (
            f"Whether {instance_id} has containers is not known. `wb config remove {instance_id} "
            "--force` takes the entry out without asking the engine."
        )
        raise
    if names := _name_containers(instance_id, observed, settings):
        raise UsageError(
            f"{instance_id} has containers: {', '.join(names)}",
            f"Stop it first: `wb stop {instance_id}`.",
        )


def refuse_move(
    old: Instance, new: Instance, settings: Settings, open_engine: Callable[[], Engine]
) -> None:
    """Refuse another host for an instance that has containers on its present one.

    Otherwise it would run twice after the next start, once on each host.

    Raises:
        UsageError: it has containers there.
        EngineUnreachableError: wb cannot know whether it has. But if this machine has no engine,
            it has none.
    """
    there, goal = old.host or CHOSEN, new.host or CHOSEN
    try:
        observed = open_engine().observe()
    except EngineUnreachableError as error:
        if error.is_absent and old.host is None:
            return
        error.hint = (
            f"Whether {new.id} has containers on {there} is not known, so its host was not "
            "changed. If that host is gone for good, `wb config edit --force` does not ask it."
        )
        raise
    if names := _name_containers(new.id, observed, settings):
        raise UsageError(
            f"{new.id} has containers on {there}: {', '.join(names)}; wb does not move it to "
            f"{goal}",
            f"Stop it first: `wb stop {new.id}`. Then change its host, and copy its folders.",
        )


def find_containers(
    instance_id: str, observed: Observed, settings: Settings
) -> list[ObservedContainer]:
    """Find the containers of an instance that were made for this registry file."""
    ours = str(settings.servers_file)
    return [
        container
        for container in observed.containers
        if container.instance == instance_id and _is_of(container, ours)
    ]


def _name_containers(instance_id: str, observed: Observed, settings: Settings) -> list[str]:
    return [container.name for container in find_containers(instance_id, observed, settings)]


def find_undeclared(registry: Registry, observed: Observed, settings: Settings) -> list[str]:
    """Find the instances that have containers of this registry file and no entry in it."""
    ours = str(settings.servers_file)
    known = {*registry.ids(), *(entry.id for entry in registry.refused)}
    present = {
        container.instance
        for container in observed.containers
        if container.instance and LABEL_REGISTRY in container.labels and _is_of(container, ours)
    }
    return sorted(present - known)


def _is_of(container: ObservedContainer, registry_file: str) -> bool:
    return is_same_path(container.labels.get(LABEL_REGISTRY, registry_file), registry_file)
