"""Say which command applies a changed declaration, and what is in its way."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET
from wb_cli.engine.types import LABEL_DECLARED, LABEL_SPEC
from wb_cli.host import ports
from wb_cli.instances.registry_file.new_entry import FIRST_PORT
from wb_cli.lifecycle.guard import first_start
from wb_cli.lifecycle.planning.images import choose_images
from wb_cli.lifecycle.planning.missing_image import suggest_remedy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wb_cli.engine.types import Observed
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.planning.desired import Desired

# It stands for the ids of the instances for which a step is the same.
IDS = "<ids>"


# A site is nginx's, and no container sees it.
OF_SITE = f"`wb init-nginx {IDS}` has nginx use it"


def suggest_next_steps(
    fleet: Fleet,
    changed: Sequence[tuple[Instance | None, Instance]],
    words: Mapping[tuple[str, ...], str],
) -> Iterator[str]:
    """Say what to do after entries were changed, in one sentence per step.

    An entry that was refused before is ``None``. ``words`` are shorter words for several ids.

    Raises:
        EngineUnreachableError: wb cannot tell which instances run.
    """
    observed = fleet.engine.observe()
    running = {container.instance for container in observed.containers if container.is_running}
    obstacles: dict[str, list[str]] = {}
    commands: dict[str, list[str]] = {}
    for old, new in changed:
        wanted = fleet.describe(new, create_secrets=False)
        before = fleet.describe(old, create_secrets=False) if old else None
        if before and _collect_labels(before) == _collect_labels(wanted):
            if old and old.nginx_upstream != new.nginx_upstream:
                commands.setdefault(OF_SITE, []).append(new.id)
            continue
        for obstacle in _find_obstacles(fleet, old, new, observed):
            obstacles.setdefault(obstacle, []).append(new.id)
        command = _choose_command(before, wanted, is_running=new.id in running)
        commands.setdefault(command, []).append(new.id)
    for step, ids in [*obstacles.items(), *commands.items()]:
        yield step.replace(IDS, words.get(tuple(ids), " ".join(ids)))
    if not commands:
        yield "nothing to do: no container sees this change"


def find_busy_ports(old: Instance | None, new: Instance) -> Iterator[str]:
    """Find the instance's ports that are taken on this host. Its own old ports do not count."""
    mine = {old.port, old.postgres_port} if old else set()
    for port in (new.port, new.postgres_port):
        if port not in mine and not ports.is_free(port):
            yield f"port {port} is taken on this host now; `wb run {new.id}` needs it free"


def find_ephemeral_ports(old: Instance | None, new: Instance) -> Iterator[str]:
    """Find the instance's new ports that an outgoing connection of this host may hold at times."""
    mine = {old.port, old.postgres_port} if old else set()
    with suppress(OSError):  # a kernel without these settings
        range_ = ports.read_ephemeral_ports()
        for port in (new.port, new.postgres_port):
            if port not in mine and range_.has(port):
                yield (
                    f"port {port} lies among those of outgoing connections, {range_.first} to "
                    f"{range_.last}, so one may hold it when `wb run {new.id}` needs it; "
                    f"{FIRST_PORT} to {range_.first - POSTGRES_HOST_PORT_OFFSET - 1} are safe"
                )


def _find_obstacles(
    fleet: Fleet, old: Instance | None, new: Instance, observed: Observed
) -> Iterator[str]:
    """Find what is in the way of an instance. Where its id would stand, stands ``IDS``."""
    for part, reference in choose_images(new, fleet.settings).items():
        if not fleet.engine.find_image(reference):
            yield (
                f"the image {reference} is not on this engine; "
                f"{suggest_remedy(new, part, reference, IDS).rstrip('.')}"
            )
    if fleet.engine.is_local:
        yield from find_busy_ports(old, new)
        yield from find_ephemeral_ports(old, new)
        if first_start.look(fleet, new, observed) is first_start.DataState.LOST:
            yield f"`wb init-dirs {IDS}` creates the folders"


def _choose_command(before: Desired | None, wanted: Desired, *, is_running: bool) -> str:
    if not is_running:
        return f"`wb run {IDS}` starts with it"
    if before and _collect_labels(before, LABEL_DECLARED) == _collect_labels(
        wanted, LABEL_DECLARED
    ):
        return f"`wb restart {IDS}` applies it"
    return f"`wb run {IDS}` applies it"


def _collect_labels(desired: Desired, *names: str) -> list[tuple[str, ...]]:
    """Collect the labels that differ if the containers are described differently."""
    wanted = names or (LABEL_DECLARED, LABEL_SPEC)
    return [(spec.name, *(spec.labels[name] for name in wanted)) for spec in desired.containers]
