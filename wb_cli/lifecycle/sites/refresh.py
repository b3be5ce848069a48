"""Keep the site of an instance that was started as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.edge.mark import name_file
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.execute import Outcome
    from wb_cli.lifecycle.options import RunOptions


def refresh_after_start(
    instance: Instance, settings: Settings, outcome: Outcome, options: RunOptions
) -> None:
    """Write the site of an instance anew if it has one that differs.

    The instance runs, whatever becomes of its site. So a failure makes it degraded.
    """
    if not (settings.sites_available / name_file(instance.id)).exists():
        return
    from wb_cli.lifecycle.sites.actions import SiteOptions, refresh_site

    how = SiteOptions(dry_run=options.dry_run, cancelled=options.cancelled)
    try:
        outcome.site_written = refresh_site(instance, settings, how)
    except (WbError, InterruptedError) as error:
        reason = str(error) or "interrupted"
        remedy = f"`wb init-nginx {instance.id}` tries again"
        outcome.degraded.append(f"its nginx site is not as it should be: {reason}; {remedy}")
    if options.dry_run:
        said = outcome.degraded or (["its nginx site would be written anew"] * outcome.site_written)
        for text in said:
            options.tell(text)


def list_sites_that_stay(ids: list[str], settings: Settings) -> list[str]:
    """List the instances among these that have a site of wb's."""
    places = ((id_, settings.sites_available / name_file(id_)) for id_ in ids)
    candidates = [id_ for id_, place in places if place.exists()]
    if not candidates:
        return []
    from wb_cli.lifecycle.sites.survey import has_site

    return [id_ for id_ in candidates if has_site(id_, settings)]
