"""Make a machine ready: look at it, and do the steps of the plan."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import EngineError, EngineUnreachableError, WbError
from wb_cli.host import engine_service, folders
from wb_cli.instances.config_file import make_default_config_toml
from wb_cli.instances.files import write_atomically
from wb_cli.provision import build as provision
from wb_cli.provision.needs import NeededImage, needed_images
from wb_cli.provision.pull import pull_one
from wb_cli.provision.setup_plan import Machine, Step, Task
from wb_cli.provision.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wb_cli.engine.base import Engine, ImageStore
    from wb_cli.engine.pull_progress import PullProgress
    from wb_cli.instances.local_images import Recipe
    from wb_cli.instances.model import Instance
    from wb_cli.instances.settings import Settings
    from wb_cli.provision.build import Report


IMAGES_AT_A_TIME = 3
CONFIG_MODE = 0o600  # passwords may stand in it


class Setup(Struct, frozen=True):
    """What set-up works with; the engine may only be there once it was started."""

    settings: Settings
    instances: Sequence[Instance]
    open_engine: Callable[[], Engine]
    open_images: Callable[[], ImageStore]

    def look(self) -> Machine:
        """What is there, and what is missing."""
        engine, problem = self._engine()
        refusal = problem or EngineUnreachableError("")
        needed = needed_images(self.instances, self.settings)
        folders = (self.settings.servers_file.parent, self.settings.mount_path)
        config = self.settings.config_file
        return Machine(
            engine=engine,
            problem=refusal.message,
            remedy=refusal.hint,
            is_absent=refusal.is_absent,
            has_engine_installed=engine_service.is_installed(),
            missing_folders=tuple(path for path in dict.fromkeys(folders) if not path.is_dir()),
            missing_config=None if config.exists() else config,
            missing_images=tuple(image for image in needed if not (engine and self._has(image))),
        )

    def do(self, steps: Sequence[Step], report: Report) -> Iterator[tuple[Step, str | WbError]]:
        """Do the steps; yield each as it ends, with what is to be said of it, or its error.

        The images come last and side by side, and one that fails leaves the others alone.

        Raises:
            WbError: another step failed, and what comes after it cannot be done.
        """
        for step in steps:
            if step.image is None:
                self._prepare(step)
                yield step, ""
        of_images = {str(step): (step, step.image) for step in steps if step.image}
        jobs = {
            text: partial(self._obtain, image, report) for text, (_, image) in of_images.items()
        }
        for text, outcome in side_by_side(jobs, IMAGES_AT_A_TIME):
            yield of_images[text][0], outcome

    def _prepare(self, step: Step) -> None:
        if step.task is Task.INSTALL_ENGINE:
            engine_service.install()
        elif step.task is Task.START_ENGINE:
            engine_service.start(lambda: self._engine()[0] != "")
        elif step.task is Task.WRITE_CONFIG:
            text = make_default_config_toml()
            write_atomically(self.settings.config_file, text.encode(), mode=CONFIG_MODE)
        elif step.path:
            folders.create(step.path, (), {})

    def _engine(self) -> tuple[str, EngineUnreachableError | None]:
        """Which engine answers, or why none does."""
        try:
            info = self.open_engine().read_info()
        except EngineUnreachableError as error:
            return "", error
        return f"Docker Engine {info.version} at {info.endpoint}", None

    def _has(self, image: NeededImage) -> bool:
        images = self.open_images()
        if image.is_ours and image.recipe:
            return provision.is_current(images, image.recipe)
        return images.find(image.reference) is not None

    def _obtain(self, image: NeededImage, report: Report) -> str:
        """Have an image: built where it is ours, else pulled, else what can stand in is built."""
        images = self.open_images()
        if image.is_ours and image.recipe:
            return self._build(images, image.recipe, report)
        if images.find(image.reference):
            return ""  # where no engine answered before, nobody could tell
        try:
            pull_one(images, image.reference, partial(_say, report, image), self.settings.mirror)
        except EngineError as error:
            if image.recipe is None:
                raise
            report(image.reference, f"cannot be pulled ({error.message})")
            return self._build(images, image.recipe, report)
        return ""

    def _build(self, images: ImageStore, recipe: Recipe, report: Report) -> str:
        if not provision.is_current(images, recipe):
            provision.build(images, recipe, mirror=self.settings.mirror, report=report)
        return provision.use(recipe, self.settings, self.instances)


def _say(report: Report, image: NeededImage, progress: PullProgress) -> None:
    report(image.reference, str(progress))
