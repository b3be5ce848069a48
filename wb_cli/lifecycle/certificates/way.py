"""Try the way of an ACME server to this machine. A failed validation counts against a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.edge.certificates import choose_http_port, find_local_address
from wb_cli.errors import WbError
from wb_cli.host.web import challenge, nginx

if TYPE_CHECKING:
    from wb_cli.instances.host_settings.settings import Settings

REGARDLESS = "`--no-check` asks for the certificate regardless."


def check_the_way(settings: Settings, instance_id: str, domain_name: str) -> None:
    """Fetch a file of the webroot over HTTP: from nginx here, and from where DNS leads.

    Raises:
        WbError: the file did not come. The error says what did.
    """
    if not nginx.is_running(settings):
        raise WbError("nginx does not run", f"`{nginx.suggest_start(settings)}` starts it.")
    with challenge.probe(settings.acme_webroot) as probed:
        address, port = find_local_address(settings.nginx_http)
        seen = challenge.ask(domain_name, address, port, probed)
        if seen.problem:
            raise WbError(
                f"nginx on this machine does not hand out the proof for {domain_name}: "
                f"port {port} of {seen.address} {seen.problem}",
                f"`wb init-nginx {instance_id}` puts its site right; `nginx -T` shows what it has.",
            )
        _check_from_outside(settings, domain_name, probed)


def _check_from_outside(settings: Settings, domain_name: str, probed: tuple[str, str]) -> None:
    try:
        addresses = challenge.find_addresses(domain_name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise WbError(
            f"{domain_name} does not resolve: {reason}",
            "Add a DNS record of it, or of all names below the domain, with the address of this "
            f"machine. {REGARDLESS}",
        ) from None
    port = choose_http_port(settings)
    for address in addresses:
        seen = challenge.ask(domain_name, address, port, probed)
        if seen.problem:
            raise WbError(
                f"{domain_name} leads to {address}, and port {port} of {seen.address} "
                f"{seen.problem}",
                "Correct its DNS record (A, or AAAA for IPv6) or the firewall. A machine that "
                f"cannot reach its own public address sees this, too: {REGARDLESS}",
            )
