"""Which certificate an instance has, and which it needs. Pure.

:func:`find_certificate` alone looks at the disk, for those who write nginx's files.
"""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.edge.site import CertificateFiles
from wb_cli.errors import UsageError
from wb_cli.host.web.certbot import read_lineages
from wb_cli.instances.host_settings.certificate_settings import LETS_ENCRYPT
from wb_cli.quantities import DAY_S, describe_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.host.web.certbot import Lineage
    from wb_cli.host.web.x509 import Certificate
    from wb_cli.instances.host_settings.settings import Settings

STAGING_SERVER = "https://acme-staging-v02.api.letsencrypt.org/directory"
# A certificate is renewed in its last third, and one of a few days in its last half (as certbot).
SHORT_LIFE_S = 10 * DAY_S
HTTP_PORT = 80


# When a certificate is soon over: days, or a share of its lifetime, whichever is less. So one of
# 45 or of 6 days is not told while certbot still waits for its time to renew it.
SOON, SOON_SHARE = 21 * DAY_S, 1 / 4
VERY_SOON, VERY_SOON_SHARE = 7 * DAY_S, 1 / 12


class Haste(StrEnum):
    """How soon a certificate is over."""

    NONE = "none"
    SOON = "soon"
    VERY_SOON = "very soon"
    EXPIRED = "expired"


class Step(StrEnum):
    """What is to be done about the certificate of an instance."""

    KEEP = "keep"
    ISSUE = "issue"
    RENEW = "renew"


class Request(Struct, frozen=True):
    """A certificate that is needed.

    ``lineage`` is certbot's name for it. ``names`` are the domain names. ``broken`` is a half-made
    certificate of that name, which is in the way. ``takes_over``: wb sets up its renewal anew, even
    if somebody else had set it up.
    """

    lineage: str
    names: tuple[str, ...]
    step: Step
    reason: str
    current: Lineage | None = None
    broken: str = ""
    takes_over: bool = False

    @property
    def is_wildcard(self) -> bool:
        """Whether it is for all instances at once."""
        return self.names[0].startswith("*.")


def find_certificate(settings: Settings, domain_name: str) -> CertificateFiles | None:
    """Find the certificate of a domain name on this machine.

    Raises:
        WbError: this user may not read certbot's files.
    """
    lineages = read_lineages(settings.certbot_config_dir)
    lineage = choose_lineage(lineages, domain_name, time.time())
    return CertificateFiles(chain=lineage.chain, key=lineage.key) if lineage else None


def choose_lineage(lineages: Sequence[Lineage], domain_name: str, now: float) -> Lineage | None:
    """Choose the certificate for a domain name: a valid one first, and then a wildcard.

    An expired one is better than none, because a browser that once saw HTTPS may insist on it.
    """
    found = [
        (certificate.not_after > now, domain_name not in certificate.names, certificate, lineage)
        for lineage in lineages
        if (certificate := lineage.certificate) and certificate.is_for(domain_name)
    ]
    if not found:
        return None
    return max(found, key=lambda rated: (rated[0], rated[1], rated[2].not_after))[3]


def is_due(certificate: Certificate, now: float) -> bool:
    """Whether it is time to renew a certificate."""
    life = certificate.lifetime_s
    return certificate.not_after - now < (life / 2 if life <= SHORT_LIFE_S else life / 3)


def judge_haste(certificate: Certificate, now: float) -> Haste:
    """Judge how soon a certificate is over."""
    left, life = certificate.not_after - now, certificate.lifetime_s
    if left <= 0:
        return Haste.EXPIRED
    if left < min(VERY_SOON, life * VERY_SOON_SHARE):
        return Haste.VERY_SOON
    return Haste.SOON if left < min(SOON, life * SOON_SHARE) else Haste.NONE


def choose_server(settings: Settings, *, staging: bool) -> str:
    """Choose the ACME server.

    Raises:
        UsageError: the staging server is asked for beside a server of one's own.
    """
    if staging and settings.acme_server != LETS_ENCRYPT:
        raise UsageError(
            f"--staging means Let's Encrypt's server for tests, but acme_server is "
            f"{settings.acme_server}",
            "Leave --staging out, or `wb config settings unset acme_server`.",
        )
    return STAGING_SERVER if staging else settings.acme_server


def name_wildcard(settings: Settings) -> str:
    """Name the certificate for all instances, as certbot keeps it."""
    return f"{settings.domain}-wildcard"


def find_local_address(listens: Sequence[str]) -> tuple[str, int]:
    """Find where this machine reaches what nginx listens on: ``443``, ``[::1]:443``."""
    address, _, port = listens[0].rpartition(":")
    host = address.strip("[]")
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(port)  # noqa: S104


def choose_http_port(settings: Settings) -> int:
    """Choose the port on which the ACME server comes. Let's Encrypt's come on 80 alone."""
    if settings.acme_server == LETS_ENCRYPT:
        return HTTP_PORT
    return find_local_address(settings.nginx_http)[1]


def decide(
    lineages: Sequence[Lineage], name: str, lineage: str, server: str, now: float
) -> Request:
    """Decide what is to be done so that there is a certificate for a domain name.

    ``lineage`` is what certbot calls a new one.

    Raises:
        UsageError: a test certificate would replace a real one.
    """
    current = choose_lineage(lineages, name, now)
    broken = next((found.name for found in lineages if found.name == lineage and found.problem), "")
    if not current or not current.certificate:
        return Request(lineage, (name,), Step.ISSUE, "it has no certificate", broken=broken)
    step, reason = _judge(current, current.certificate, server, now)
    if step is Step.ISSUE:
        return Request(lineage, (name,), step, reason, current, broken)
    return Request(current.name, current.certificate.names, step, reason, current)


def insist(request: Request) -> Request:
    """Make a request for a new certificate of one that is kept."""
    if request.step is not Step.KEEP:
        return request
    # A certificate for several names has an owner elsewhere, who set it up.
    takes_over = len(request.names) == 1
    reason = "--renew asks for a new certificate"
    return replace(request, step=Step.RENEW, reason=reason, takes_over=takes_over)


def _judge(lineage: Lineage, certificate: Certificate, server: str, now: float) -> tuple[Step, str]:
    until = describe_moment(certificate.not_after)
    if lineage.server and lineage.server != server:
        if server == STAGING_SERVER and certificate.not_after > now:
            raise UsageError(
                f"{lineage.name} has a certificate of {certificate.issuer} until {until}, which "
                "one for tests would replace",
                "Leave --staging out, or `wb remove-ssl` it first.",
            )
        return Step.ISSUE, f"its certificate is one of {lineage.server}"
    if certificate.not_after <= now:
        return Step.RENEW, f"its certificate expired {until}"
    if is_due(certificate, now):
        return Step.RENEW, f"its certificate expires {until}"
    return Step.KEEP, f"its certificate is valid until {until}"
