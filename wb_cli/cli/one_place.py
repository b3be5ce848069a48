"""Start and stop an instance so that it never runs on two hosts at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wb_cli.cli.entries import change_entry_of
from wb_cli.lifecycle.guard import places

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.actions import Result
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions


def name_place(host: Wb) -> str:
    """Name the place of an engine: its host, or this machine. Another address names itself."""
    from wb_cli.engine.docker.client import find_endpoint

    if host.host or host.chosen:
        return str(host.host or host.chosen)
    return places.THIS_MACHINE if host.is_engine_here else find_endpoint()


def start_in_one_place(
    host: Wb,
    instance: Instance,
    options: RunOptions,
    start: Callable[[Fleet, Instance, RunOptions], Result],
) -> Result:
    """Start an instance on its host, unless it runs on the host where it was started before.

    Raises:
        UsageError: it runs there.
        EngineUnreachableError: whether it runs there is not known.
    """
    place, last = name_place(host), places.recall(host.settings, instance.id)
    if last != place and (way := _find_way(last)):
        there = host.at(way)
        open_engines = (partial(getattr, each, "engine") for each in (there, host))
        places.refuse_second_place(instance.id, last, host.settings, *open_engines)
    if not options.dry_run:
        places.remember(host.settings, instance.id, place)
    return start(host.fleet, settle_version(host, instance, options), options)


def settle_version(host: Wb, instance: Instance, options: RunOptions) -> Instance:
    """End an upgrade that was cut off. Give the instance as it is declared then."""
    from wb_cli.instances.registry_file.entries import parse_entry
    from wb_cli.upgrade.settling import settle_upgrade

    declare = partial(change_entry_of, host, instance.id)
    if settle_upgrade(host.fleet, instance.id, options, declare):
        return parse_entry(host.registry_file.read_entry(instance.id))
    return instance


def note_place(host: Wb, instance_id: str, options: RunOptions, result: Result) -> Result:
    """Note where an instance runs after an action. Give the result of the action."""
    if not options.dry_run:
        places.remember(host.settings, instance_id, name_place(host))
    return result


def stop_in_its_place(
    host: Wb, instance_id: str, options: RunOptions, stop: Callable[[Fleet], Result]
) -> Result:
    """Stop an instance on its host."""
    result = stop(host.fleet)
    if not options.dry_run:
        places.forget(host.settings, instance_id, name_place(host))
    return result


def _find_way(place: str) -> str:
    """Find the host that leads to a place. Empty if none does, as to an address over TCP."""
    if place == places.THIS_MACHINE:
        return "context:default"
    return place if place.startswith(("ssh://", "context:")) else ""
