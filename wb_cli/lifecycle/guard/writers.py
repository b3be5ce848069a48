"""One writer per data folder: at each start, all that mount the folder are looked at once more.

Two PostgreSQL servers on one folder both say that they are ready, and destroy it. A look before the
start is not enough: another command may look at the same moment. So a lock on the folder itself is
held from the look until the container has started.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import STOP_TIMEOUTS, Role
from wb_cli.engine.types import State
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
    """A container cannot be started, as another one has its data folder."""

    def __init__(self, folder: str, writer: ObservedContainer) -> None:
        super().__init__(in_use(folder, writer), way_out(writer))


class Part(Struct, frozen=True):
    """Which part of which instance has a data folder."""

    instance: str
    role: Role
    folder: str


def start_alone(
    engine: Engine, container: str, part: Part, cancelled: threading.Event | None = None
) -> None:
    """Start a container once nothing else can write to its data folder, if it has one.

    A second writer that belongs to the same part is stopped.

    Raises:
        DataInUseError: somebody else's container has the folder.
        InterruptedError: the wait for the folder's lock was cancelled.
    """
    if not part.folder:
        engine.start(container)
        return
    with _locked(engine, part.folder, cancelled):
        others = writers(engine.observe(), part, is_local=engine.is_local)
        for other in [each for each in others if each.id != container]:
            if other.instance == part.instance:
                _put_down(engine, other)
            elif not _is_at_rest(engine, other):
                raise DataInUseError(part.folder, other)
        engine.start(container)


def writers(observed: Observed, part: Part, *, is_local: bool) -> Iterator[ObservedContainer]:
    """The containers that write to a part's data folder, or that may at any moment.

    Other parts of the same instance may mount it, too. A container of the part itself counts in any
    state: a start that a killed command asked for may still be under way.
    """
    mine = _place(part.folder, is_local=is_local)
    for container in observed.containers:
        if container.instance == part.instance and container.role != part.role:
            continue
        if container.is_active or container.state is State.CREATED or _is_of(part, container):
            theirs = (_place(path, is_local=is_local) for path in container.writes_to)
            if any(mine.overlaps(place) for place in theirs):
                yield container


def in_use(folder: str, writer: ObservedContainer) -> str:
    """Who has a data folder, in words."""
    state = "in use by" if writer.is_active else f"claimed by ({writer.state})"
    return f"the folder {folder} is {state} the container {writer.name}"


def way_out(writer: ObservedContainer) -> str:
    """What an operator does about a container that has a data folder which is another's."""
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
    """The folder of a remote engine is out of reach: there the look alone has to do."""
    if not engine.is_local:
        yield
        return

    def pause(seconds: float) -> None:
        if cancelled and cancelled.wait(seconds):
            raise InterruptedError(folder)

    with folder_locked(Path(folder), pause):
        yield


def _place(path: str, *, is_local: bool) -> folders.Place:
    """Where a path leads; of a remote engine's folders only the name is known."""
    return folders.locate(path) if is_local else folders.Place(path, None)


def _is_of(part: Part, container: ObservedContainer) -> bool:
    """Whether it bears the labels of the part, under whatever name."""
    return (container.labelled_instance, container.role) == (part.instance, part.role)


def _is_at_rest(engine: Engine, container: ObservedContainer) -> bool:
    """Whether a container was made and is not being started: whoever starts it will look, too.

    A listing does not show a start that is under way; to inspect the container waits for its end.
    """
    if container.state is not State.CREATED:
        return False
    try:
        return engine.inspect(container.id).state is State.CREATED
    except NotFoundError:
        return True


def _put_down(engine: Engine, container: ObservedContainer) -> None:
    """Stop it such that the engine does not bring it back; it may remove itself meanwhile."""
    with suppress(NotFoundError):
        if container.is_active:
            with suppress(EngineError):  # one that runs with --rm has no policy
                engine.set_restart_policy(container.id, "no")
        engine.stop(container.id, STOP_TIMEOUTS[role_of(container)])
