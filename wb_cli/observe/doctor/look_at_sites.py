"""Look at nginx and at the sites that wb wrote for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.host.web import nginx
from wb_cli.lifecycle.sites.survey import (
    SeenSite,
    Served,
    ask_served,
    list_own_sites,
    look_at_site,
    look_at_undeclared,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.host.web.nginx import Complaint
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.registry_file.registry import Registry


class Sites(Struct, frozen=True):
    """The sites that wb wrote, and how nginx stands to them.

    ``is_running`` is ``None`` where there is no site, so that nginx was not asked. ``complaint`` is
    why nginx refuses its configuration. ``test`` and ``start`` are the commands that do so.
    """

    seen: tuple[SeenSite, ...] = ()
    served: Mapping[str, Served] = field(default_factory=dict)
    is_running: bool | None = None
    complaint: Complaint | None = None
    test: str = ""
    start: str = ""


def look_at_sites(settings: Settings, registry: Registry) -> Sites:
    """Look at the sites of this registry file. Where there is none, nginx is not asked.

    Raises:
        WbError: nginx is not installed, or no domain is set.
    """
    own = list_own_sites(settings)
    if not own:
        return Sites()
    declared = {instance.id: instance for instance in registry.instances}
    refused = {entry.id for entry in registry.refused}
    seen = [
        look_at_site(declared[id_], settings)
        if id_ in declared
        else look_at_undeclared(id_, settings)
        for id_ in own
        if id_ not in refused
    ]
    is_running = nginx.is_running(settings)
    return Sites(
        seen=tuple(seen),
        served=ask_served(seen) if is_running else {},
        is_running=is_running,
        complaint=next((each for each in nginx.test(settings) if each.is_fatal), None),
        test=f"{settings.nginx_command} -t",
        start=nginx.suggest_start(settings),
    )
