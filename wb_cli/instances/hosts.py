"""Group instances by the host of their engine. Pure.

The host ``None`` is the engine that the command line or the environment chooses: by default that of
this machine.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from wb_cli.errors import UsageError
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.field_rules import CONTEXT
from wb_cli.instances.registry_file.refused import RefusedEntry
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.instances.selectors import HERE, ON

CHOSEN = "the engine of this command"


class OfHost(Protocol):
    """An instance, or an entry that is refused."""

    @property
    def host(self) -> str | None:
        """The host that it names."""


E = TypeVar("E", bound=OfHost)


def group(entries: Iterable[E]) -> dict[str | None, tuple[E, ...]]:
    """Group entries by their hosts, in the order in which the hosts appear."""
    found: dict[str | None, list[E]] = {}
    for entry in entries:
        found.setdefault(entry.host, []).append(entry)
    return {host: tuple(members) for host, members in found.items()}


def settle(host: str | None, chosen: str | None, who: str) -> str | None:
    """Give the host to go to for ``who``, who names one, where ``--host`` may have chosen another.

    An entry that names no host goes to the chosen engine. So does one that names that very host.

    Raises:
        UsageError: they are two hosts.
    """
    if chosen is None or host is None or host == chosen:
        return None if chosen is not None else host
    raise UsageError(
        f"{who} is declared on {host}, and this command is told to work on {chosen}",
        f"Leave --host and --context out: wb goes to each instance's own host. "
        f"`{ON}{chosen}` or `{ON}{HERE}` in the place of `all` selects those of one host.",
    )


def write_options(host: str) -> str:
    """Write the options of a command line that choose a host."""
    context = host.removeprefix(CONTEXT)
    return f"--host {host}" if context == host else f"--context {context}"


def keep_host(registry: Registry, host: str | None) -> Registry:
    """Keep what the chosen engine has: the entries that name no host, or this one."""
    return Registry(
        tuple(each for each in registry.instances if each.host in {None, host}),
        tuple(each for each in registry.refused if each.host in {None, host}),
    )


def refuse_other_hosts(entries: Iterable[Instance | RefusedEntry], host: str | None) -> None:
    """Refuse instances of other hosts, for a command that works on the chosen engine alone.

    Raises:
        UsageError: there is one. The hint says how to go to its host.
    """
    for entry in entries:
        if entry.host not in {None, host}:
            raise UsageError(
                f"{entry.id} is on {entry.host}, and this command looks at {host or CHOSEN} alone",
                f"Choose its host for this command: `wb {write_options(str(entry.host))} ...`.",
            )


def require_one(hosts: Iterable[str | None]) -> str | None:
    """Give the one host of a command that works on one at a time.

    Raises:
        UsageError: there are several.
    """
    found = list(dict.fromkeys(hosts))
    if len(found) <= 1:
        return found[0] if found else None
    words = [f"`{ON}{host or HERE}`" for host in found]
    raise UsageError(
        f"this command works on one host at a time, and the instances are on {len(found)}: "
        f"{', '.join(host or CHOSEN for host in found)}",
        f"Select those of one host, then those of the next: {', '.join(words)}.",
    )
