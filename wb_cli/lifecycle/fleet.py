"""All instances of this host, and what the actions read about them before they decide."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.contract import Part
from wb_cli.errors import EngineError, EngineUnreachableError, NotFoundError, WbError
from wb_cli.host.database_files import VERSION_FILE
from wb_cli.lifecycle.guard.lock import find_holder
from wb_cli.lifecycle.machine.here import THIS_MACHINE
from wb_cli.lifecycle.planning.desired import Credentials, Desired, describe, instance_path
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.subnets import find_free_subnets
from wb_cli.lifecycle.readiness import probes
from wb_cli.lifecycle.record.beside_registry import find_history, folder_beside
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import (
        ContainerDetail,
        Observed,
        ObservedContainer,
        ObservedNetwork,
    )
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.instances.secrets import SecretStore
    from wb_cli.lifecycle.guard.lock import Holder
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.machine.far import FarMachine

# Valkey writes its snapshot at about 1 GB a second on a fast disk. On a busy machine 150 MB took
# more than 11 s. This is a bound: nobody waits longer than Valkey needs.
VALKEY_SAVE_BYTES_PER_S = 10 * 1024**2


class Fleet(Struct):
    """All instances of a host, by their engine, settings and secrets.

    ``elsewhere`` is the machine of an engine that does not run on this one.
    """

    engine: Engine
    settings: Settings
    secrets: SecretStore
    elsewhere: FarMachine | None = None

    @property
    def machine(self) -> Machine | None:
        """The machine of the engine. ``None`` if it is another one that cannot be looked at."""
        return THIS_MACHINE if self.engine.is_local else self.elsewhere

    def close(self) -> None:
        """End what looks at another machine."""
        if self.elsewhere:
            self.elsewhere.outpost.close()

    @property
    def locks(self) -> Path:
        """The folder of the locks, beside the registry file.

        All commands that use the registry file share it, by whatever path they name the file.
        """
        return folder_beside(self.settings.servers_file, "locks")

    @property
    def history(self) -> Path:
        """The folder of the histories of instances, beside the registry file, too."""
        return find_history(self.settings.servers_file)

    def find_holder(self, instance_id: str) -> Holder | None:
        """Find the command that works on an instance now, on whatever machine it was given.

        Raises:
            EngineUnreachableError: the connection to a machine elsewhere broke.
        """
        if not self.elsewhere:
            return find_holder(self.locks, instance_id)
        from wb_cli.lifecycle.guard import far_lock

        try:
            return far_lock.find_holder(self.elsewhere.outpost, instance_id)
        except EngineUnreachableError:
            raise
        except WbError:  # there may be no image to look at the machine with
            return None

    def inspect(
        self,
        instance_id: str,
        observed: Observed,
        references: set[str],
        ask: Callable[[str], ContainerDetail] | None = None,
    ) -> ObservedInstance:
        """Give what the engine has of one instance, with the facts that a listing lacks.

        ``ask`` asks about a container, where the caller knows some of the answers.
        """
        listed = self.look_up(instance_id, observed)
        details = []
        for container in listed.containers:
            with suppress(NotFoundError):  # it was removed after the listing
                details.append((ask or self.engine.inspect)(container.id))
        images = {reference: self.engine.find_image(reference) for reference in references}
        return replace(
            listed,
            policies={detail.id: detail.restart_policy for detail in details},
            images={reference: image for reference, image in images.items() if image},
        )

    def look_up(self, instance_id: str, observed: Observed) -> ObservedInstance:
        """Give what a listing says about one instance. This is enough to stop it."""
        listed = find_listed(instance_id, observed)
        timeouts = self.measure_stop_timeouts(instance_id, listed.containers)
        return replace(listed, stop_timeouts=timeouts)

    def measure_stop_timeouts(
        self, instance_id: str, containers: tuple[ObservedContainer, ...]
    ) -> dict[str, int]:
        """Give a running Valkey the time to stop that its snapshot takes."""
        base = contract.STOP_TIMEOUTS[Part.VALKEY]
        return {
            container.id: base
            + self._read_memory(container, instance_id) // VALKEY_SAVE_BYTES_PER_S
            for container in containers
            if container.part is Part.VALKEY and container.is_running
        }

    def _read_memory(self, valkey: ObservedContainer, instance_id: str) -> int:
        """Ask Valkey how much memory its data takes; 0 if it does not answer."""
        if not self.engine.is_local:
            with suppress(EngineError):
                _, output = self.engine.execute(valkey.id, ("valkey-cli", "info", "memory"))
                return int(probes.parse_valkey_info(output).get("used_memory", 0))
            return 0
        address = valkey.addresses.get(instance_id)
        info = probes.read_valkey_info(address, contract.VALKEY_PORT) if address else {}
        return int(info.get("used_memory", 0))

    def describe(self, instance: Instance, *, create_secrets: bool) -> Desired:
        """Describe the instance as it should run. ``create_secrets`` makes missing secrets."""
        credentials = self._read_credentials(instance, create=create_secrets)
        key = self.secrets.read_hash_key(create=create_secrets)
        return describe(instance, self.settings, credentials, key)

    def find_subnets(self, observed: Observed) -> Iterator[str]:
        """Find subnets that are in no network of the engine and in no route of this host."""
        taken = [subnet for network in observed.networks for subnet in network.subnets]
        if machine := self.machine:
            taken += machine.read_routes()
        return find_free_subnets(self.settings.subnet_pool, self.settings.subnet_prefix, taken)

    def _read_credentials(self, instance: Instance, *, create: bool) -> Credentials:
        from wb_cli.instances.secrets import choose_passwords

        version_file = instance_path(instance, self.settings) / contract.DATABASES / VERSION_FILE
        machine = self.machine
        has_database = machine is not None and machine.is_present(version_file)
        stored = self.secrets.read(instance.id)
        # PostgreSQL closes its folder to other users. So if wb may not look, there is a database.
        is_initialised = (machine or THIS_MACHINE).can_be_present(version_file)
        known = choose_passwords(self.settings, stored, is_initialised=is_initialised)
        if create and (stored is None or known is None):
            stored = self.secrets.create(instance.id, with_password=known is None)
            known = known or choose_passwords(self.settings, stored, is_initialised=False)
        to_be_made = Secret("")
        first = known.postgres if known else to_be_made
        return Credentials(
            postgres_password=None if has_database else first,
            pg_password=known.platform if known else to_be_made,
            admin_token=stored.admin_token if stored else to_be_made,
            environment=stored.environment if stored else {},
        )


def find_listed(instance_id: str, observed: Observed) -> ObservedInstance:
    """Find the containers and networks of one instance in a listing. Nothing is asked."""
    containers = tuple(c for c in observed.containers if c.instance == instance_id)
    networks = _sort_networks(instance_id, observed, containers)
    return ObservedInstance(containers=containers, networks=networks)


def _sort_networks(
    instance_id: str, observed: Observed, containers: tuple[ObservedContainer, ...]
) -> tuple[ObservedNetwork, ...]:
    """Give the instance's networks. If there are several, those in use come first."""
    used = {network_id for container in containers for network_id in container.networks}
    own = [network for network in observed.networks if network.instance == instance_id]
    return tuple(sorted(own, key=lambda network: network.id not in used))
