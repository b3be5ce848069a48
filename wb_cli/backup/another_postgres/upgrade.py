"""Bring another PostgreSQL under a running instance.

The same major version is another image and a restart. Another one is ``major.py``.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.backup.another_postgres.major import Major
from wb_cli.backup.another_postgres.target import Step, choose_step
from wb_cli.backup.another_postgres.upgraded import Ending, Upgraded
from wb_cli.backup.copying.counting import MAINTENANCE, VERSION, Postgres
from wb_cli.backup.make import SIZE
from wb_cli.backup.restoring.replacing import Replacement
from wb_cli.contract import Part
from wb_cli.engine.task import TaskSpec
from wb_cli.errors import StillStartingError, WbError
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.exchanging import upgraded_images
from wb_cli.lifecycle.exchanging.exchange import Exchange
from wb_cli.lifecycle.planning.images import choose_images

if TYPE_CHECKING:
    from wb_cli.backup.restic import Restic
    from wb_cli.engine.types import ImageInfo, ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions

PRINTED_VERSION = re.compile(r"postgres \(PostgreSQL\) (\d+(?:\.\d+)?)")


class Upgrade(Struct):
    """Upgrades the PostgreSQL of one instance. The caller has its lock.

    ``image`` is on the engine. Without ``restic`` the instance is not backed up first.
    """

    fleet: Fleet
    instance: Instance
    image: str
    options: RunOptions
    restic: Restic | None = None

    def run(self) -> Upgraded:
        """Bring the image under the instance.

        Raises:
            WbError: it does not fit, or the instance did not become healthy on it. Then it runs as
                before.
            InterruptedError: a signal came. The same holds.
        """
        began = time.monotonic()
        machine = self._find_machine()
        if not self.options.dry_run:
            self.instance = self._replacement.settle()
        postgres = self._find_postgres()
        database = Postgres(self.fleet.engine, postgres.id)
        planned = self._look(postgres, database)
        if planned.step is Step.MOVE:
            major = Major(self._replacement, planned, postgres, database, self.restic)
            major.check(machine)
            ended = planned if self.options.dry_run else major.run(machine)
        elif planned.step is Step.NONE or self.options.dry_run:
            return planned
        else:
            ended = self._restart(planned, postgres)
        return replace(ended, seconds=time.monotonic() - began)

    @property
    def _replacement(self) -> Replacement:
        return Replacement(Exchange(self.fleet, self.instance), self.options, "upgrade")

    # Look and check

    def _find_machine(self) -> Machine:
        if self.fleet.machine is None:
            raise WbError("the machine of the engine cannot be looked at, so nothing is upgraded")
        return self.fleet.machine

    def _find_postgres(self) -> ObservedContainer:
        found = self.fleet.engine.observe().find_running(self.instance.id, Part.POSTGRES)
        if found is None:
            id_ = self.instance.id
            raise WbError(
                f"{id_} has no running PostgreSQL, and only a running one can be upgraded",
                f"`wb run {id_}` starts it.",
            )
        return found

    def _look(self, postgres: ObservedContainer, database: Postgres) -> Upgraded:
        """Look which versions there are, and what leads from one to the other."""
        image = self._require_image()
        before = database.ask(MAINTENANCE, VERSION).partition(" ")[0]
        after = image.postgres_version
        if "." not in after:  # it says the major version alone, or nothing
            after = self._ask_version()
        step = choose_step(before, after, is_same_image=image.id == postgres.image_id)
        size = int(database.ask(MAINTENANCE, SIZE)) if step is Step.MOVE else 0
        ending = Ending.UNCHANGED if step is Step.NONE else Ending.PLANNED
        return Upgraded(
            ending=ending,
            step=step,
            image=self.image,
            before=before,
            after=after,
            database_bytes=size,
        )

    def _require_image(self) -> ImageInfo:
        if found := self.fleet.engine.find_image(self.image):
            return found
        raise WbError(
            f"the image {self.image} is not on this engine",
            "Without `--dry-run` it is fetched first; `wb images load` loads it from a file.",
        )

    def _ask_version(self) -> str:
        """Ask PostgreSQL itself, where its image does not say the version."""
        lines: list[str] = []
        command = ("postgres", "--version")
        spec = TaskSpec("upgrade", self.image, command, labels=self.fleet.settings.labels)
        self.fleet.engine.run_task(spec, lines.append, self.options.cancelled)
        found = PRINTED_VERSION.match("\n".join(lines))
        if not found:
            raise WbError(f"{self.image} is no image of PostgreSQL: it has no `postgres --version`")
        return found[1]

    # The same major version

    def _restart(self, planned: Upgraded, postgres: ObservedContainer) -> Upgraded:
        """Exchange the image. The old one comes back if the new one does not become healthy."""
        declared, began = self.instance.postgres_image or "", time.monotonic()
        if self.image != choose_images(self.instance, self.fleet.settings)[Part.POSTGRES]:
            self._declare(self.image)
        # The same name may mean another image by now. Only a restart heeds that.
        act = actions.restart if postgres.image == self.image else actions.run
        try:
            started = act(self.fleet, self.instance, self.options)
        except StillStartingError:
            raise
        except (WbError, InterruptedError):
            self._declare(declared)
            raise
        return planned.as_done(started.url, started.platform, time.monotonic() - began)

    def _declare(self, image: str) -> None:
        if image != (self.instance.postgres_image or ""):
            self.instance = upgraded_images.declare(self.fleet, self.instance, image)
