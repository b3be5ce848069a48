"""The instances that a command starts: in which order, and on which hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wb_cli.cli.hosts import locate
from wb_cli.cli.one_place import start_in_one_place
from wb_cli.lifecycle.options import Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.actions import Result
    from wb_cli.lifecycle.options import RunOptions


class Starts(NamedTuple):
    """The chosen instances by id, in the order of their start, and the host of each."""

    instances: Mapping[str, Instance]
    hosts: Mapping[str, Wb]
    refused: Sequence[RefusedEntry]

    def make_work(self, verb: Verb) -> Callable[[str, RunOptions], Result]:
        """Make what runs or restarts an instance on its host."""
        from wb_cli.lifecycle import actions

        start = actions.restart if verb is Verb.RESTART else actions.run
        return lambda id_, options: start_in_one_place(
            self.hosts[id_], self.instances[id_], options, start
        )

    def make_restart_check(self) -> Callable[[str], None]:
        """Make what checks that an instance could start again, before the first one is stopped."""
        from wb_cli.lifecycle import actions

        return lambda id_: actions.check(self.hosts[id_].fleet, self.instances[id_])


def choose_to_start(wb: Wb, words: Sequence[str]) -> Starts:
    """Choose the instances of a command line.

    Raises:
        UsageError: ``--host`` chose another host than that of an instance.
    """
    from wb_cli.instances.selectors import order_starts

    selection = wb.select(words)
    instances = {instance.id: instance for instance in order_starts(selection.instances)}
    return Starts(instances, locate(wb, instances.values()), selection.refused)
