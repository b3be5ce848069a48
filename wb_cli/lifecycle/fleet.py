"""What the actions work with, and what they read before they decide."""

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
from wb_cli.lifecycle.planning.desired import Credentials, Desired, desired, instance_path
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.subnets import free_subnets
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

# Valkey writes its snapshot at about 1 GB a second on a fast disk; slow ones get ten times as long.
VALKEY_SAVE_BYTES_PER_S = 100 * 1024**2


class Fleet(Struct):
    """All instances of this host: their engine, settings and secrets."""

    engine: Engine
    settings: Settings
    secrets: SecretStore

    @property
    def locks(self) -> Path:
        """Where the locks lie: beside the registry file, for all who share it by any path."""
        return Path(os.path.realpath(self.settings.servers_file)).parent / "locks"

    def inspect(
        self, instance_id: str, observed: Observed, references: set[str]
    ) -> ObservedInstance:
        """What the engine has of one instance, and what a listing does not say of it."""
        listed = self.look_up(instance_id, observed)
        details = [detail for each in listed.containers if (detail := self._detail(each))]
        found = {reference: self.engine.find_image(reference) for reference in references}
        return replace(
            listed,
            policies={detail.id: detail.restart_policy for detail in details},
            image_ids={reference: image.id for reference, image in found.items() if image},
        )

    def look_up(self, instance_id: str, observed: Observed) -> ObservedInstance:
        """What the engine lists of one instance: enough to stop it."""
        containers = tuple(c for c in observed.containers if c.instance == instance_id)
        return ObservedInstance(
            containers=containers,
            networks=_networks(instance_id, observed, containers),
            stop_timeouts=_stop_timeouts(instance_id, containers),
        )

    def _detail(self, container: ObservedContainer) -> ContainerDetail | None:
        try:
            return self.engine.inspect(container.id)
        except NotFoundError:  # gone since the listing
            return None

    def desired(self, instance: Instance, *, create_secrets: bool) -> Desired:
        """The instance as it should run; with ``create_secrets``, missing secrets are made."""
        credentials = self._credentials(instance, create=create_secrets)
        key = self.secrets.read_hash_key(create=create_secrets)
        return desired(instance, self.settings, credentials, key)

    def subnets(self, observed: Observed) -> Iterator[str]:
        """Subnets that neither a network of the engine nor a route of this host uses."""
        taken = [subnet for each in observed.networks for subnet in each.subnets]
        if self.engine.is_local:
            taken += read_routes()
        return free_subnets(self.settings.subnet_pool, self.settings.subnet_prefix, taken)

    def _credentials(self, instance: Instance, *, create: bool) -> Credentials:
        from wb_cli.instances.secrets import choose_passwords

        version_file = (
            instance_path(instance, self.settings) / contract.DATABASES / "pgdata" / "PG_VERSION"
        )
        has_database = self.engine.is_local and folders.is_present(version_file)
        stored = self.secrets.read(instance.id)
        # The server closes its folder to other users: where we may not look, there is a database.
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


def _stop_timeouts(instance_id: str, containers: tuple[ObservedContainer, ...]) -> dict[str, int]:
    """Valkey gets the time that its snapshot takes, the others what the contract says."""
    timeouts = {}
    for each in containers:
        address = each.addresses.get(instance_id)
        if each.role is Role.VALKEY and each.is_running and address:
            info = probes.valkey_info(address, contract.VALKEY_PORT)
            used = int(info.get("used_memory", 0))
            base = contract.STOP_TIMEOUTS[Role.VALKEY]
            timeouts[each.id] = base + used // VALKEY_SAVE_BYTES_PER_S
    return timeouts


def _networks(
    instance_id: str, observed: Observed, containers: tuple[ObservedContainer, ...]
) -> tuple[ObservedNetwork, ...]:
    """The instance's networks; where it has several, those in use first."""
    used = {network_id for each in containers for network_id in each.networks}
    own = [each for each in observed.networks if each.instance == instance_id]
    return tuple(sorted(own, key=lambda each: each.id not in used))
