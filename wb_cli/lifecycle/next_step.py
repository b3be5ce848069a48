"""After a changed declaration: which command applies it, and what is in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.engine.types import LABEL_DECLARED, LABEL_SPEC
from wb_cli.host import folders, ports
from wb_cli.lifecycle.planning.desired import images, instance_path
from wb_cli.lifecycle.planning.missing_image import remedy_of_missing_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.planning.desired import Desired


def next_steps(fleet: Fleet, old: Instance | None, new: Instance) -> Iterator[str]:
    """What to do about a changed entry, a sentence each. ``old`` is None where it was refused.

    Raises:
        EngineUnreachableError: whether the instance runs is not known.
    """
    observed = fleet.engine.observe()
    is_running = any(each.instance == new.id and each.is_running for each in observed.containers)
    wanted = fleet.desired(new, create_secrets=False)
    before = fleet.desired(old, create_secrets=False) if old else None
    if before and _labels(before) == _labels(wanted):
        yield "nothing to do: no container sees this change"
        return
    yield from _obstacles(fleet, old, new)
    yield _command(new.id, before, wanted, is_running=is_running)


def busy_ports(old: Instance | None, new: Instance) -> Iterator[str]:
    """The instance's ports that are taken on this host, but for those that it had itself."""
    mine = {old.port, old.postgres_port} if old else set()
    for port in (new.port, new.postgres_port):
        if port not in mine and not ports.is_free(port):
            yield f"port {port} is taken on this host now; `wb run {new.id}` needs it free"


def _obstacles(fleet: Fleet, old: Instance | None, new: Instance) -> Iterator[str]:
    for role, reference in images(new, fleet.settings).items():
        if not fleet.engine.find_image(reference):
            yield (
                f"the image {reference} is not on this engine; "
                f"{remedy_of_missing_image(new, role, reference).rstrip('.')}"
            )
    if fleet.engine.is_local:
        yield from busy_ports(old, new)
        folder = instance_path(new, fleet.settings)
        if folders.find_problem(folder) is folders.FolderProblem.MISSING:
            yield f"`wb init-dirs {new.id}` creates its folders"


def _command(instance_id: str, before: Desired | None, wanted: Desired, *, is_running: bool) -> str:
    if not is_running:
        return f"`wb run {instance_id}` starts with it"
    if before and _labels(before, LABEL_DECLARED) == _labels(wanted, LABEL_DECLARED):
        return f"`wb restart {instance_id}` applies it"
    return f"`wb run {instance_id}` applies it"


def _labels(desired: Desired, *names: str) -> list[tuple[str, ...]]:
    """What tells one description of the containers from another."""
    wanted = names or (LABEL_DECLARED, LABEL_SPEC)
    return [(spec.name, *(spec.labels[name] for name in wanted)) for spec in desired.containers]
