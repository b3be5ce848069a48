"""Give up the folders from before a restore or an upgrade, or go back to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.backup.restoring.replacing import Replacement
from wb_cli.backup.restoring.restored import Ending, Restored
from wb_cli.errors import WbError
from wb_cli.lifecycle.guard.half_restored import Left, suggest

if TYPE_CHECKING:
    from wb_cli.lifecycle.exchanging.exchange import Exchange
    from wb_cli.lifecycle.options import RunOptions


class Kept(Struct):
    """The kept folders of one instance. No repository is needed.

    The caller has the lock of the instance, but for a dry run, which changes nothing.
    """

    exchange: Exchange
    options: RunOptions

    def accept(self) -> Restored:
        """Remove the folders from before. Raises ``WbError`` if the exchange was cut off."""
        left = self.exchange.look()
        if left in {Left.HALF_IN, Left.HALF_BACK}:
            id_ = self.exchange.instance.id
            raise WbError(
                f"the exchange of {id_}'s folders was cut off, so it cannot be accepted",
                suggest(left, id_),
            )
        if left is not Left.REMAINS:
            self._require_old(left)
        if self.options.dry_run:
            return _plan(Ending.ACCEPTED, "the folders from before would be removed for good")
        if left is not Left.REMAINS:
            self.exchange.correct_image()
        self.exchange.move("accept")
        return Restored(Ending.ACCEPTED)

    def undo(self) -> Restored:
        """Go back to the folders from before. What was written since is lost."""
        self._require_old(self.exchange.look())
        if self.options.dry_run:
            return _plan(Ending.UNDONE, "what was written since would be lost")
        began = time.monotonic()
        started = Replacement(self.exchange, self.options, "way back").go_back()
        away_s = time.monotonic() - began
        return Restored(Ending.UNDONE, url=started.url, away_s=away_s, platform=started.platform)

    def _require_old(self, left: Left) -> None:
        if left not in {Left.KEPT, Left.HALF_IN, Left.HALF_BACK}:
            id_ = self.exchange.instance.id
            raise WbError(
                f"{id_} has no folders from before a restore or an upgrade", suggest(left, id_)
            )


def _plan(ending: Ending, reason: str) -> Restored:
    return Restored(Ending.PLANNED, planned=ending, reason=reason)
