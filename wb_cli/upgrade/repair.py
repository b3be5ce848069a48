"""Put in order what any command has left half done on an instance, and start nothing.

Each kind of work keeps what the next command must know: a restore its folders, a change of a
password both passwords, an upgrade the attempt. What the engine shows is not written down twice.
Secrets whose file was lost come back from the platform's container.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.errors import ExitCode, WbError
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.exchanging.exchange import Exchange
from wb_cli.lifecycle.guard.half_restored import Left, suggest
from wb_cli.lifecycle.passwords.lost import bring_secrets_back
from wb_cli.lifecycle.passwords.settling import settle_password
from wb_cli.upgrade.settling import settle_upgrade

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.upgrade.upgrade import Change

NOTHING = "nothing to repair"


class Repaired(Struct, frozen=True):
    """What was put in order, in lines; or would be."""

    done: tuple[str, ...]
    is_planned: bool = False

    @property
    def ending(self) -> str:
        """How it ended, for the history."""
        if not self.done:
            return NOTHING
        return "planned" if self.is_planned else "repaired"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        return ExitCode.OK

    def describe(self) -> str:
        """Describe it in a line."""
        return "; ".join(self.done) or NOTHING

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {"result": self.ending, "done": list(self.done)}


class Repair(Struct):
    """Repairs one instance. The caller has its lock. ``declare`` changes its entry."""

    fleet: Fleet
    instance: Instance
    options: RunOptions
    declare: Callable[[Change], object]

    def run(self) -> Repaired:
        """Put in order what is half done.

        Raises:
            WbError: something could not be put in order. What was done before is told.
        """
        done: list[str] = []
        options = replace(self.options, tell=done.append)
        try:
            bring_secrets_back(self.fleet, self.instance, options)
            self._repair_folders(options)
            settle_password(self.fleet, self.instance, options)
            settle_upgrade(self.fleet, self.instance.id, options, self.declare)
        except (WbError, InterruptedError):
            for line in done:
                self.options.tell(line)
            raise
        return Repaired(tuple(done), self.options.dry_run)

    def _repair_folders(self, options: RunOptions) -> None:
        """Put folders in order. Those that are kept since a restore that ended are no fault."""
        exchange, id_ = Exchange(self.fleet, self.instance), self.instance.id
        left = exchange.look()
        if options.dry_run and left not in {Left.NOTHING, Left.KEPT, Left.FETCHED_ALONE}:
            options.tell(f"{left.value}: it would be put in order")
            return
        if not options.dry_run:
            left = exchange.settle(options, lambda: actions.stop(self.fleet, id_, options))
        if left is Left.FETCHED_ALONE:
            raise WbError(
                f"{left.value}, and {id_} has no other database, so there is nothing to go back to",
                suggest(left, id_),
            )
        if left is Left.KEPT:
            declared = exchange.instance.postgres_image
            exchange.correct_image(dry_run=options.dry_run)
            if (image := exchange.instance.postgres_image) != declared:
                options.tell(f"its databases need the image {image or 'of the settings'}")
            self.options.tell(f"{left.value}: {suggest(left, id_)}")
        self.instance = exchange.instance
