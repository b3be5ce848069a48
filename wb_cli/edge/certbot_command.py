"""How certbot is told to get, renew and remove a certificate. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from wb_cli.edge.certificates import STAGING_SERVER, Step
from wb_cli.errors import UsageError
from wb_cli.instances.host_settings.setting import CONFIG_DIR
from wb_cli.instances.host_settings.table import SETTINGS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wb_cli.edge.certificates import Request
    from wb_cli.instances.host_settings.settings import Settings

NO_EMAIL = "none"
RELOAD_NGINX = "reload-nginx"
HOOKS, HOOK = "hooks", "reload-nginx"
# What a renewal needs to know to reload nginx. No secret is among it: it goes into a script.
OF_RELOAD = ("nginx_command",)


def describe_request(request: Request, settings: Settings, server: str) -> tuple[str, ...]:
    """Describe the command that gets a certificate.

    One that somebody else set up is renewed as it was set up. All else is told anew, so that
    changed settings hold for later renewals, too.

    Raises:
        UsageError: a setting is missing.
    """
    if request.step is Step.RENEW and not (request.takes_over or is_own(request, settings)):
        return (
            *(*shlex.split(settings.certbot), "renew", "--cert-name", request.lineage),
            *("--force-renewal", "--no-random-sleep-on-renew"),
            *_describe_folders(settings),
        )
    domains = [word for name in request.names for word in ("--domain", name)]
    proof = _describe_dns(settings) if request.is_wildcard else _describe_webroot(settings)
    return (
        *(*shlex.split(settings.certbot), "certonly", "--agree-tos"),
        *("--cert-name", request.lineage, *domains),
        *proof,
        *("--key-type", "ecdsa", *_describe_server(server), *_describe_email(settings)),
        *("--deploy-hook", shlex.quote(str(find_hook(settings))), "--force-renewal"),
        # Certbot's own look at hooks does not understand a path with spaces.
        *("--disable-hook-validation", *_describe_folders(settings)),
    )


def is_own(request: Request, settings: Settings) -> bool:
    """Whether wb set up the certificate that there is."""
    return request.current is not None and is_own_hook(request.current.deploy_hook, settings)


def is_own_hook(deploy_hook: str, settings: Settings) -> bool:
    """Whether a renewal calls the script that tests and reloads nginx."""
    return str(find_hook(settings)) in shlex.split(deploy_hook)


def describe_removal(lineage: str, settings: Settings) -> tuple[str, ...]:
    """Describe the command that removes a certificate from this machine."""
    return (
        *(*shlex.split(settings.certbot), "delete", "--cert-name", lineage),
        *_describe_folders(settings),
    )


def describe_environment(settings: Settings) -> dict[str, str]:
    """Describe the environment of certbot: by which CA the ACME server is trusted."""
    return {"REQUESTS_CA_BUNDLE": str(settings.acme_ca_file)} if settings.acme_ca_file else {}


def describe_renewal_of_all(settings: Settings) -> str:
    """Describe the command that renews all certificates that are due, for a timer."""
    folders = _describe_folders(settings)
    usual = ("/etc/letsencrypt", "/var/lib/letsencrypt", "/var/log/letsencrypt")
    words = [*shlex.split(settings.certbot), "renew", "--quiet"]
    return shlex.join(words if folders[1:6:2] == usual else [*words, *folders])


def find_hook(settings: Settings) -> Path:
    """Find the path of the script that certbot calls after a renewal."""
    return settings.config_file.parent / HOOKS / HOOK


def describe_hook(settings: Settings, wb: Sequence[str]) -> str:
    """Describe the script that certbot calls after a renewal, with the settings of this run."""
    given = [
        f"{SETTINGS_BY_NAME[name].env}={settings.get_value(SETTINGS_BY_NAME[name])}"
        for name in OF_RELOAD
        if settings.origins[name].startswith(("flag", "environment"))
    ]
    variables = [f"{CONFIG_DIR}={settings.config_file.parent}", *given]
    command = shlex.join(["env", *variables, *wb, RELOAD_NGINX])
    return (
        "#!/bin/sh\n"
        "# Written by `wb init-ssl`. Certbot calls it after it has renewed a certificate.\n"
        f"exec {command}\n"
    )


def _describe_folders(settings: Settings) -> tuple[str, ...]:
    return (
        *("--config-dir", str(settings.certbot_config_dir)),
        *("--work-dir", str(settings.certbot_work_dir)),
        *("--logs-dir", str(settings.certbot_logs_dir), "--non-interactive"),
    )


def _describe_webroot(settings: Settings) -> tuple[str, ...]:
    return ("--webroot", "--webroot-path", str(settings.acme_webroot))


def _describe_dns(settings: Settings) -> tuple[str, ...]:
    if settings.dns_plugin:
        plugin = f"--dns-{settings.dns_plugin}"
        file = settings.dns_credentials
        return (plugin, *((f"{plugin}-credentials", str(file)) if file else ()))
    if not settings.dns_auth_hook:
        raise UsageError(
            "a wildcard is proved by a DNS record, and nothing is set that writes one",
            "Set dns_plugin and dns_credentials, or dns_auth_hook and dns_cleanup_hook: "
            "`wb config settings set dns_plugin=cloudflare dns_credentials=/root/cloudflare.ini`.",
        )
    hooks = {"auth": settings.dns_auth_hook, "cleanup": settings.dns_cleanup_hook}
    given = {kind: str(hook) for kind, hook in hooks.items() if hook}
    for kind, hook in given.items():
        if shlex.quote(hook) != hook:
            raise UsageError(
                f"dns_{kind}_hook {hook!r} has a space or another sign that certbot takes for "
                "something else",
                "Give the program a plainer path.",
            )
    words = [word for kind, hook in given.items() for word in (f"--manual-{kind}-hook", hook)]
    return ("--manual", "--preferred-challenges", "dns", *words)


def _describe_server(server: str) -> tuple[str, ...]:
    return ("--staging",) if server == STAGING_SERVER else ("--server", server)


def _describe_email(settings: Settings) -> tuple[str, ...]:
    if not settings.acme_email:
        raise UsageError(
            "no e-mail address is set for the account at the ACME server",
            "`wb config settings set acme_email=you@example.org`, or acme_email=none for an "
            "account without one.",
        )
    if settings.acme_email == NO_EMAIL:
        return ("--register-unsafely-without-email",)
    return ("--email", settings.acme_email, "--no-eff-email")
