"""All instances of this host, and what the actions read about them before they decide."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.contract import Role
from wb_cli.errors import NotFoundError
from wb_cli.host import folders
from wb_cli.host.routes import read_routes
from wb_cli.lifecycle.planning.desired import Credentials, Desired, describe, instance_path
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.subnets import find_free_subnets
from wb_cli.lifecycle.readiness import probes
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import (
        ContainerDetail,
        Observed,
        ObservedContainer,
        ObservedNetwork,
    )
    from wb_cli.instances.model import Instance
    from wb_cli.instances.secrets import SecretStore
    from wb_cli.instances.settings import Settings

# Valkey writes its snapshot at about 1 GB a second on a fast disk. A slow disk gets ten times that.
VALKEY_SAVE_BYTES_PER_S = 100 * 1024**2


class Fleet(Struct):
    """All instances of this host, by their engine, settings and secrets."""

    engine: Engine
    settings: Settings
    secrets: SecretStore

    @property
    def locks(self) -> Path:
        """The folder of the locks, beside the registry file.

        All commands that use the registry file share it, by whatever path they name the file.
        """
        return Path(os.path.realpath(self.settings.servers_file)).parent / "locks"

    def inspect(
        self, instance_id: str, observed: Observed, references: set[str]
    ) -> ObservedInstance:
        """Give what the engine has of one instance, with the facts that a listing lacks."""
        listed = self.look_up(instance_id, observed)
        details = [
            detail for container in listed.containers if (detail := self._inspect(container))
        ]
        images = {reference: self.engine.find_image(reference) for reference in references}
        return replace(
            listed,
            policies={detail.id: detail.restart_policy for detail in details},
            image_ids={reference: image.id for reference, image in images.items() if image},
        )

    def look_up(self, instance_id: str, observed: Observed) -> ObservedInstance:
        """Give what a listing says about one instance. This is enough to stop it."""
        containers = tuple(c for c in observed.containers if c.instance == instance_id)
        return ObservedInstance(
            containers=containers,
            networks=_sort_networks(instance_id, observed, containers),
            stop_timeouts=_measure_stop_timeouts(instance_id, containers),
        )

    def _inspect(self, container: ObservedContainer) -> ContainerDetail | None:
        try:
            return self.engine.inspect(container.id)
        except NotFoundError:  # it was removed after the listing
            return None

    def describe(self, instance: Instance, *, create_secrets: bool) -> Desired:
        """Describe the instance as it should run. ``create_secrets`` makes missing secrets."""
        credentials = self._read_credentials(instance, create=create_secrets)
        key = self.secrets.read_hash_key(create=create_secrets)
        return describe(instance, self.settings, credentials, key)

    def find_subnets(self, observed: Observed) -> Iterator[str]:
        """Find subnets that are in no network of the engine and in no route of this host."""
        taken = [subnet for network in observed.networks for subnet in network.subnets]
        if self.engine.is_local:
            taken += read_routes()
        return find_free_subnets(self.settings.subnet_pool, self.settings.subnet_prefix, taken)

    def _read_credentials(self, instance: Instance, *, create: bool) -> Credentials:
        from wb_cli.instances.secrets import choose_passwords

        version_file = (
            instance_path(instance, self.settings) / contract.DATABASES / "pgdata" / "PG_VERSION"
        )
        has_database = self.engine.is_local and folders.is_present(version_file)
        stored = self.secrets.read(instance.id)
        # PostgreSQL closes its folder to other users. So if wb may not look, there is a database.
        is_initialised = folders.can_be_present(version_file)
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
        )


def _measure_stop_timeouts(
    instance_id: str, containers: tuple[ObservedContainer, ...]
) -> dict[str, int]:
    """Give a running Valkey the time to stop that its snapshot takes."""
    timeouts = {}
    for container in containers:
        address = container.addresses.get(instance_id)
        if container.role is Role.VALKEY and container.is_running and address:
            info = probes.read_valkey_info(address, contract.VALKEY_PORT)
            used = int(info.get("used_memory", 0))
            base = contract.STOP_TIMEOUTS[Role.VALKEY]
            timeouts[container.id] = base + used // VALKEY_SAVE_BYTES_PER_S
    return timeouts


def _sort_networks(
    instance_id: str, observed: Observed, containers: tuple[ObservedContainer, ...]
) -> tuple[ObservedNetwork, ...]:
    """Give the instance's networks. If there are several, those in use come first."""
    used = {network_id for container in containers for network_id in container.networks}
    own = [network for network in observed.networks if network.instance == instance_id]
    return tuple(sorted(own, key=lambda network: network.id not in used))
