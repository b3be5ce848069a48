"""Go from the instances of a command line to the hosts of their engines."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from wb_cli.errors import EngineUnreachableError, UnexpectedError, WbError
from wb_cli.instances import hosts
from wb_cli.instances.registry_file.field_rules import CONTEXT
from wb_cli.lifecycle.ended import ActionResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.engine.types import Observed
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.instances.selectors import Selection
    from wb_cli.lifecycle.batch import Progress
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.options import RunOptions

T = TypeVar("T")
R = TypeVar("R", bound=ActionResult)


def settle(wb: Wb, entry: Instance | RefusedEntry) -> Wb:
    """Go to the host of an instance.

    Raises:
        UsageError: ``--host`` chose another host.
    """
    return wb.at(hosts.settle(entry.host, wb.chosen, str(entry.id)))


def locate(wb: Wb, instances: Iterable[Instance]) -> dict[str, Wb]:
    """Give the host of each instance.

    Raises:
        UsageError: ``--host`` chose another host.
    """
    return {instance.id: settle(wb, instance) for instance in instances}


def go_to(wb: Wb, instance_id: str) -> Wb:
    """Go to the host of an instance that is named by its id.

    One that the registry file does not have may yet be on the chosen engine.

    Raises:
        UsageError: ``--host`` chose another host.
    """
    return find_declared(wb, instance_id) or wb


def find_declared(wb: Wb, instance_id: str) -> Wb | None:
    """Find the host of an instance by its entry; ``None`` if it has none that can be read.

    Raises:
        UsageError: ``--host`` chose another host.
    """
    try:
        registry = wb.registry
    except WbError:  # the engine still tells of what runs
        return None
    for instance in registry.instances:
        if instance.id == instance_id:
            return settle(wb, instance)
    for entry in registry.refused:
        if entry.id == instance_id:
            return settle(wb, entry)
    return None


def group_by_host(
    ids: Sequence[str], hosts: Mapping[str, Wb], default: Wb
) -> list[tuple[Wb, list[str]]]:
    """Group the ids by their hosts."""
    found: dict[int, tuple[Wb, list[str]]] = {}
    for id_ in ids:
        host = hosts.get(id_, default)
        found.setdefault(id(host), (host, []))[1].append(id_)
    return list(found.values())


def run_on_hosts(
    groups: Sequence[tuple[Wb, list[str]]],
    work: Callable[[str, RunOptions], R],
    options: RunOptions,
    progress: Progress,
    check: Callable[[str], None] | None = None,
) -> list[Ended[R]]:
    """Act on the instances of one host, or on those of several hosts side by side.

    Without any instance nothing is done.
    """
    from wb_cli.lifecycle.batch import Batch
    from wb_cli.lifecycle.hosts import OnHost, run_side_by_side

    def make_opener(host: Wb) -> Callable[[], Batch[R]]:
        return lambda: Batch(host.fleet, options, work, progress)

    if not groups:
        return []
    if len(groups) == 1:
        ((host, ids),) = groups
        return make_opener(host)().run(ids, check)
    parts = [OnHost(ids, make_opener(host)) for host, ids in groups]
    return run_side_by_side(parts, options.verb, progress, check)


def select_on_one(wb: Wb, words: Sequence[str]) -> tuple[Wb, Selection]:
    """Select instances for a command that works on one host at a time, and go to that host.

    Raises:
        UsageError: the instances are on several hosts. The hint says how to go on.
    """
    selection = wb.select(words)
    return require_one(wb, locate(wb, selection.instances)), selection


def require_one(wb: Wb, found: Mapping[str, Wb]) -> Wb:
    """Go to the one host of all instances.

    Raises:
        UsageError: they are on several. The hint says how to go on.
    """
    return wb.at(hosts.require_one(host.host for host in found.values()))


def name_host(word: str) -> str:
    """Name a host for ``Wb.at``: a URL, a Docker context, or what ssh takes for a machine."""
    if "://" in word:
        return word
    from wb_cli.engine.docker.client import find_endpoint_of_context

    return f"{CONTEXT}{word}" if find_endpoint_of_context(word) else f"ssh://{word}"


def name_field(wb: Wb) -> str:
    """Name a host as the field ``host`` does; empty if the field cannot name it, as over TCP."""
    name = wb.host or wb.chosen or ""
    return name if name.startswith((CONTEXT, "ssh://")) else ""


def list_here(wb: Wb) -> tuple[Instance, ...]:
    """List the instances of the chosen engine, for a command that looks at this one alone."""
    return tuple(each for each in wb.registry.instances if each.host in {None, wb.chosen})


def describe_left_out(wb: Wb, command: str) -> str:
    """Say which hosts a command does not look at, and how it does. Empty if there are no others."""
    try:
        others = [name for name in wb.registry.list_hosts() if name not in {None, wb.chosen}]
    except WbError:
        return ""
    ways = ", ".join(f"`wb {hosts.write_options(name)} {command}`" for name in others if name)
    return f"other hosts are not looked at: {ways}" if ways else ""


def ask_each(
    wb: Wb,
    names: Iterable[str | None],
    question: Callable[[Wb], T],
    deadline_s: float | None = None,
) -> Mapping[str | None, T | WbError]:
    """Ask several hosts side by side. In the place of an answer stands the error.

    A host that has not answered at the deadline is given up: wb waits for nothing of it any more.
    """
    answers: dict[str | None, T | WbError] = {}
    asked = [wb.at(name) for name in names]

    def ask(host: Wb) -> None:
        try:
            answers.setdefault(host.host, question(host))
        except WbError as error:
            answers.setdefault(host.host, error)
        except Exception as error:  # noqa: BLE001  (a fault of wb itself does not stop the others)
            answers.setdefault(host.host, UnexpectedError(error))

    threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in asked]
    for thread in threads:
        thread.start()
    end = None if deadline_s is None else time.monotonic() + deadline_s
    for host, thread in zip(asked, threads, strict=True):
        thread.join(None if end is None else max(end - time.monotonic(), 0))
        if thread.is_alive():
            answers.setdefault(host.host, LateError(host, deadline_s or 0))
    return {host.host: answers[host.host] for host in asked}


def observe_hosts(
    wb: Wb, names: Iterable[str | None]
) -> tuple[Observed, Mapping[str | None, WbError]]:
    """Give what the engines that answer have, and the errors of those that do not."""
    asked = list(names)
    # Who asks one host alone has nothing else to show meanwhile, and waits for it.
    within_s = wb.settings.host_timeout if len(asked) > 1 else None
    listed, silent = _ask_engines(wb, asked, within_s)
    return _merge(listed.values()), silent


def _ask_engines(
    wb: Wb, names: Iterable[str | None], within_s: float | None
) -> tuple[dict[str | None, Observed], dict[str | None, WbError]]:
    """Give what each engine has that answers, and the error of each that does not."""
    answers = ask_each(wb, names, lambda host: host.engine.observe(), within_s)
    silent = {name: each for name, each in answers.items() if isinstance(each, WbError)}
    listed = {name: each for name, each in answers.items() if not isinstance(each, WbError)}
    return listed, silent


def _merge(listed: Iterable[Observed]) -> Observed:
    """Make one listing of those of several engines."""
    from wb_cli.engine.types import Observed

    found = list(listed)
    return Observed(
        tuple(container for each in found for container in each.containers),
        tuple(network for each in found for network in each.networks),
    )


class LateError(EngineUnreachableError):
    """A host did not answer in time."""

    def __init__(self, host: Wb, deadline_s: float) -> None:
        super().__init__(
            f"{host.host or hosts.CHOSEN} did not answer within {deadline_s:g} s",
            "Is that machine up? The setting `host_timeout` gives it more time: "
            "`--set host_timeout=20`.",
        )


class Listing:
    """What the engines of several hosts have. They are asked at the first use, side by side.

    ``unknown`` has the hosts that did not answer in time, each with its error.
    """

    def __init__(self, wb: Wb, names: Sequence[str | None]) -> None:
        self._wb, self._names = wb, names
        self._listed: dict[str | None, Observed] = {}
        self.unknown: dict[str | None, WbError] = {}

    def observe(self) -> Observed:
        """Give the containers and networks of all hosts that answer.

        Raises:
            EngineUnreachableError: none answers.
        """
        if len(self._names) == 1:
            self._listed[None] = self._wb.engine.observe()
        elif not self._listed:
            self._ask()
        return _merge(self._listed.values())

    def _ask(self) -> None:
        within_s = self._wb.settings.host_timeout
        self._listed, self.unknown = _ask_engines(self._wb, self._names, within_s)
        if not self._listed:
            raise next(iter(self.unknown.values()))

    def find(self, instance_id: str) -> Wb:
        """Find the host that has an instance. One that none has is left to the chosen engine."""
        from wb_cli.lifecycle.stop_selection import find_instances

        for name, observed in self._listed.items():
            if instance_id in find_instances(observed):
                return self._wb.at(name)
        return self._wb


def list_hosts(wb: Wb) -> list[str | None]:
    """List the hosts on which instances of this registry file may be; the chosen engine first.

    ``--host`` leaves the chosen engine alone. A registry file that cannot be read names none.
    """
    try:
        return [None] if wb.chosen else wb.registry.list_hosts()
    except WbError:
        return [None]
