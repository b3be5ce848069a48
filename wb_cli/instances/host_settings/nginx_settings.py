"""The settings of nginx, which stands in front of the platforms."""

from pathlib import Path

from wb_cli.instances.host_settings import kinds
from wb_cli.instances.host_settings.setting import Setting

NGINX_SETTINGS = (
    Setting(
        "nginx_command",
        "WB_NGINX_COMMAND",
        kinds.COMMAND,
        "nginx",
        "how nginx is called, as in nginx -c /opt/nginx.conf",
    ),
    Setting(
        "nginx_http",
        "WB_NGINX_HTTP",
        kinds.LISTENS,
        ("80", "[::]:80"),
        "ports, or addresses with ports, on which sites listen for HTTP",
    ),
    Setting(
        "nginx_https",
        "WB_NGINX_HTTPS",
        kinds.LISTENS,
        ("443", "[::]:443"),
        "ports, or addresses with ports, on which sites listen for HTTPS",
    ),
    Setting(
        "nginx_max_body",
        "WB_NGINX_MAX_BODY",
        kinds.SIZE,
        256 * 1024**2,
        "the largest body that a request may have, as in 256m",
    ),
    Setting(
        "nginx_timeout",
        "WB_NGINX_TIMEOUT",
        kinds.SECONDS,
        600,
        "the seconds that a platform, or a WebSocket, may be silent",
    ),
    Setting(
        "nginx_upstream",
        "WB_NGINX_UPSTREAM",
        kinds.UPSTREAM,
        None,
        "the IP address of the machine of the platforms, where nginx stands on another",
    ),
    Setting(
        "nginx_forward",
        "WB_NGINX_FORWARD",
        kinds.PRIVATE_ROUTES,
        (),
        "private routes that sites forward all the same: changes, metrics, openapi",
    ),
    Setting(
        "acme_webroot",
        "WB_ACME_WEBROOT",
        kinds.PATH,
        Path("/var/lib/wb/acme"),
        "the folder of the answers to a certificate authority's challenges",
    ),
)
