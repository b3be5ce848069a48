"""Say which command applies a changed declaration, and what is in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.engine.types import LABEL_DECLARED, LABEL_SPEC
from wb_cli.host import folders, ports
from wb_cli.lifecycle.planning.desired import choose_images, instance_path
from wb_cli.lifecycle.planning.missing_image import suggest_remedy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.planning.desired import Desired


def suggest_next_steps(fleet: Fleet, old: Instance | None, new: Instance) -> Iterator[str]:
    """Say what to do after an entry was changed, in one sentence per step.

    ``old`` is ``None`` if the entry was refused before.

    Raises:
        EngineUnreachableError: wb cannot tell whether the instance runs.
    """
    observed = fleet.engine.observe()
    is_running = any(
        container.instance == new.id and container.is_running for container in observed.containers
    )
    wanted = fleet.describe(new, create_secrets=False)
    before = fleet.describe(old, create_secrets=False) if old else None
    if before and _collect_labels(before) == _collect_labels(wanted):
        yield "nothing to do: no container sees this change"
        return
    yield from _find_obstacles(fleet, old, new)
    yield _name_command(new.id, before, wanted, is_running=is_running)


def find_busy_ports(old: Instance | None, new: Instance) -> Iterator[str]:
    """Find the instance's ports that are taken on this host. Its own old ports do not count."""
    mine = {old.port, old.postgres_port} if old else set()
    for port in (new.port, new.postgres_port):
        if port not in mine and not ports.is_free(port):
            yield f"port {port} is taken on this host now; `wb run {new.id}` needs it free"


def _find_obstacles(fleet: Fleet, old: Instance | None, new: Instance) -> Iterator[str]:
    for role, reference in choose_images(new, fleet.settings).items():
        if not fleet.engine.find_image(reference):
            yield (
                f"the image {reference} is not on this engine; "
                f"{suggest_remedy(new, role, reference).rstrip('.')}"
            )
    if fleet.engine.is_local:
        yield from find_busy_ports(old, new)
        folder = instance_path(new, fleet.settings)
        if folders.find_problem(folder) is folders.FolderProblem.MISSING:
            yield f"`wb init-dirs {new.id}` creates its folders"


def _name_command(
    instance_id: str, before: Desired | None, wanted: Desired, *, is_running: bool
) -> str:
    if not is_running:
        return f"`wb run {instance_id}` starts with it"
    if before and _collect_labels(before, LABEL_DECLARED) == _collect_labels(
        wanted, LABEL_DECLARED
    ):
        return f"`wb restart {instance_id}` applies it"
    return f"`wb run {instance_id}` applies it"


def _collect_labels(desired: Desired, *names: str) -> list[tuple[str, ...]]:
    """Collect the labels that differ if the containers are described differently."""
    wanted = names or (LABEL_DECLARED, LABEL_SPEC)
    return [(spec.name, *(spec.labels[name] for name in wanted)) for spec in desired.containers]
