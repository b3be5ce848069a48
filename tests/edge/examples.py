"""An instance behind nginx, on paper."""

from pathlib import Path
from typing import Any

from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace

from wb_cli.edge.describe import describe_site
from wb_cli.edge.site import CertificateFiles, Site

REGISTRY = Path("/srv/servers.json")
CERTIFICATE = CertificateFiles(Path("/etc/ssl/demo/chain.pem"), Path("/etc/ssl/demo/key.pem"))
BEHIND = replace(SETTINGS, domain="example.org", origins={"domain": "config.toml"})


def site(certificate: CertificateFiles | None = None, **changes: Any) -> Site:
    """The site of an instance with other fields."""
    return describe_site(replace(DEMO, **changes), BEHIND, certificate, REGISTRY)


def site_with(**settings: Any) -> Site:
    """The site of an instance on a host with other settings."""
    return describe_site(DEMO, replace(BEHIND, **settings), None, REGISTRY)
