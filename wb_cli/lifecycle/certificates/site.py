"""The site of an instance, as far as its certificate is concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.edge.describe import name_server
from wb_cli.edge.judge import SiteState
from wb_cli.errors import WbError
from wb_cli.host.web import nginx
from wb_cli.lifecycle.sites.actions import SiteOptions, init_sites
from wb_cli.lifecycle.sites.apply import Reload
from wb_cli.lifecycle.sites.survey import has_site, look_at_file, look_at_site

if TYPE_CHECKING:
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance

DIRECTIVE = "ssl_certificate "


def find_domain_name(instance: Instance, settings: Settings) -> str:
    """Find the domain name of an instance.

    Raises:
        UsageError: no domain is set.
    """
    return name_server(instance.id, settings)


def is_there(instance: Instance, settings: Settings) -> bool:
    """Whether the instance has a site."""
    return has_site(instance.id, settings)


def require_site(instance: Instance, settings: Settings) -> None:
    """Refuse to go on without a site, which hands out the proof and serves the certificate.

    Raises:
        WbError: there is none.
    """
    if not is_there(instance, settings):
        raise WbError(
            f"{instance.id} has no site in nginx", f"`wb init-nginx {instance.id}` makes one."
        )


def has_certificate(instance: Instance, settings: Settings) -> bool:
    """Whether the site of an instance is set up for HTTPS."""
    return DIRECTIVE in (look_at_file(instance.id, settings).text or "")


def is_current(instance: Instance, settings: Settings) -> bool:
    """Whether the site is as it should be with the certificates that there are."""
    return look_at_site(instance, settings).state is SiteState.OURS


def put(instance: Instance, settings: Settings, *, without_certificate: bool = False) -> None:
    """Write the site anew, and reload nginx. A signal does not end it: that takes a second.

    Raises:
        WbError: nginx refuses it. The site is as it was.
    """
    changed = init_sites(
        [instance], settings, SiteOptions(), without_certificate=without_certificate
    )
    (result,) = changed.results
    if result.error:
        raise result.error
    if changed.reload is Reload.NOT_NEEDED:  # the same text, but another certificate
        nginx.test_and_reload(settings)
