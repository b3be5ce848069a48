"""Watch several hosts: each has a watch of its own, and none waits for another."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.observe.status.hosts import put_together
from wb_cli.observe.status.look import describe_unknown
from wb_cli.observe.status.watch import TICK_S, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wb_cli.observe.status.instance_state import InstanceStatus
    from wb_cli.observe.status.watch import Chosen, Watch

Views = dict[str | None, View]


class HostsWatch:
    """Gives views of all hosts until ``stop`` is called. See :class:`Watch`.

    The hosts are those of the beginning. A host that has not answered yet is unknown.
    """

    def __init__(
        self, watches: Mapping[str | None, Watch], chosen: Mapping[str | None, Chosen]
    ) -> None:
        self._watches, self._chosen = watches, chosen
        self._inbox: queue.SimpleQueue[tuple[str | None, View] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()

    def wake(self) -> None:
        """Give the last view again, at once."""
        self._inbox.put(None)

    def stop(self) -> None:
        """Give no more views."""
        self._stopped.set()
        for watch in self._watches.values():
            watch.stop()
        self.wake()

    def give_views(self) -> Iterator[View]:
        """Give a view after each change on any host, and the last one again at each tick."""
        views: Views = {}
        for host, watch in self._watches.items():
            views[host] = View(tuple(_describe_unknown(self._chosen[host])))
            threading.Thread(target=self._pass_on, args=(host, watch), daemon=True).start()
        # The hosts that answer at once are shown at once.
        self._hear(views)
        while not self._stopped.is_set():
            yield combine(views, self._list_declared())
            self._hear(views)

    def _pass_on(self, host: str | None, watch: Watch) -> None:
        for view in watch.give_views():
            self._inbox.put((host, view))

    def _hear(self, views: Views) -> None:
        """Wait for a view for a moment, and take all that have come."""
        try:
            heard = self._inbox.get(timeout=TICK_S)
            while True:
                if heard:
                    views[heard[0]] = heard[1]
                heard = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _list_declared(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for host, chosen in self._chosen.items():
            selection = chosen.selection
            found |= {instance.id: host for instance in selection.instances}
            found |= {entry.instance_id: host for entry in selection.refused if entry.instance_id}
        return found


def combine(views: Mapping[str | None, View], declared: Mapping[str, str | None]) -> View:
    """Make one view of those of all hosts. Pure.

    The engine counts as lost only if no host answers. Otherwise the instances of a host that is
    lost are unknown, each with the reason.
    """
    seen = {host: _explain(view) for host, view in views.items()}
    problems = [view.problem for view in views.values() if view.problem]
    is_lost = all(view.is_lost for view in views.values())
    others = [view.problem for view in views.values() if view.problem and not view.is_lost]
    shown = problems if is_lost else others
    return View(tuple(put_together({}, seen, declared)), shown[0] if shown else None)


def _explain(view: View) -> list[InstanceStatus]:
    if not view.is_lost or not isinstance(view.problem, WbError):
        return list(view.statuses)
    reason = view.problem.headline
    return [replace(status, notes=(*status.notes, reason)) for status in view.statuses]


def _describe_unknown(chosen: Chosen) -> list[InstanceStatus]:
    return describe_unknown(chosen.selection.instances, chosen.selection.refused)
