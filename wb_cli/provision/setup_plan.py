"""What a machine still lacks before wb can work on it. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from wb_cli.errors import EngineUnreachableError
from wb_cli.provision.needs import NeededImage


class Task(StrEnum):
    """What set-up can do, in the words that announce it."""

    INSTALL_ENGINE = "install the Docker Engine"
    START_ENGINE = "start the Docker Engine"
    CREATE_FOLDER = "create the folder"
    WRITE_CONFIG = "write"
    BUILD_IMAGE = "build the image"
    GET_IMAGE = "get the image"


class Step(Struct, frozen=True):
    """One thing to do, and what it is done to."""

    task: Task
    path: Path | None = None
    image: NeededImage | None = None

    def __str__(self) -> str:
        """The step as it is announced."""
        if self.path:
            return f"{self.task} {self.path}"
        if self.image is None:
            return str(self.task)
        fallback = self.image.recipe if self.task is Task.GET_IMAGE else None
        otherwise = f" (pull it, else build {fallback.tag})" if fallback else ""
        return f"{self.task} {self.image.reference}{otherwise}"


class Machine(Struct, frozen=True):
    """What was found. ``engine`` says which one answers, ``problem`` why none does.

    ``is_absent`` says that there is none, so that one may be brought about.
    """

    engine: str
    problem: str
    remedy: str
    is_absent: bool
    has_engine_installed: bool
    missing_folders: tuple[Path, ...]
    missing_config: Path | None
    missing_images: tuple[NeededImage, ...]


def setup_plan(machine: Machine, *, install_engine: bool) -> tuple[Step, ...]:
    """The steps that make the machine ready; none where it is.

    Raises:
        EngineUnreachableError: there is no engine, and it may not, or cannot, be brought about.
    """
    folders = tuple(Step(Task.CREATE_FOLDER, path=path) for path in machine.missing_folders)
    config = (
        (Step(Task.WRITE_CONFIG, path=machine.missing_config),) if machine.missing_config else ()
    )
    return (*_engine(machine, install_engine), *folders, *config, *_images(machine.missing_images))


def _engine(machine: Machine, install_engine: bool) -> tuple[Step, ...]:  # noqa: FBT001
    if machine.engine:
        return ()
    if not (machine.is_absent and install_engine):
        raise EngineUnreachableError(machine.problem, machine.remedy, is_absent=machine.is_absent)
    start = Step(Task.START_ENGINE)
    return (start,) if machine.has_engine_installed else (Step(Task.INSTALL_ENGINE), start)


def _images(missing: Sequence[NeededImage]) -> tuple[Step, ...]:
    return tuple(
        Step(Task.BUILD_IMAGE if image.is_ours else Task.GET_IMAGE, image=image)
        for image in missing
    )
