"""Look at the certificates of instances: what certbot has, what nginx serves, who renews it."""

from __future__ import annotations

import shlex
import time
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.edge.certbot_command import is_own_hook
from wb_cli.edge.certificates import choose_lineage, find_local_address
from wb_cli.errors import WbError
from wb_cli.host import folders
from wb_cli.host.web import certbot
from wb_cli.host.web.served_certificate import ask_for_certificate
from wb_cli.lifecycle.certificates import site
from wb_cli.lifecycle.sites.survey import has_site
from wb_cli.observe.status.side_by_side import ask_all
from wb_cli.quantities import DAY_S, write_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.host.folders import Access
    from wb_cli.host.web.certbot import Lineage
    from wb_cli.host.web.x509 import Certificate
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance

WITHIN_S = 8.0


class Renewal(StrEnum):
    """Whether a certificate is renewed. The value is shown.

    ``NO_RELOAD``: it is renewed, and nginx is not told. ``NO_TIMER``: nothing on this machine
    starts certbot. ``BROKEN``: the script that certbot calls is not there.
    """

    WELL = "by certbot"
    NO_RELOAD = "nginx is not reloaded"
    BROKEN = "its script is gone"
    NO_TIMER = "no timer"
    NONE = ""


class CertificateStatus(Struct, frozen=True):
    """How the certificate of an instance stands.

    ``has_https``: its site is set up for HTTPS. ``file`` is the certificate that certbot has, and
    ``served`` the one that nginx serves. ``problem`` says why it is not known which is served.
    """

    instance: str
    domain_name: str
    has_https: bool = False
    lineage: str = ""
    file: Certificate | None = None
    served: Certificate | None = None
    problem: str = ""
    renewal: Renewal = Renewal.NONE
    key: Access | None = None

    @property
    def current(self) -> Certificate | None:
        """The certificate that counts: the one that is served, or else the file."""
        return self.served or self.file

    @property
    def is_stale(self) -> bool:
        """Whether nginx serves another certificate than the file, as after a missed reload."""
        return bool(self.served and self.file and self.served.digest != self.file.digest)

    def count_days(self, now: float) -> int | None:
        """Count the whole days that the certificate is still valid. Negative: it is expired."""
        return int((self.current.not_after - now) // DAY_S) if self.current else None

    def as_document(self) -> dict[str, Any]:
        """Give the status for ``--json``."""
        current = self.current
        return {
            "domain": self.domain_name or None,
            "lineage": self.lineage or None,
            "issuer": current.issuer if current else None,
            "names": list(current.names) if current else [],
            "fileValidUntil": write_moment(self.file.not_after) if self.file else None,
            "servedValidUntil": write_moment(self.served.not_after) if self.served else None,
            "daysLeft": self.count_days(time.time()),
            "isFileServed": None if self.problem else bool(self.served) and not self.is_stale,
            "renewal": self.renewal or None,
            "problem": self.problem or None,
        }


def look_at_certificates(
    instances: Sequence[Instance], settings: Settings
) -> dict[str, CertificateStatus | WbError]:
    """Look at the certificates of instances, side by side.

    Raises:
        WbError: certbot's files cannot be read.
    """
    lineages = certbot.read_lineages(settings.certbot_config_dir)
    jobs = {instance.id: partial(look, instance, settings, lineages) for instance in instances}
    answers = ask_all(jobs, WITHIN_S)
    late = WbError(f"no answer within {WITHIN_S:g} s")
    return {instance.id: answers.get(instance.id, late) for instance in instances}


def look_if_there(instance: Instance, settings: Settings) -> CertificateStatus | None:
    """Look at the certificate of one instance; ``None`` if it has no site.

    Raises:
        WbError: certbot's files cannot be read.
    """
    if not has_site(instance.id, settings):
        return None
    return look(instance, settings, certbot.read_lineages(settings.certbot_config_dir))


def look(instance: Instance, settings: Settings, lineages: Sequence[Lineage]) -> CertificateStatus:
    """Look at the certificate of one instance.

    Raises:
        UsageError: no domain is set.
    """
    name = site.find_domain_name(instance, settings)
    lineage = choose_lineage(lineages, name, time.time())
    has_https = site.has_certificate(instance, settings)
    served, problem = _ask(settings, name) if has_https else (None, "")
    return CertificateStatus(
        instance.id,
        name,
        has_https,
        lineage.name if lineage else "",
        lineage.certificate if lineage else None,
        served,
        problem,
        judge_renewal(lineage, settings) if lineage else Renewal.NONE,
        next(iter(folders.read_access([lineage.key])), None) if lineage else None,
    )


def _ask(settings: Settings, name: str) -> tuple[Certificate | None, str]:
    try:
        return ask_for_certificate(*find_local_address(settings.nginx_https), name), ""
    except WbError as error:
        return None, error.headline


def judge_renewal(lineage: Lineage, settings: Settings) -> Renewal:
    """Judge whether a certificate is renewed in time, and nginx reloaded then."""
    words = shlex.split(lineage.deploy_hook)
    if not words:
        # A certificate of `certbot --nginx` is renewed by the plugin, which reloads nginx.
        return Renewal.WELL if lineage.authenticator == "nginx" else Renewal.NO_RELOAD
    if is_own_hook(lineage.deploy_hook, settings) and not Path(words[0]).is_file():
        return Renewal.BROKEN
    return Renewal.WELL if certbot.has_timer() else Renewal.NO_TIMER
