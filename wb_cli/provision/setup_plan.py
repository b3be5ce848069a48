"""Plan the steps that a machine needs before wb can work on it. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from wb_cli.errors import EngineUnreachableError
from wb_cli.provision.needs import NeededImage


class Task(StrEnum):
    """What set-up can do. The value is the text that announces it."""

    INSTALL_ENGINE = "install the Docker Engine"
    START_ENGINE = "start the Docker Engine"
    CREATE_FOLDER = "create the folder"
    WRITE_CONFIG = "write"
    BUILD_IMAGE = "build the image"
    GET_IMAGE = "get the image"


class Step(Struct, frozen=True):
    """One task, and the path or image that it concerns."""

    task: Task
    path: Path | None = None
    image: NeededImage | None = None

    def __str__(self) -> str:
        """The text that announces the step."""
        if self.path:
            return f"{self.task} {self.path}"
        if self.image is None:
            return str(self.task)
        fallback = self.image.recipe if self.task is Task.GET_IMAGE else None
        otherwise = f" (pull it, else build {fallback.tag})" if fallback else ""
        return f"{self.task} {self.image.reference}{otherwise}"


class Machine(Struct, frozen=True):
    """The state of a machine.

    ``engine`` names the engine that answers; ``problem`` says why none does. ``is_absent`` says
    that there is no engine, so that wb may install or start one.
    """

    engine: str
    problem: str
    remedy: str
    is_absent: bool
    has_engine_installed: bool
    missing_folders: tuple[Path, ...]
    missing_config: Path | None
    missing_images: tuple[NeededImage, ...]


def plan_setup(machine: Machine, *, install_engine: bool) -> tuple[Step, ...]:
    """Plan the steps that make the machine ready. There are none if it is ready.

    Raises:
        EngineUnreachableError: no engine answers, and wb may not or cannot install or start one.
    """
    folders = tuple(Step(Task.CREATE_FOLDER, path=path) for path in machine.missing_folders)
    config = (
        (Step(Task.WRITE_CONFIG, path=machine.missing_config),) if machine.missing_config else ()
    )
    return (
        *_plan_engine(machine, install_engine),
        *folders,
        *config,
        *_plan_images(machine.missing_images),
    )


def _plan_engine(machine: Machine, install_engine: bool) -> tuple[Step, ...]:  # noqa: FBT001
    if machine.engine:
        return ()
    if not (machine.is_absent and install_engine):
        raise EngineUnreachableError(machine.problem, machine.remedy, is_absent=machine.is_absent)
    start = Step(Task.START_ENGINE)
    return (start,) if machine.has_engine_installed else (Step(Task.INSTALL_ENGINE), start)


def _plan_images(missing: Sequence[NeededImage]) -> tuple[Step, ...]:
    return tuple(
        Step(Task.BUILD_IMAGE if image.is_ours else Task.GET_IMAGE, image=image)
        for image in missing
    )
