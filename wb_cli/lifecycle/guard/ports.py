"""Find the ports of an instance that something else has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.engine.types import State
from wb_cli.lifecycle.guard.problem import Obstacle, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.contract import Part
    from wb_cli.engine.types import Observed, Port
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance

# Nothing listens on a port that it holds.
AN_OUTGOING_CONNECTION = "an outgoing connection, and may be free again in a minute"


def find_taken(
    desired: Desired, current: ObservedInstance, observed: Observed, machine: Machine
) -> Iterator[Problem]:
    """Find the ports that the instance wants and cannot have, each with who has it."""
    for part, port in _list_wanted(desired, current):
        if not machine.is_address_here(port.address):
            yield Problem(
                f"this host has no address {port.address} ({part})",
                "`wb config fields` and `wb config settings` say where it is set.",
                Obstacle.NO_ADDRESS,
            )
        elif not _is_ours(port, current) and not machine.is_free(port.host, port.address):
            holder = _name_holder(port.host, observed, machine)
            yield Problem(
                f"port {port.host} on {port.address} ({part}) is taken by "
                f"{holder or AN_OUTGOING_CONNECTION}",
                _suggest_remedy(desired.instance, is_held=bool(holder)),
                Obstacle.PORT_TAKEN,
            )


def _list_wanted(desired: Desired, current: ObservedInstance) -> Iterator[tuple[Part, Port]]:
    """List the ports of the containers that are not about to start already.

    A killed command may have asked for a start, and the start may have taken the port. The engine
    may start a container of a crash loop at any moment, too.
    """
    starting = {
        container.name
        for container in current.containers
        if container.state in {State.CREATED, State.RESTARTING}
    }
    for spec in desired.containers:
        if spec.name not in starting:
            yield from ((spec.part, port) for port in spec.ports)


def _is_ours(port: Port, current: ObservedInstance) -> bool:
    """Whether the instance has the port. It gives it up on the old address, if that changes."""
    active = (container for container in current.containers if container.is_active)
    return any(port.host == published.host for c in active for published in c.ports)


def _name_holder(number: int, observed: Observed, machine: Machine) -> str:
    """Name what has a port; "" if nothing listens on it."""
    names = [
        container.name
        for container in observed.containers
        for port in container.ports
        if port.host == number
    ]
    return f"the container {names[0]}" if names else machine.name_listener(number)


def _suggest_remedy(instance_id: str, *, is_held: bool) -> str:
    another = f"choose another: `wb config set {instance_id} port=...`."
    if is_held:
        return f"Free it, or {another}"
    return f"Try again, or {another} `wb doctor {instance_id}` says how the kernel leaves it free."
