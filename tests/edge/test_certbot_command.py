"""What certbot is told, as commands."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from edge.test_certificates import NAME, NOW, decided, lineage
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.edge import certbot_command as command
from wb_cli.edge.certificates import STAGING_SERVER, Request, decide, insist
from wb_cli.errors import UsageError
from wb_cli.instances.host_settings.certificate_settings import LETS_ENCRYPT
from wb_cli.instances.host_settings.settings import Settings

FOLDERS = (
    "--config-dir /etc/letsencrypt --work-dir /var/lib/letsencrypt "
    "--logs-dir /var/log/letsencrypt --non-interactive"
)


def settings(**changes: Any) -> Settings:
    usual = {"domain": "example.org", "acme_email": "ops@example.org"}
    return replace(SETTINGS, **usual | {"config_file": Path("/etc/xdg/wb/config.toml")} | changes)


def written(request: Request, server: str = LETS_ENCRYPT, **changes: Any) -> str:
    return shlex.join(command.describe_request(request, settings(**changes), server))


def test_a_certificate_is_proved_by_a_file_of_the_webroot() -> None:
    assert written(decided()) == (
        f"certbot certonly --agree-tos --cert-name {NAME} --domain {NAME} "
        f"--webroot --webroot-path {SETTINGS.acme_webroot} --key-type ecdsa "
        f"--server {LETS_ENCRYPT} --email ops@example.org --no-eff-email "
        f"--deploy-hook /etc/xdg/wb/hooks/reload-nginx --force-renewal "
        f"--disable-hook-validation {FOLDERS}"
    )


def test_a_certificate_is_removed_by_its_name() -> None:
    words = shlex.join(command.describe_removal(NAME, settings()))
    assert words == f"certbot delete --cert-name {NAME} {FOLDERS}"


def test_the_test_server_is_named_by_certbots_own_option() -> None:
    words = written(decided(), STAGING_SERVER)
    assert " --staging " in words
    assert "--server" not in words


def test_an_account_may_have_no_address() -> None:
    words = written(decided(), acme_email="none")
    assert " --register-unsafely-without-email " in words
    assert "--email" not in words


def test_an_account_whose_address_nobody_chose_is_refused() -> None:
    with pytest.raises(UsageError) as raised:
        written(decided(), acme_email=None)
    assert "acme_email=none" in raised.value.hint


def test_certbot_may_be_a_command_line() -> None:
    words = written(decided(), certbot="sudo '/opt/my certbot/certbot'")
    assert words.startswith("sudo '/opt/my certbot/certbot' certonly ")


OWN = "/etc/xdg/wb/hooks/reload-nginx"


@pytest.mark.parametrize(
    ("hook", "is_told_anew"),
    [(OWN, True), (f"'{OWN}'", True), ("", False), ("systemctl reload nginx", False)],
)
def test_what_somebody_else_set_up_is_renewed_as_it_was(hook: str, is_told_anew: bool) -> None:
    words = written(decided(lineage(NAME, left=9, deploy_hook=hook)))
    renew = f"certbot renew --cert-name {NAME} --force-renewal --no-random-sleep-on-renew {FOLDERS}"
    assert (words != renew) is is_told_anew


def test_by_wish_its_renewal_is_taken_over() -> None:
    words = written(insist(decided(lineage(NAME))))
    assert words.startswith("certbot certonly ")
    words = written(insist(decided(lineage("www.example.org", NAME))))
    assert words.startswith("certbot renew ")


# A wildcard


def wildcard() -> Request:
    return decide((), "*.example.org", "example.org-wildcard", LETS_ENCRYPT, NOW)


def test_a_wildcard_is_proved_by_hooks() -> None:
    words = written(
        wildcard(), dns_auth_hook=Path("/opt/hook"), dns_cleanup_hook=Path("/opt/clean")
    )
    assert "--domain '*.example.org' --manual --preferred-challenges dns " in words
    assert " --manual-auth-hook /opt/hook --manual-cleanup-hook /opt/clean " in words


def test_a_hook_that_certbot_could_not_call_at_a_renewal_is_refused() -> None:
    with pytest.raises(UsageError, match=r"dns_auth_hook '/opt/a hook'"):
        written(wildcard(), dns_auth_hook=Path("/opt/a hook"))


def test_a_hook_may_need_no_cleaning_up() -> None:
    words = written(wildcard(), dns_auth_hook=Path("/opt/hook"))
    assert "cleanup" not in words


def test_a_wildcard_is_proved_by_a_plugin() -> None:
    words = written(
        wildcard(),
        dns_plugin="cloudflare",
        dns_credentials=Path("/root/cf.ini"),
        dns_auth_hook=Path("/opt/hook"),
    )
    assert " --dns-cloudflare --dns-cloudflare-credentials /root/cf.ini --key-type " in words
    assert "--manual" not in words
    words = written(wildcard(), dns_plugin="route53")
    assert " --dns-route53 --key-type " in words


def test_without_hooks_and_plugin_a_wildcard_is_refused() -> None:
    with pytest.raises(UsageError) as raised:
        written(wildcard())
    assert "dns_plugin" in raised.value.hint


# Beside it


def test_a_server_of_ones_own_is_trusted_by_its_ca() -> None:
    assert command.describe_environment(settings()) == {}
    own = settings(acme_ca_file=Path("/etc/ca.pem"))
    assert command.describe_environment(own) == {"REQUESTS_CA_BUNDLE": "/etc/ca.pem"}


def test_the_hook_knows_what_only_this_run_was_told() -> None:
    given = {"nginx_command": "environment WB_NGINX_COMMAND"}
    told = settings(nginx_command="nginx -c '/a b'", origins={**SETTINGS.origins, **given})
    script = command.describe_hook(told, ("/usr/bin/python3", "-m", "wb_cli"))
    first, _, last = script.rstrip().splitlines()
    assert first == "#!/bin/sh"
    assert shlex.split(last) == [
        *("exec", "env", "WB_CONFIG_DIR=/etc/xdg/wb", "WB_NGINX_COMMAND=nginx -c '/a b'"),
        *("/usr/bin/python3", "-m", "wb_cli", "reload-nginx"),
    ]


def test_the_hook_reads_anew_what_stands_in_a_file() -> None:
    given = {"nginx_command": "config.toml"}
    told = settings(nginx_command="/opt/nginx", origins={**SETTINGS.origins, **given})
    assert "/opt/nginx" not in command.describe_hook(told, ("wb",))


def test_the_line_for_cron_names_folders_where_they_are_not_the_usual_ones() -> None:
    assert command.describe_renewal_of_all(settings()) == "certbot renew --quiet"
    moved = settings(certbot_config_dir=Path("/srv/le"))
    assert "--config-dir /srv/le " in command.describe_renewal_of_all(moved)
