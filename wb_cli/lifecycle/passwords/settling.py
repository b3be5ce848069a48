"""End a change of a password that was cut off, before the instance starts."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.contract import Part
from wb_cli.engine.types import State
from wb_cli.errors import EngineError
from wb_cli.lifecycle.exchanging.exchange import moves_folders_of
from wb_cli.lifecycle.guard.half_restored import has_database
from wb_cli.lifecycle.options import Verb
from wb_cli.lifecycle.passwords.at_rest import set_at_rest
from wb_cli.lifecycle.passwords.running import set_while_running
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.lifecycle.planning.images import choose_images

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.secret import Secret


def settle_password(fleet: Fleet, instance: Instance, options: RunOptions) -> None:
    """Give the database the password that is stored as its own, if a change of it was cut off.

    Raises:
        WbError: the database takes neither the password nor the one from before.
    """
    stored = fleet.secrets.read(instance.id)
    if options.verb is Verb.ROTATE or not stored or not stored.previous_password:
        return
    if options.dry_run or not stored.postgres_password:
        options.tell("a change of its password was cut off; it would be ended")
        return
    _set(fleet, instance, stored.postgres_password, stored.previous_password, options)
    fleet.secrets.end_rotation(instance.id)
    options.tell("a change of its password was cut off; it was ended")


def _set(
    fleet: Fleet, instance: Instance, password: Secret, previous: Secret, options: RunOptions
) -> None:
    observed = fleet.engine.observe()
    if running := observed.find_running(instance.id, Part.POSTGRES):
        set_while_running(fleet, running, password, previous, options.cancelled)
        return
    root = instance_path(instance, fleet.settings)
    _remove_never_started(fleet, root, observed.containers)
    if fleet.machine and has_database(fleet.machine, root):
        set_at_rest(
            fleet.engine,
            choose_images(instance, fleet.settings)[Part.POSTGRES],
            root / contract.DATABASES,
            password,
            fleet.settings.labels,
            options.cancelled,
        )


def _remove_never_started(fleet: Fleet, root: Path, listed: Iterable[ObservedContainer]) -> None:
    """Remove what a killed wb has made to work on the databases and never started.

    It would claim them. Who made it has lost the instance's lock.
    """
    for container in listed:
        if container.state is State.CREATED and moves_folders_of(root, container):
            with suppress(EngineError):
                fleet.engine.remove_container(container.id)
