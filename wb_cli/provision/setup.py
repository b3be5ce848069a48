"""Make a machine ready: look at it, and do the steps of the plan."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import EngineError, EngineUnreachableError, WbError
from wb_cli.host import engine_service, folders
from wb_cli.instances.files import write_atomically
from wb_cli.instances.host_settings.config_file import make_default_config_toml
from wb_cli.provision import build as provision
from wb_cli.provision.needs import NeededImage, list_needed_images
from wb_cli.provision.pull import pull_one
from wb_cli.provision.setup_plan import Machine, Step, Task
from wb_cli.provision.side_by_side import run_side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wb_cli.engine.base import Engine, ImageStore
    from wb_cli.engine.pull_progress import PullProgress
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.local_images import Recipe
    from wb_cli.instances.model import Instance
    from wb_cli.provision.build import Report


IMAGES_AT_A_TIME = 3
CONFIG_MODE = 0o600  # passwords may stand in it


class Setup(Struct, frozen=True):
    """Looks at a machine and sets it up. The engine may not run until a step has started it."""

    settings: Settings
    instances: Sequence[Instance]
    open_engine: Callable[[], Engine]
    open_images: Callable[[], ImageStore]

    def look(self) -> Machine:
        """Look what the machine has, and what is missing.

        If the engine is on another machine, so is the mount path. `wb run` makes the folders there.
        """
        engine, problem = self._name_engine()
        refusal = problem or EngineUnreachableError("")
        needed = list_needed_images(self.instances, self.settings)
        folders = [self.settings.servers_file.parent]
        if not engine or self.open_engine().is_local:
            folders.append(self.settings.mount_path)
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
        """Do the steps. Yield each when it ends, with a remark about it, or with its error.

        The images come last and side by side. An image that fails does not stop the others.

        Raises:
            WbError: another step failed. The steps after it cannot be done.
        """
        for step in steps:
            if step.image is None:
                self._prepare(step)
                yield step, ""
        of_images = {str(step): (step, step.image) for step in steps if step.image}
        jobs = {
            text: partial(self._obtain, image, report) for text, (_, image) in of_images.items()
        }
        for text, outcome in run_side_by_side(jobs, IMAGES_AT_A_TIME):
            yield of_images[text][0], outcome

    def _prepare(self, step: Step) -> None:
        if step.task is Task.INSTALL_ENGINE:
            engine_service.install()
        elif step.task is Task.START_ENGINE:
            engine_service.start(lambda: self._name_engine()[0] != "")
        elif step.task is Task.WRITE_CONFIG:
            text = make_default_config_toml()
            write_atomically(self.settings.config_file, text.encode(), mode=CONFIG_MODE)
        elif step.path:
            folders.create(step.path, (), {})

    def _name_engine(self) -> tuple[str, EngineUnreachableError | None]:
        """Name the engine that answers, or give the error if none does."""
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
        """Build an image if it is wb's own, or else pull it. Give a remark for the operator.

        If it cannot be pulled, build the one that can replace it.
        """
        images = self.open_images()
        if image.is_ours and image.recipe:
            return self._build(images, image.recipe, report)
        if images.find(image.reference):
            return ""  # it could not be seen while the engine did not run
        try:
            pull_one(
                images,
                image.reference,
                partial(_report_progress, report, image),
                self.settings.mirror,
            )
        except EngineError as error:
            if image.recipe is None:
                raise
            report(image.reference, f"cannot be pulled ({error.message})")
            return self._build(images, image.recipe, report)
        return ""

    def _build(self, images: ImageStore, recipe: Recipe, report: Report) -> str:
        if not provision.is_current(images, recipe):
            provision.build(images, recipe, mirror=self.settings.mirror, report=report)
        return provision.set_image_setting(recipe, self.settings, self.instances)


def _report_progress(report: Report, image: NeededImage, progress: PullProgress) -> None:
    report(image.reference, str(progress))
