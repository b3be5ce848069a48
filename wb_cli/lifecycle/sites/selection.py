"""Select the sites to remove: those of the registry file, and those that only nginx has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.instances.selectors import ALL, select
from wb_cli.lifecycle.sites.survey import has_site, list_own_sites

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.registry_file.registry import Registry


def select_sites(
    selectors: Sequence[str], registry: Callable[[], Registry], settings: Settings
) -> list[str]:
    """Select the instances whose sites the selectors name.

    A site can be named even if the registry file does not list its instance, or cannot be read.
    ``all`` means all sites of this registry file; there may be none.

    Raises:
        WbError: a selector matches nothing.
    """
    chosen: set[str] = set()
    for selector in selectors:
        if selector == ALL:
            chosen |= set(list_own_sites(settings))
        elif has_site(selector, settings):
            chosen.add(selector)
        else:
            chosen |= _select_declared(selector, registry())
    return sorted(chosen)


def _select_declared(selector: str, registry: Registry) -> set[str]:
    selection = select([selector], registry)
    ids = {instance.id for instance in selection.instances}
    return ids | {entry.id for entry in selection.refused if entry.id}
