"""Describe the site of an instance: Instance + Settings -> Site."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from wb_cli.edge.mark import Mark
from wb_cli.edge.site import CertificateFiles, Site
from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance

# A platform that is published on all addresses is reached on loopback.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  (only read)


def name_server(instance_id: str, settings: Settings) -> str:
    """Name the domain at which an instance is reached. Ids are unique, and so are these names.

    Raises:
        UsageError: the domain was never set.
    """
    if settings.origins.get("domain", "default") == "default":
        raise UsageError(
            f"no domain is set, so {instance_id} has no address that people could reach",
            "`wb config settings set domain=example.org`, or DOMAIN in the environment, sets it.",
        )
    return f"{instance_id}.{settings.domain}"


def describe_site(
    instance: Instance,
    settings: Settings,
    certificate: CertificateFiles | None,
    registry: Path,
    *,
    has_ipv6: bool = True,
) -> Site:
    """Describe an instance's site. ``registry`` is the registry file, without links in its path.

    Where the machine has no IPv6, nginx could not listen on such addresses, so they are left out.

    Raises:
        UsageError: the domain was never set, or there is no address to listen on.
    """
    return Site(
        mark=Mark(instance.id, registry),
        label=instance.label,
        server_name=name_server(instance.id, settings),
        upstream=name_upstream(instance, settings),
        http=_choose_listens("nginx_http", settings.nginx_http, has_ipv6=has_ipv6),
        https=_choose_listens("nginx_https", settings.nginx_https, has_ipv6=has_ipv6),
        max_body=settings.nginx_max_body,
        timeout_s=settings.nginx_timeout,
        acme_webroot=settings.acme_webroot,
        forward=settings.nginx_forward,
        certificate=certificate,
        french=instance.french,
    )


def name_upstream(instance: Instance, settings: Settings) -> str:
    """Name the address at which nginx reaches the platform.

    On another machine than nginx's, its port is the published one, too.

    Raises:
        UsageError: the platform is on another host, and published there for that host alone.
    """
    if not is_in_reach(instance, settings):
        raise UsageError(
            f"{instance.id} is on {instance.host}, and its platform is published there for that "
            "host alone: nginx on this machine would reach another platform at that address",
            f"Run `wb init-nginx` on that host; or publish it on an address of that host, and name "
            f"it: `wb config set {instance.id} bindAddress=10.0.0.2`.",
        )
    elsewhere = instance.nginx_upstream or settings.nginx_upstream
    address = elsewhere or instance.bind_address or settings.bind_address
    host = f"[{address}]" if ":" in address else address
    return f"{LOOPBACK.get(address, host)}:{instance.port}"


def is_in_reach(instance: Instance, settings: Settings) -> bool:
    """Whether nginx on this machine can reach the platform at the address that it is given."""
    if instance.nginx_upstream or settings.nginx_upstream:
        return True
    address = instance.bind_address or settings.bind_address
    is_for_its_host = address in LOOPBACK or ip_address(address).is_loopback
    return not instance.host or not is_for_its_host


def _choose_listens(name: str, listens: tuple[str, ...], *, has_ipv6: bool) -> tuple[str, ...]:
    chosen = tuple(listen for listen in listens if has_ipv6 or not listen.startswith("["))
    if not chosen:
        raise UsageError(
            f"{name} {','.join(listens)} has only IPv6 addresses, and this machine has no IPv6",
            f"`wb config settings set {name}=<port>` sets another.",
        )
    return chosen
