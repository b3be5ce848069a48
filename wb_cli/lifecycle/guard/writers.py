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

from wb_cli.contract import STOP_TIMEOUTS, Role
from wb_cli.engine.types import RestartPolicy, State
from wb_cli.errors import EngineError, NotFoundError, WbError
from wb_cli.host import folders
from wb_cli.lifecycle.guard.folder_lock import folder_locked
from wb_cli.lifecycle.planning.observed_instance import role_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import Observed, ObservedContainer


class DataInUseError(WbError):
    """A container cannot be started, because another container has its data folder."""

    def __init__(self, folder: str, writer: ObservedContainer) -> None:
        super().__init__(describe_writer(folder, writer), suggest_way_out(writer))


class DataFolder(Struct, frozen=True):
    """The data folder of one part of an instance. ``path`` is empty if the part has none."""

    instance: str
    role: Role
    path: str


def start_alone(
    engine: Engine, container: str, folder: DataFolder, cancelled: threading.Event | None = None
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
    with _locked(engine, folder.path, cancelled):
        for writer in find_writers(engine.observe(), folder, is_local=engine.is_local):
            if writer.id == container:
                continue
            if writer.instance == folder.instance:
                _put_down(engine, writer)
            elif not _is_at_rest(engine, writer):
                raise DataInUseError(folder.path, writer)
        engine.start(container)


def find_writers(
    observed: Observed, folder: DataFolder, *, is_local: bool
) -> Iterator[ObservedContainer]:
    """Find the containers that write to a data folder, or may do so at any moment.

    Other parts of the same instance may mount the folder, so they do not count. A container of the
    part itself counts in any state, because a killed command may have asked for its start.
    """
    place = _locate(folder.path, is_local=is_local)
    for container in observed.containers:
        if container.instance == folder.instance and container.role != folder.role:
            continue
        if container.is_active or container.state is State.CREATED or _is_owner(container, folder):
            written = (_locate(path, is_local=is_local) for path in container.writes_to)
            if any(place.overlaps(other) for other in written):
                yield container


def describe_writer(folder: str, writer: ObservedContainer) -> str:
    """Say which container has a data folder."""
    state = "in use by" if writer.is_active else f"claimed by ({writer.state})"
    return f"the folder {folder} is {state} the container {writer.name}"


def suggest_way_out(writer: ObservedContainer) -> str:
    """Say what to do about a container that has the data folder of another."""
    name, danger = writer.name, "two servers on one data folder destroy it."
    instance, role = writer.labelled_instance, writer.role
    if instance and role and writer.instance is None:
        own = role.container_name(instance)
        return (
            f"It bears the labels of {instance}'s {role} under another name. `docker rename {name} "
            f"{own}` gives it its name back, `docker rm -f {name}` removes it: {danger}"
        )
    if writer.is_active:
        return f"Stop it first (`docker stop {name}`): {danger}"
    return f"Remove it first (`docker rm {name}`): {danger}"


@contextmanager
def _locked(engine: Engine, folder: str, cancelled: threading.Event | None) -> Iterator[None]:
    """Lock a folder. The folder of a remote engine cannot be locked from here."""
    if not engine.is_local:
        yield
        return

    def pause(seconds: float) -> None:
        if cancelled is None:
            time.sleep(seconds)
        elif cancelled.wait(seconds):
            raise InterruptedError(folder)

    with folder_locked(Path(folder), pause):
        yield


def _locate(path: str, *, is_local: bool) -> folders.Place:
    """Find the folder that a path leads to. On a remote engine only the path is known."""
    return folders.locate(path) if is_local else folders.Place(path, None)


def _is_owner(container: ObservedContainer, folder: DataFolder) -> bool:
    """Whether a container has the labels of the folder's part, under any name."""
    return (container.labelled_instance, container.role) == (folder.instance, folder.role)


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
        engine.stop(container.id, STOP_TIMEOUTS[role_of(container)])
