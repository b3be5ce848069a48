"""One writer per data folder: each start looks once more for other containers that mount it.

Two PostgreSQL servers on one folder both say that they are ready, and destroy the data. A look
before the start is not enough, because another command may look at the same moment. So each start
holds a lock on the folder from the look until the container has started.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import STOP_TIMEOUTS, Part
from wb_cli.engine.types import RestartPolicy, State
from wb_cli.errors import EngineError, NotFoundError, WbError
from wb_cli.host import folders
from wb_cli.lifecycle.machine.here import THIS_MACHINE
from wb_cli.lifecycle.planning.observed_instance import part_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.machine.base import Machine


class DataInUseError(WbError):
    """A container cannot be started, because another container has its data folder."""

    def __init__(self, folder: str, writer: ObservedContainer) -> None:
        super().__init__(describe_writer(folder, writer), suggest_way_out(writer))


class DataFolder(Struct, frozen=True):
    """The data folder of one part of an instance. ``path`` is empty if the part has none."""

    instance: str
    part: Part
    path: str


def start_alone(
    engine: Engine,
    container: str,
    folder: DataFolder,
    cancelled: threading.Event | None = None,
    machine: Machine | None = None,
) -> None:
    """Start a container, but only if no other container can write to its data folder.

    A second writer that belongs to the same part is stopped.

    Raises:
        DataInUseError: a container of another instance, or not of wb, has the folder.
        InterruptedError: the wait for the folder's lock was cancelled.
    """
    if not folder.path:
        engine.start(container)
        return
    machine = machine or (THIS_MACHINE if engine.is_local else None)
    with _locked(machine, folder.path, cancelled):
        for writer in find_writers(engine.list_containers(), folder, machine=machine):
            if writer.id == container:
                continue
            if writer.instance == folder.instance:
                _put_down(engine, writer)
            elif not _is_at_rest(engine, writer):
                raise DataInUseError(folder.path, writer)
        engine.start(container)


def find_writers(
    containers: Sequence[ObservedContainer], folder: DataFolder, *, machine: Machine | None
) -> Iterator[ObservedContainer]:
    """Find the containers that write to a data folder, or may do so at any moment.

    Other parts of the same instance may mount the folder, so they do not count. A container of the
    part itself counts in any state, because a killed command may have asked for its start.
    """
    written = [path for container in containers for path in container.writes_to]
    places = _locate([folder.path, *written], machine)
    place = places[folder.path]
    for container in containers:
        if container.instance == folder.instance and container.part != folder.part:
            continue
        may_write = container.is_active or container.state is State.CREATED
        if not (may_write or _is_owner(container, folder)):
            continue
        if any(place.overlaps(places[path]) for path in container.writes_to):
            yield container


def describe_writer(folder: str, writer: ObservedContainer) -> str:
    """Say which container has a data folder."""
    state = "in use by" if writer.is_active else f"claimed by ({writer.state})"
    return f"the folder {folder} is {state} the container {writer.name}"


def suggest_way_out(writer: ObservedContainer) -> str:
    """Say what to do about a container that has the data folder of another."""
    name, danger = writer.name, "two servers on one data folder destroy it."
    instance, part = writer.labelled_instance, writer.part
    if instance and part and writer.instance is None:
        own = part.container_name(instance)
        return (
            f"It bears the labels of {instance}'s {part} under another name. `docker rename {name} "
            f"{own}` gives it its name back, `docker rm -f {name}` removes it: {danger}"
        )
    if writer.is_active:
        return f"Stop it first (`docker stop {name}`): {danger}"
    return f"Remove it first (`docker rm {name}`): {danger}"


@contextmanager
def _locked(
    machine: Machine | None, folder: str, cancelled: threading.Event | None
) -> Iterator[None]:
    """Lock a folder, unless wb cannot look at its machine."""
    if machine is None:
        yield
        return

    def pause(seconds: float) -> None:
        if cancelled is None:
            time.sleep(seconds)
        elif cancelled.wait(seconds):
            raise InterruptedError(folder)

    with machine.folder_locked(Path(folder), pause):
        yield


def _locate(paths: list[str], machine: Machine | None) -> Mapping[str, folders.Place]:
    """Find the folders that paths lead to. Without a look at the machine, only paths are known."""
    if machine is None:
        return {path: folders.Place(path, None) for path in paths}
    return machine.locate(paths)


def _is_owner(container: ObservedContainer, folder: DataFolder) -> bool:
    """Whether a container has the labels of the folder's part, under any name."""
    return (container.labelled_instance, container.part) == (folder.instance, folder.part)


def _is_at_rest(engine: Engine, container: ObservedContainer) -> bool:
    """Whether a container was only created, and is not being started now.

    Such a container is no danger: the command that starts it will look for writers, too. A listing
    does not show a start that is under way, but ``inspect`` waits for the end of the start.
    """
    if container.state is not State.CREATED:
        return False
    try:
        return engine.inspect(container.id).state is State.CREATED
    except NotFoundError:
        return True


def _put_down(engine: Engine, container: ObservedContainer) -> None:
    """Stop a container so that the engine leaves it down. It may remove itself meanwhile."""
    with suppress(NotFoundError):
        if container.is_active:
            with suppress(EngineError):  # a container that runs with --rm has no policy
                engine.set_restart_policy(container.id, RestartPolicy.NO)
        engine.stop(container.id, STOP_TIMEOUTS[part_of(container)])
