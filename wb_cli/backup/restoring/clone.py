"""Make another instance of a backup: the data of one, and an id, a port and secrets of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.backup.restoring.restored import Ending, Restored
from wb_cli.errors import WbError
from wb_cli.host.folders import FolderProblem
from wb_cli.instances.registry_file.new_entry import make_label
from wb_cli.lifecycle.exchanging.exchange import Exchange
from wb_cli.lifecycle.guard.half_restored import Left, suggest
from wb_cli.lifecycle.guard.ports import find_taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wb_cli.backup.restoring.restore import Restore
    from wb_cli.backup.snapshots import Backup

# What two instances cannot share. All else is the same for the clone.
OWN_FIELDS = ("id", "label", "port", "instanceDir")


def describe_clone(
    entry: Mapping[str, Any], new: str, port: int | None, label: str | None
) -> dict[str, Any]:
    """Describe the entry of a clone. Its port is to be chosen where none is given. Pure."""
    kept = {name: value for name, value in entry.items() if name not in OWN_FIELDS}
    ports = {} if port is None else {"port": port}
    return {"id": new, "label": label or make_label(new), **ports, **kept}


class Clone(Struct):
    """Makes one clone. The caller has its lock, and no other instance has its id.

    ``restore`` brings the data to it, and declares it. ``forget`` takes the entry and the secrets
    away again.
    """

    restore: Restore
    source: str
    forget: Callable[[], object]

    @property
    def _exchange(self) -> Exchange:
        return Exchange(self.restore.fleet, self.restore.instance)

    def run(self, backup: Backup) -> Restored:
        """Make the clone, and start it.

        Raises:
            WbError: its folder is there already, or a step failed. If it failed before the data was
                in its place, nothing is left.
            InterruptedError: a signal came. The same holds.
        """
        self._refuse_present()
        self._refuse_taken_ports()
        try:
            done = self.restore.run(backup)
        except BaseException:
            if not self.restore.options.dry_run:
                self._try_to_remove()
            raise
        ending = done.ending if done.ending is Ending.PLANNED else Ending.CLONED
        port = self.restore.instance.port
        reason = f"{done.reason}, on port {port}" if done.reason else ""
        planned = Ending.CLONED
        return replace(done, ending=ending, source=self.source, reason=reason, planned=planned)

    def _refuse_present(self) -> None:
        machine, root = self.restore.fleet.machine, self._exchange.root
        if machine is None or machine.find_problem(root) is FolderProblem.MISSING:
            return
        if self._exchange.look() is not Left.FETCHED_ALONE:
            raise WbError(
                f"the folder {root} is there already, so nothing is cloned into it",
                "Choose another id; or move the folder away, if nothing needs it.",
            )

    def _refuse_taken_ports(self) -> None:
        """Refuse a port that something else has, before anything is fetched."""
        fleet, instance = self.restore.fleet, self.restore.instance
        if (machine := fleet.machine) is None:
            return
        wanted, observed = fleet.describe(instance, create_secrets=False), fleet.engine.observe()
        current = fleet.look_up(instance.id, observed)
        if taken := next(find_taken(wanted, current, observed, machine), None):
            raise WbError(f"nothing is cloned: {taken.message}", "`--port` chooses another one.")

    def _try_to_remove(self) -> None:
        try:
            self._remove()
        except WbError as error:
            remedy = suggest(Left.FETCHED_ALONE, self.restore.instance.id)
            self.restore.options.tell(f"it could not be removed: {error.headline}. {remedy}")

    def _remove(self) -> None:
        """Remove all that there is of a clone whose data is not in its place."""
        exchange, machine = self._exchange, self.restore.fleet.machine
        if machine is None or exchange.look() is not Left.FETCHED_ALONE:
            return
        exchange.move("empty")
        self.forget()
        machine.remove_if_empty(exchange.root / contract.RESTORED)
        machine.remove_if_empty(exchange.root)
