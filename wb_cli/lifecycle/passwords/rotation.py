"""A new password for the database of an instance: store -> change -> replace the platform.

The new password is stored first, and the old one beside it until all is done. So whatever ends wb
in between, the next start knows that the database may have either, and gives it the one that is
stored as its own.
"""

from __future__ import annotations

import threading
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.errors import ExitCode, WbError
from wb_cli.instances.secrets import choose_passwords
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.passwords.running import set_while_running

if TYPE_CHECKING:
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions


class Ending(StrEnum):
    """How it ended. The value is shown in ``--json``."""

    PLANNED = "planned"
    ROTATED = "rotated"


class Rotated(Struct, frozen=True):
    """The result for one instance. ``away_s`` is how many seconds the platform was away."""

    ending: Ending
    away_s: float | None = None
    seconds: float = 0.0
    platform: str = ""
    degraded: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        return ExitCode.DEGRADED if self.degraded else ExitCode.OK

    def describe(self) -> str:
        """Describe it in a line."""
        if self.ending is Ending.PLANNED:
            return "would get a new password, and its platform be replaced"
        away = "" if self.away_s is None else f"; away for {self.away_s:.1f} s"
        return f"has a new password{away} ({self.seconds:.1f} s)"

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "result": str(self.ending),
            "awaySeconds": self.away_s,
            "seconds": round(self.seconds, 3),
            "degraded": list(self.degraded),
        }


class Rotation(Struct):
    """Gives one instance a new password. The caller has its lock."""

    fleet: Fleet
    instance: Instance
    options: RunOptions

    def run(self) -> Rotated:
        """Change the password.

        Raises:
            WbError: a step failed. The password from before holds again, and the platform from
                before runs.
            InterruptedError: a signal came. The same holds.
        """
        began, id_, secrets = time.monotonic(), self.instance.id, self.fleet.secrets
        postgres = self._find_postgres()
        known = choose_passwords(self.fleet.settings, secrets.read(id_), is_initialised=True)
        if known is None:
            raise AssertionError("the passwords of a database are known, or choosing them raises")
        if self.options.dry_run:
            return Rotated(Ending.PLANNED)
        self.options.begin(("changing the password",))
        new = secrets.begin_rotation(id_, known.platform)
        try:
            self.options.report("changing the password of the database")
            set_while_running(self.fleet, postgres, new, known.platform, self.options.cancelled)
            options = replace(self.options, goes_back_late=True)
            done = actions.run(self.fleet, self.instance, options)
        except BaseException:
            self._go_back(postgres)
            raise
        secrets.end_rotation(id_)
        return Rotated(
            Ending.ROTATED,
            done.outcome.away_s,
            time.monotonic() - began,
            done.platform,
            tuple(done.outcome.degraded),
        )

    def _find_postgres(self) -> ObservedContainer:
        id_ = self.instance.id
        running = self.fleet.engine.observe().find_running(id_, Part.POSTGRES)
        if running is None:
            raise WbError(
                f"{id_} has no running PostgreSQL, which alone can change its password",
                f"`wb run {id_}` starts it.",
            )
        return running

    def _go_back(self, postgres: ObservedContainer) -> None:
        """Give the database its old password again, which the platform from before has."""
        id_, secrets = self.instance.id, self.fleet.secrets
        self.options.tell("going back to the password from before")
        old, new = secrets.turn_rotation_back(id_)
        try:
            set_while_running(self.fleet, postgres, old, new, threading.Event())
        except WbError as error:
            self.options.tell(f"not yet: {error.headline}. `wb run {id_}` ends it.")
            return
        secrets.end_rotation(id_)
