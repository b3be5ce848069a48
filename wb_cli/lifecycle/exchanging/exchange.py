"""Move the folders of a restore, and put in order what a restore that was cut off has left."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.engine.task import LABEL_TASK, TaskMount, TaskSpec
from wb_cli.engine.types import State
from wb_cli.errors import EngineError, WbError
from wb_cli.lifecycle.exchanging import upgraded_images
from wb_cli.lifecycle.guard import half_restored
from wb_cli.lifecycle.guard.half_restored import Left
from wb_cli.lifecycle.planning.desired import instance_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

INSIDE = "/instance"
PURPOSE = "restore"
BACK = "back"
# What is left of a killed command ends at once. A slow disk may take its time.
ENDS_WITHIN_S, LOOKS_EVERY_S = 60.0, 0.1
# What settles each state: the words for the script, and what is said then.
WAYS = {
    Left.FETCHED: (("discard",), "what it had fetched was removed"),
    Left.HALF_IN: ((BACK,), "the folders from before are back"),
    Left.HALF_IN_ALONE: (("in", "accept"), "the restored folders are in their place now"),
    Left.HALF_BACK: ((BACK,), "the folders from before are back"),
    Left.REMAINS: (("accept",), ""),
}
# In these states folders of an instance are moved, so no container may have them.
MOVED = {Left.HALF_IN, Left.HALF_IN_ALONE, Left.HALF_BACK}


class Exchange(Struct):
    """The exchange of an instance's folders. The caller has the instance's lock.

    The instance is another one afterwards if the exchange declared another image of PostgreSQL.
    """

    fleet: Fleet
    instance: Instance

    @property
    def root(self) -> Path:
        """The instance's own folder."""
        return instance_path(self.instance, self.fleet.settings)

    def look(self) -> Left:
        """Look what a restore left. Where wb cannot look, nothing is known, and nothing done."""
        machine = self.fleet.machine
        return half_restored.look(machine, self.root) if machine else Left.NOTHING

    def settle(self, options: RunOptions, stop: Callable[[], object]) -> Left:
        """Finish or undo what a restore that was cut off has begun, and say which.

        Gives what it has left standing: nothing, fetched folders without any other database, or
        the folders from before a restore that ended.
        """
        while (left := self.look()) in WAYS:
            verbs, done = WAYS[left]
            if left in MOVED:
                stop()
            for verb in verbs:
                if verb == BACK:
                    self.go_back()
                else:
                    self.move(verb)
            if done:
                options.tell(f"{left.value}; {done}")
        return left

    def go_back(self) -> None:
        """Bring the folders from before back, and before that the image that they need."""
        self._correct_image(goes_back=True)
        self.move(BACK)

    def correct_image(self, *, dry_run: bool = False) -> None:
        """Declare the image that the folders of an upgrade need, if wb was killed before that."""
        self._correct_image(goes_back=False, dry_run=dry_run)

    def _correct_image(self, *, goes_back: bool, dry_run: bool = False) -> None:
        machine = self.fleet.machine
        images = upgraded_images.read(machine, self.root) if machine else None
        declared = self.instance.postgres_image or ""
        image = images.find_correction(declared, goes_back=goes_back) if images else None
        if image is None:
            return
        if dry_run:
            self.instance = replace(self.instance, postgres_image=image or None)
        else:
            self.instance = upgraded_images.declare(self.fleet, self.instance, image)

    def move(self, verb: str) -> None:
        """Move folders in a container: they belong to other users, and may be elsewhere."""
        self._wait_for_others()
        script = files("wb_cli.lifecycle.exchanging").joinpath("exchange.sh").read_text()
        spec = TaskSpec(
            purpose=PURPOSE,
            image=self.find_image(),
            command=("sh", "-c", script, "exchange", verb),
            mounts=(TaskMount(str(self.root), INSIDE, is_read_only=False),),
            labels=self.fleet.settings.labels,
        )
        end = self.fleet.engine.run_task(spec, lambda _: None, threading.Event())
        if end.code:
            raise WbError(
                f"the folders of {self.instance.id} could not be moved: "
                f"{'; '.join(end.complaints)}",
                f"Once that is mended, `wb run {self.instance.id}` puts it in order.",
            )

    def find_image(self) -> str:
        """Name the image of the instance's PostgreSQL."""
        wanted = self.fleet.describe(self.instance, create_secrets=False)
        return next(spec.image for spec in wanted.containers if spec.part is contract.Part.POSTGRES)

    def _wait_for_others(self) -> None:
        """Wait until the containers of a killed restore have ended: they move the same folders.

        One that was not started yet is removed. Who made it has lost the instance's lock.
        """
        deadline = time.monotonic() + ENDS_WITHIN_S
        while others := [
            container
            for container in self.fleet.engine.observe().containers
            if moves_folders_of(self.root, container)
        ]:
            for container in others:
                if container.state is State.CREATED:
                    with suppress(EngineError):  # it may run by now
                        self.fleet.engine.remove_container(container.id)
            if time.monotonic() > deadline:
                raise WbError(
                    f"the container {others[0].name} of an earlier restore still works on the "
                    f"folders of {self.instance.id}",
                    f"`docker rm -f {others[0].name}` ends it.",
                )
            time.sleep(LOOKS_EVERY_S)


def moves_folders_of(root: Path, container: ObservedContainer) -> bool:
    """Whether a container was made by a restore to work on the folder of an instance. Pure."""
    inside = f"{root}/"
    return container.labels.get(LABEL_TASK) == PURPOSE and any(
        f"{path}/".startswith(inside) for path in container.writes_to
    )


def settle_before_start(
    fleet: Fleet, instance: Instance, options: RunOptions, stop: Callable[[], object]
) -> Instance:
    """Put in order what a restore has left, before the instance starts. Give what it is then.

    A dry run only says it. Where folders were being moved, its preflight says it.

    Raises:
        WbError: the instance has no database but the one that was being fetched.
    """
    exchange = Exchange(fleet, instance)
    left = exchange.look()
    if left is Left.NOTHING:
        return instance
    if not options.dry_run:
        left = exchange.settle(options, stop)
    remedy = half_restored.suggest(left, instance.id)
    if left is Left.FETCHED_ALONE:
        raise WbError(f"{left.value}, and {instance.id} has no other database", remedy)
    if left is Left.FETCHED:
        options.tell(f"{left.value}; what it had fetched would be removed")
    if left is Left.KEPT:
        exchange.correct_image(dry_run=options.dry_run)
        options.tell(f"{left.value}: {remedy}")
    if fleet.machine and not options.dry_run:  # the cache's was put away
        fleet.machine.create(exchange.root, contract.FOLDERS, contract.FOLDER_MODES)
    return exchange.instance
