"""Do: remove what can be pruned, one thing after another. Each is looked at once more."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import NotFoundError, WbError
from wb_cli.instances.files import describe_reason, open_lock
from wb_cli.lifecycle.guard.lock import locked
from wb_cli.provision.pruning.items import Fate, Item, Kind, Outcome

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from wb_cli.engine.base import ImageStore
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.provision.pruning.survey import Surveyor


class Remover(Struct):
    """Removes what a survey found. ``cancelled`` ends it before the next thing."""

    fleet: Fleet
    images: ImageStore
    look: Callable[[], Surveyor]
    cancelled: threading.Event

    def remove_all(self, items: Sequence[Item]) -> list[Outcome]:
        """Remove the items, one after another. An error does not stop the others."""
        return [self._remove(item) for item in items if not self.cancelled.is_set()]

    def _remove(self, item: Item) -> Outcome:
        try:
            if not self._is_still_unneeded(item):
                return Outcome(item, Fate.KEPT, "it is in use now, or gone")
            self._carry_out(item)
        except NotFoundError:
            return Outcome(item, Fate.REMOVED)
        except WbError as error:
            return Outcome(item, Fate.FAILED, error.message)
        except OSError as error:
            return Outcome(item, Fate.FAILED, describe_reason(error))
        return Outcome(item, Fate.REMOVED)

    def _is_still_unneeded(self, item: Item) -> bool:
        """Look again: the registry file and the engine may have changed since the survey."""
        now = self.look().look({item.kind})
        return any(other.target == item.target for other in now.items)

    def _carry_out(self, item: Item) -> None:
        match item.kind:
            case Kind.NETWORKS:
                self._remove_network(item)
            case Kind.IMAGES:
                self.images.untag(item.target)
            case Kind.CRASHES:
                remove_folder(Path(item.target))
            case Kind.HISTORY | Kind.UPGRADES | Kind.BACKUPS | Kind.PLACES:
                Path(item.target).unlink(missing_ok=True)
            case Kind.LOCKS:
                remove_lock(Path(item.target))

    def _remove_network(self, item: Item) -> None:
        """Remove a network under its instance's lock, as `wb run` may be making it."""
        with locked(self.fleet.locks, item.instance, "wb prune", 0, self.cancelled):
            if not self._is_still_unneeded(item):
                raise WbError("it is in use now")
            self.fleet.engine.remove_network(item.target)


def remove_folder(path: Path) -> None:
    """Remove a folder of records. A symbolic link is removed, and what it leads to stays."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


def remove_lock(path: Path) -> None:
    """Remove a lock file that nobody holds, while it is held here.

    Raises:
        WbError: another command holds it.
    """
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except BlockingIOError:
        raise WbError("another wb command holds it") from None
    finally:
        os.close(descriptor)
