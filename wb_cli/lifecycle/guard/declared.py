"""Keep an instance declared while it has containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.errors import EngineUnreachableError, UsageError
from wb_cli.host.folders import is_same_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.engine.base import Engine
    from wb_cli.instances.settings import Settings


def refuse_while_present(
    instance_id: str, settings: Settings, open_engine: Callable[[], Engine]
) -> None:
    """Refuse to remove the entry of an instance that has containers.

    Without the entry, the operator would not find the containers by the instance's id any more.

    Raises:
        UsageError: the instance has containers, which were made for this registry file.
        EngineUnreachableError: wb cannot know whether it has containers.
    """
    ours = str(settings.servers_file)
    try:
        observed = open_engine().observe()
    except EngineUnreachableError as error:
        error.hint = (
            f"Whether {instance_id} has containers is not known. `wb config remove {instance_id} "
            "--force` takes the entry out without asking the engine."
        )
        raise
    names = [
        container.name
        for container in observed.containers
        if container.instance == instance_id
        and is_same_path(container.labels.get(LABEL_REGISTRY, ours), ours)
    ]
    if names:
        raise UsageError(
            f"{instance_id} has containers: {', '.join(names)}",
            f"Stop it first: `wb stop {instance_id}`.",
        )
