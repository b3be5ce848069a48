"""Look at the sites: what stands there for each instance, and what should."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.edge.certificates import find_certificate
from wb_cli.edge.describe import describe_site, name_server
from wb_cli.edge.judge import Judged, SiteState, is_of, judge
from wb_cli.edge.mark import PREFIX, SUFFIX, name_file, read_mark
from wb_cli.edge.site import PROBE_PATH, Site, make_digest, render
from wb_cli.errors import WbError
from wb_cli.host.web import nginx, site_files
from wb_cli.host.web.site_probe import ask_site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.host.web.site_files import SiteFile
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance

PROBES_AT_A_TIME = 8


class Served(StrEnum):
    """Whether nginx serves a site. ``OLD``: it serves another text of the site."""

    YES = "yes"
    OLD = "old text"
    NO = "no"


class SeenSite(Struct, frozen=True):
    """The site of an instance: its files, their state, and what should stand there.

    ``site`` and ``text`` are ``None`` for an instance that is not declared.
    """

    instance: str
    file: SiteFile
    judged: Judged
    site: Site | None = None
    text: str | None = None

    @property
    def state(self) -> SiteState:
        """The state of the site."""
        return self.judged.state


def find_registry(settings: Settings) -> Path:
    """Find the registry file by the path that all its users share."""
    return Path(os.path.realpath(settings.servers_file))


def look_at_site(
    instance: Instance, settings: Settings, *, without_certificate: bool = False
) -> SeenSite:
    """Look at the site of a declared instance.

    ``without_certificate`` leaves out one that is there, because it is about to be removed.

    Raises:
        WbError: it cannot be said what the site should be, as no domain is set.
    """
    name = name_server(instance.id, settings)
    certificate = None if without_certificate else find_certificate(settings, name)
    registry = find_registry(settings)
    site = describe_site(instance, settings, certificate, registry, has_ipv6=nginx.has_ipv6())
    text = render(site)
    file = look_at_file(instance.id, settings)
    return SeenSite(instance.id, file, judge(file, text, registry), site, text)


def look_at_undeclared(instance_id: str, settings: Settings) -> SeenSite:
    """Look at the site of an instance that the registry file does not have."""
    file = look_at_file(instance_id, settings)
    return SeenSite(instance_id, file, judge(file, None, find_registry(settings)))


def look_at_file(instance_id: str, settings: Settings) -> SiteFile:
    """Look at the files of an instance's site."""
    return site_files.look(settings.sites_available, settings.sites_enabled, name_file(instance_id))


def has_site(instance_id: str, settings: Settings) -> bool:
    """Whether an instance has a site that wb wrote for this registry file."""
    file = look_at_file(instance_id, settings)
    mark = read_mark(file.text) if file.text else None
    return mark is not None and is_of(mark, find_registry(settings))


def list_own_sites(settings: Settings) -> list[str]:
    """List the instances that have a site of this registry file, declared or not.

    Raises:
        WbError: a folder of nginx cannot be read.
    """
    folders = (settings.sites_available, settings.sites_enabled)
    try:
        names = site_files.list_names(folders, PREFIX, SUFFIX)
    except OSError as error:
        raise site_files.make_error(error, "read", Path(error.filename)) from error
    ids = (name.removeprefix(PREFIX).removesuffix(SUFFIX) for name in names)
    return [id_ for id_ in ids if has_site(id_, settings)]


def ask_served(sites: Sequence[SeenSite]) -> dict[str, Served]:
    """Ask nginx which of the sites it serves. Sites that should not be there are left out."""
    known = [seen for seen in sites if seen.site]
    with ThreadPoolExecutor(PROBES_AT_A_TIME) as pool:
        return dict(zip((s.instance for s in known), pool.map(_ask, known), strict=True))


def _ask(seen: SeenSite) -> Served:
    site = seen.site
    if site is None:
        return Served.NO
    answer = ask_site(site.http[0], site.server_name, PROBE_PATH)
    name, _, digest = answer.partition(" ")
    if name != seen.instance:
        return Served.NO
    return Served.YES if digest == make_digest(site) else Served.OLD


def refuse_missing_folders(settings: Settings) -> None:
    """Refuse to write sites where nginx has no folders for them.

    Raises:
        WbError: one of the folders is not there.
    """
    for name in ("sites_available", "sites_enabled"):
        folder: Path = getattr(settings, name)
        if not folder.is_dir():
            origin = settings.origins.get(name, "default")
            raise WbError(
                f"{folder} ({name}, from {origin}) is not there",
                "`apt-get install nginx` makes it. If nginx reads another folder: "
                f"`wb config settings set {name}=<folder>`.",
            )
