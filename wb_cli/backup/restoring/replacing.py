"""Put fetched folders in the place of an instance's own: stop -> exchange -> start, or go back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.contract import Part
from wb_cli.errors import WbError
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.exchanging import upgraded_images
from wb_cli.lifecycle.guard.guests import GuestsError
from wb_cli.lifecycle.guard.half_restored import Left
from wb_cli.lifecycle.guard.preflight import PreflightError

if TYPE_CHECKING:
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.exchanging.exchange import Exchange
    from wb_cli.lifecycle.options import RunOptions


class Replacement(Struct):
    """Replaces the folders of one instance. The caller has its lock.

    ``what`` is what the operator asked for: a restore or an upgrade.
    """

    exchange: Exchange
    options: RunOptions
    what: str

    def settle(self) -> Instance:
        """Finish or undo what an earlier one has left half done. Give what the instance is then."""
        if self.exchange.settle(self.options, self._stop) is Left.FETCHED_ALONE:
            self.exchange.move("empty")
        return self.exchange.instance

    def run(self, *, has_way_back: bool, image: str = "") -> actions.Result:
        """Stop, exchange and start. Go back if it does not become healthy.

        ``image`` is the one of PostgreSQL that the new folders need, if that is another one.
        """
        self.options.begin((self.what,))
        was_running = self._is_running()
        is_stopped = False
        try:
            self._stop()
            is_stopped = True
            self.exchange.move("in")
            if image:
                self._declare(image)
            return self._start(replace(self.options, goes_back_late=has_way_back))
        except (WbError, InterruptedError) as error:
            if not is_stopped and isinstance(error, GuestsError | PreflightError):
                raise  # the stop was refused, so nothing was changed
            if self.exchange.look() is Left.FETCHED_ALONE:
                raise
            if not has_way_back:
                raise self._describe_standing(error) from error
            self.options.tell("going back to the folders from before")
            self._go_back_after(error, starts=was_running)
            raise

    def go_back(self) -> actions.Result:
        """Stop, move the old folders back, and start on them."""
        return self._start(self._move_back())

    def _is_running(self) -> bool:
        observed = self.exchange.fleet.engine.observe()
        return bool(observed.find_running(self.exchange.instance.id, Part.POSTGRES))

    def _declare(self, image: str) -> None:
        fleet, instance = self.exchange.fleet, self.exchange.instance
        self.exchange.instance = upgraded_images.declare(fleet, instance, image)

    def _describe_standing(self, error: WbError | InterruptedError) -> WbError:
        """Say how an instance stands that has no database to go back to."""
        said, id_ = name_trouble(error), self.exchange.instance.id
        return WbError(
            f"{said}; {id_} keeps what came from the backup, as it had no database before",
            f"`wb run {id_}` tries again.",
        )

    def _go_back_after(self, error: WbError | InterruptedError, *, starts: bool) -> None:
        """Go back, or say what does it later. The engine may be gone, for instance."""
        id_ = self.exchange.instance.id
        try:
            calm = self._move_back()
            if starts:
                self._start(calm)
        except WbError as trouble:
            raise WbError(
                f"the {self.what} of {id_} was cut off: {name_trouble(error)}; on the way back: "
                f"{trouble.headline}",
                f"`wb run {id_}` puts it in order. {trouble.hint}".strip(),
            ) from error

    def _move_back(self) -> RunOptions:
        """Stop, and move the old folders back. Give options that heed no signal."""
        calm = replace(self.options, cancelled=threading.Event())
        actions.stop(self.exchange.fleet, self.exchange.instance.id, calm)
        self.exchange.go_back()
        return calm

    def _stop(self) -> actions.Result:
        return actions.stop(self.exchange.fleet, self.exchange.instance.id, self.options)

    def _start(self, options: RunOptions) -> actions.Result:
        fleet = self.exchange.fleet
        if machine := fleet.machine:
            machine.create(self.exchange.root, contract.FOLDERS, contract.FOLDER_MODES)
        return actions.run(fleet, self.exchange.instance, options)


def name_trouble(error: WbError | InterruptedError) -> str:
    """Name what cut the work off."""
    return error.headline if isinstance(error, WbError) else "interrupted"
