"""Add to the status of instances how long their certificates last, as nginx serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.lifecycle.sites.survey import has_site
from wb_cli.observe.certificates import look_at_certificates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.observe.certificates import CertificateStatus
    from wb_cli.observe.status.instance_state import InstanceStatus


def add_certificates(
    statuses: Sequence[InstanceStatus], instances: Sequence[Instance], settings: Settings
) -> list[InstanceStatus]:
    """Add the certificates of the instances that have a site in nginx.

    A certificate that cannot be looked at is unknown: it keeps nobody from the rest of the status.
    """
    with_site = [instance for instance in instances if has_site(instance.id, settings)]
    found = _look(with_site, settings) if with_site else {}
    return [replace(status, certificate=found.get(status.id)) for status in statuses]


def _look(
    instances: Sequence[Instance], settings: Settings
) -> dict[str, CertificateStatus | WbError]:
    try:
        return look_at_certificates(instances, settings)
    except WbError as error:
        return {instance.id: error for instance in instances}
