"""The settings of certificates, and of certbot, which gets and renews them."""

from pathlib import Path

from wb_cli.instances.host_settings import kinds
from wb_cli.instances.host_settings.setting import Setting

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"

CERTIFICATE_SETTINGS = (
    Setting(
        "acme_server",
        "WB_ACME_SERVER",
        kinds.URL,
        LETS_ENCRYPT,
        "the server that issues certificates: Let's Encrypt's, or one of your own",
    ),
    Setting(
        "acme_ca_file",
        "WB_ACME_CA_FILE",
        kinds.PATH,
        None,
        "the CA by which an ACME server of your own is trusted",
    ),
    Setting(
        "acme_email",
        "WB_ACME_EMAIL",
        kinds.EMAIL,
        None,
        "your address for the ACME server's warnings, or none",
    ),
    Setting(
        "certificates_per_week",
        "WB_CERTIFICATES_PER_WEEK",
        kinds.COUNT,
        50,
        "new certificates that the ACME server gives a domain in a week; 0: any number",
    ),
    Setting(
        "certbot",
        "WB_CERTBOT",
        kinds.COMMAND,
        "certbot",
        "how certbot is called, as in /opt/certbot/bin/certbot",
    ),
    Setting(
        "certbot_config_dir",
        "WB_CERTBOT_CONFIG_DIR",
        kinds.PATH,
        Path("/etc/letsencrypt"),
        "where certbot keeps certificates and their keys",
    ),
    Setting(
        "certbot_work_dir",
        "WB_CERTBOT_WORK_DIR",
        kinds.PATH,
        Path("/var/lib/letsencrypt"),
        "where certbot keeps what it works on",
    ),
    Setting(
        "certbot_logs_dir",
        "WB_CERTBOT_LOGS_DIR",
        kinds.PATH,
        Path("/var/log/letsencrypt"),
        "where certbot writes its logs",
    ),
    Setting(
        "dns_plugin",
        "WB_DNS_PLUGIN",
        kinds.DNS_PLUGIN,
        None,
        "certbot's plugin of your DNS provider for a wildcard, as in cloudflare",
    ),
    Setting(
        "dns_credentials",
        "WB_DNS_CREDENTIALS",
        kinds.PATH,
        None,
        "the file in which this plugin finds its credentials",
    ),
    Setting(
        "dns_auth_hook",
        "WB_DNS_AUTH_HOOK",
        kinds.PATH,
        None,
        "without a plugin: the program that writes the DNS record for a wildcard",
    ),
    Setting(
        "dns_cleanup_hook",
        "WB_DNS_CLEANUP_HOOK",
        kinds.PATH,
        None,
        "the program that removes this DNS record again",
    ),
)
