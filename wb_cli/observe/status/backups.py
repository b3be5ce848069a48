"""Add to the status of instances how their backups stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.observe.backups import Backups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.secrets import SecretStore
    from wb_cli.observe.status.instance_state import InstanceStatus


def add_backups(
    statuses: Sequence[InstanceStatus], settings: Settings, secrets: SecretStore, chosen: str | None
) -> list[InstanceStatus]:
    """Add what wb knows of the backups. ``chosen`` is the host of instances that name none."""
    hosts = {status.host or chosen for status in statuses}
    known = {host: Backups(settings, secrets, host) for host in hosts}
    return [
        replace(status, backup=known[status.host or chosen].find(status.id)) for status in statuses
    ]
