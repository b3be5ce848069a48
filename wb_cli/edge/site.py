"""What a site file of nginx must be: one file for each instance."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import LAST_HOUR_PATH, METRICS_PATH, OPENAPI_PATH, PrivateRoutes
from wb_cli.edge import away_page, private_routes
from wb_cli.edge.text import as_comment, indent, quote, shorten_size

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.edge.mark import Mark

ACME_PATH = "/.well-known/acme-challenge/"
# On this path a site says which text of it nginx serves.
PROBE_PATH = "/.well-known/wb-site"
CONNECT_WITHIN_S = 5
HTTPS_PORT = "443"


class CertificateFiles(Struct, frozen=True):
    """The files of a certificate: its chain, and its private key."""

    chain: Path
    key: Path


class Site(Struct, frozen=True, kw_only=True):
    """A site: the name that it answers to, the platform behind it, and how it forwards.

    ``http`` and ``https`` are what nginx listens on, such as ``80`` or ``[::]:80``. ``forward``
    are the private routes that are forwarded all the same.
    """

    mark: Mark
    label: str
    server_name: str
    upstream: str
    http: tuple[str, ...]
    https: tuple[str, ...]
    max_body: int
    timeout_s: int
    acme_webroot: Path
    forward: tuple[PrivateRoutes, ...] = ()
    certificate: CertificateFiles | None = None
    french: bool = False

    @property
    def url(self) -> str:
        """The address at which people reach the instance."""
        listen, usual = (self.https, HTTPS_PORT) if self.certificate else (self.http, "80")
        scheme = "https" if self.certificate else "http"
        port = listen[0].rpartition(":")[2]
        return f"{scheme}://{self.server_name}{'' if port == usual else f':{port}'}"


def render(site: Site) -> str:
    """Write the text of the site's file.

    Raises:
        WbError: a path has a character that nginx would take for more than a part of a path.
    """
    return _write(site, make_digest(site))


def make_digest(site: Site) -> str:
    """Make the short text that tells one text of a site from another. nginx serves it."""
    return hashlib.sha256(_write(site, "").encode()).hexdigest()[:12]


def _write(site: Site, digest: str) -> str:
    servers = _list_servers(site, f"{site.mark.instance} {digest}")
    return "\n".join([*_write_head(site), *(line for server in servers for line in server)]) + "\n"


def _write_head(site: Site) -> list[str]:
    forwards_changes = PrivateRoutes.CHANGES in site.forward
    return [
        *site.mark.write(),
        f"# {as_comment(site.label)}: {site.url}",
        "",
        "map $http_upgrade $wb_connection {",
        "    default upgrade;",
        '    "" close;',
        "}",
        *([] if forwards_changes else ["", *private_routes.write_map()]),
    ]


def _list_servers(site: Site, probe: str) -> list[list[str]]:
    """List the servers: one for both, or one that leads from HTTP to HTTPS, and one for HTTPS."""
    found = _write_acme(site) + _write_probe(probe)
    if not site.certificate:
        return [_write_server(site, site.http, found + _write_forwarding(site))]
    redirect = ["", "location / {", f"    return 301 {site.url}$request_uri;", "}"]
    secured = _write_tls(site.certificate) + _write_forwarding(site)
    listens = [f"{listen} ssl http2" for listen in site.https]
    return [_write_server(site, site.http, found + redirect), _write_server(site, listens, secured)]


def _write_server(site: Site, listens: list[str] | tuple[str, ...], lines: list[str]) -> list[str]:
    return [
        "",
        "server {",
        *indent(
            [
                *(f"listen {listen};" for listen in listens),
                f"server_name {quote(site.server_name)};",
                "# The first site of a port also gets what no site answers to.",
                f"if ($host != {quote(site.server_name)}) {{ return 421; }}",
                *lines,
            ]
        ),
        "}",
    ]


def _write_acme(site: Site) -> list[str]:
    return [
        "",
        f"location ^~ {ACME_PATH} {{",
        f"    root {quote(str(site.acme_webroot))};",
        "    default_type text/plain;",
        "    try_files $uri =404;",
        "}",
    ]


def _write_probe(probe: str) -> list[str]:
    return [
        "",
        f"location = {PROBE_PATH} {{",
        "    default_type text/plain;",
        f'    return 200 "{probe}";',
        "}",
    ]


def _write_tls(certificate: CertificateFiles) -> list[str]:
    return [
        "",
        f"ssl_certificate {quote(str(certificate.chain))};",
        f"ssl_certificate_key {quote(str(certificate.key))};",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_session_cache shared:wb:4m;",
        "ssl_session_timeout 1d;",
    ]


def _write_forwarding(site: Site) -> list[str]:
    closed = {
        METRICS_PATH: PrivateRoutes.METRICS,
        LAST_HOUR_PATH: PrivateRoutes.METRICS,
        OPENAPI_PATH: PrivateRoutes.OPENAPI,
    }
    return [
        "",
        f"client_max_body_size {shorten_size(site.max_body)};",
        "# What the platform compressed is passed as it is, and nothing is compressed here.",
        "gzip off;",
        *(
            line
            for path, routes in closed.items()
            if routes not in site.forward
            for line in ("", f"location = {path} {{ return 403; }}")
        ),
        "",
        "location / {",
        *indent(_write_proxy(site)),
        "}",
        "",
        *away_page.write_location(site.label, french=site.french),
    ]


def _write_proxy(site: Site) -> list[str]:
    forwards_changes = PrivateRoutes.CHANGES in site.forward
    return [
        *([] if forwards_changes else [private_routes.write_refusal()]),
        f"proxy_pass http://{site.upstream};",
        "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $wb_connection;",
        "proxy_set_header Host $host;",
        "# What a client claims of itself is replaced.",
        "proxy_set_header X-Real-IP $remote_addr;",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_set_header X-Forwarded-Host $host;",
        "proxy_set_header X-Forwarded-Port $server_port;",
        'proxy_set_header Forwarded "";',
        "# An answer is passed on as it comes, so that a stream is one.",
        "proxy_buffering off;",
        f"proxy_connect_timeout {CONNECT_WITHIN_S}s;",
        f"proxy_read_timeout {site.timeout_s}s;",
        f"proxy_send_timeout {site.timeout_s}s;",
        "# The platform's own errors stay; this is for a platform that is away.",
        "proxy_intercept_errors off;",
        f"error_page 502 = {away_page.LOCATION};",
    ]
