"""What issuing and removing share: certbot as it is set up, and the certificate that is served."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wb_cli.edge.certbot_command import describe_environment
from wb_cli.edge.certificates import find_local_address
from wb_cli.errors import WbError
from wb_cli.host.web.certbot import Certbot
from wb_cli.host.web.served_certificate import ask_for_certificate

if TYPE_CHECKING:
    from wb_cli.host.web.x509 import Certificate
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.options import RunOptions

# A renewal by certbot's own timer takes its time.
WAITS_FOR_CERTBOT_S = 60.0
SERVED_WITHIN_S, LOOK_AGAIN_S = 15.0, 0.1


def make_certbot(settings: Settings, options: RunOptions) -> Certbot:
    """Make certbot. A signal ends the wait for another one, and never certbot itself."""

    def pause(seconds: float) -> None:
        if options.cancelled.wait(seconds):
            raise InterruptedError

    return Certbot(
        settings.certbot_config_dir,
        describe_environment(settings),
        max(options.wait_s, WAITS_FOR_CERTBOT_S),
        options.tell,
        pause,
    )


def find_served(settings: Settings, domain_name: str) -> Certificate | None:
    """Find the certificate that nginx on this machine serves for a domain name."""
    try:
        return ask_for_certificate(*find_local_address(settings.nginx_https), domain_name)
    except WbError:
        return None


def wait_until_served(settings: Settings, domain_name: str, digest: str) -> None:
    """Wait until nginx serves a certificate. After a reload the old processes go on for a moment.

    Raises:
        WbError: it still serves another one, or none.
    """
    deadline = time.monotonic() + SERVED_WITHIN_S
    while True:
        served = find_served(settings, domain_name)
        if served and served.digest == digest:
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(LOOK_AGAIN_S)
    what = f"the one of {', '.join(served.names) or 'no name'}" if served else "none"
    raise WbError(
        f"{domain_name} has a certificate, but nginx serves {what}",
        "Another site of nginx may answer to that name or port: `nginx -T` shows them all.",
    )
