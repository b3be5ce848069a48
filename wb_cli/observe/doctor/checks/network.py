"""Checks of ports and of the instances' networks."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import islice
from typing import TYPE_CHECKING

from wb_cli.contract import Part
from wb_cli.errors import AddressPoolError
from wb_cli.lifecycle.planning.subnets import find_free_subnets
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import ID, PLACEHOLDER, Severity, Sign, of_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.instances.model import Instance
    from wb_cli.observe.doctor.facts import Facts

NEARLY_FULL = 0.1
ANOTHER_PORT = f"wb config set {ID} port={PLACEHOLDER}"


@check("port-taken", "the instance cannot start, now or after the next stop")
def find_taken_ports(facts: Facts) -> Iterator[Sign]:
    """Something else listens on a port of an instance that does not run."""
    for known in facts.known if facts.engine else ():
        ours = {
            port.host
            for container in facts.containers_of(known.instance.id)
            for port in container.ports
        }
        for port, part in _list_ports(known.instance):
            listener = facts.machine.listeners.get(port)
            if listener and port not in ours:
                holder = _name_container(facts, port) or str(listener)
                what = f"port {port} ({part}) is taken by {holder}"
                advice = "Or stop what has it."
                yield of_instance(known.instance.id, Severity.WARNING, what, ANOTHER_PORT, advice)


@check("port-ephemeral", "an outgoing connection may hold the port when the instance starts")
def find_ephemeral_ports(facts: Facts) -> Iterator[Sign]:
    """A port lies where the kernel takes the ports of outgoing connections from."""
    range_ = facts.machine.ephemeral_ports
    for known in facts.known if range_ else ():
        for port, part in _list_ports(known.instance):
            if range_ and range_.has(port):
                what = (
                    f"the port of {part} lies among those of outgoing connections, "
                    f"{range_.first} to {range_.last}"
                )
                advice = f"Or have the kernel leave it out: {_describe_reservation(facts)}."
                yield of_instance(known.instance.id, Severity.NOTICE, what, ANOTHER_PORT, advice)


def _describe_reservation(facts: Facts) -> str:
    """Describe the line for sysctl that reserves the ports of all declared instances."""
    range_ = facts.machine.ephemeral_ports
    ports = sorted(facts.registry.list_claimed_ports())
    wanted = [str(port) for port in ports if range_ and range_.has(port)]
    reserved = [*filter(None, [range_.reserved if range_ else ""]), *wanted]
    return f"`sysctl -w net.ipv4.ip_local_reserved_ports={','.join(reserved)}`"


@check("pool-full", "an instance that starts without a network cannot get one")
def find_full_pool(facts: Facts) -> Iterator[Sign]:
    """Few subnets are left for instances' networks, or fewer than instances need one."""
    pool, prefix = facts.settings.subnet_pool, facts.settings.subnet_prefix
    networks = facts.observed.networks
    taken = [subnet for network in networks for subnet in network.subnets]
    size = 2 ** (prefix - IPv4Network(pool).prefixlen)
    present = {network.instance for network in networks}
    waiting = sum(instance.id not in present for instance in facts.registry.instances)
    needed = max(waiting, int(size * NEARLY_FULL))
    free = _count_free(pool, prefix, [*taken, *facts.machine.routes], needed)
    if not facts.engine or free >= needed:
        return
    severity = Severity.WARNING if free < waiting else Severity.NOTICE
    what = f"{free} of {size} subnets are left in {pool} for {waiting} instances without a network"
    yield Sign(severity, what, "wb config settings", _widen())


@check("pool-overlaps", "packets to that network may go to an instance instead, or to nobody")
def find_overlapping_routes(facts: Facts) -> Iterator[Sign]:
    """A route of this machine leads into the range of instances' networks."""
    pool = IPv4Network(facts.settings.subnet_pool)
    of_engine = {
        IPv4Network(subnet, strict=False)
        for network in facts.observed.networks
        for subnet in network.subnets
        if ":" not in subnet
    }
    for route in sorted(set(facts.machine.routes)):
        network = IPv4Network(route)
        if network.prefixlen and network.overlaps(pool) and network not in of_engine:
            what = (
                f"this machine has a route to {route}, in the range {pool} of instances' networks"
            )
            advice = f"It shows what the route is for. If it must stay: {_widen()}"
            yield Sign(Severity.NOTICE, what, f"ip route show {route}", advice)


def _count_free(pool: str, prefix: int, taken: list[str], at_most: int) -> int:
    found = 0
    try:
        for _ in islice(find_free_subnets(pool, prefix, taken), at_most):
            found += 1
    except AddressPoolError:
        return found
    return found


def _widen() -> str:
    return "Set `subnet_pool` to another or larger range, or raise `subnet_prefix`, in config.toml."


def _list_ports(instance: Instance) -> tuple[tuple[int, Part], ...]:
    return ((instance.port, Part.PLATFORM), (instance.postgres_port, Part.POSTGRES))


def _name_container(facts: Facts, port: int) -> str:
    names = (
        container.name
        for container in facts.observed.containers
        for published in container.ports
        if published.host == port
    )
    name = next(names, "")
    return f"the container {name}" if name else ""
