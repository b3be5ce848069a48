"""Checks of certificates: the one that is served, its file, and its renewal."""

from __future__ import annotations

import shlex
import stat
import time
from typing import TYPE_CHECKING

from wb_cli.edge.certbot_command import describe_renewal_of_all
from wb_cli.edge.certificates import Haste, judge_haste
from wb_cli.observe.certificates import Renewal
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import Severity, Sign, of_instance
from wb_cli.quantities import describe_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.observe.certificates import CertificateStatus
    from wb_cli.observe.doctor.facts import Facts

CRON_FILE = "/etc/cron.d/certbot"
MEND = "wb init-ssl {ids}"


def _list_statuses(facts: Facts) -> Iterator[CertificateStatus]:
    for known in facts.known:
        if known.certificate and known.certificate.has_https:
            yield known.certificate


@check("tls-expiring", "browsers refuse a site whose certificate has expired")
def find_expiring_certificates(facts: Facts) -> Iterator[Sign]:
    """The certificate that nginx serves is soon over, so its renewal failed."""
    now = time.time()
    for status in _list_statuses(facts):
        haste = judge_haste(status.current, now) if status.current else Haste.NONE
        if haste is Haste.NONE or not status.current:
            continue
        severity = Severity.WARNING if haste is Haste.SOON else Severity.CRITICAL
        verb = "expired" if haste is Haste.EXPIRED else "expires"
        what = f"its certificate {verb} {describe_day(status.current.not_after)}"
        advice = f"Why it was not renewed: {facts.settings.certbot_logs_dir}."
        yield of_instance(status.instance, severity, what, MEND, advice)


@check("tls-stale", "people get the old certificate until it expires")
def find_stale_certificates(facts: Facts) -> Iterator[Sign]:
    """Nginx serves another certificate than certbot has: it was not reloaded."""
    for status in _list_statuses(facts):
        served, file = status.served, status.file
        if served and file and status.is_stale and served.is_for(status.domain_name):
            what = (
                f"nginx serves the certificate until {describe_day(served.not_after)}, "
                f"and not the one until {describe_day(file.not_after)}"
            )
            yield of_instance(status.instance, Severity.WARNING, what, MEND)


@check("tls-name", "browsers refuse a site whose certificate has another name")
def find_wrong_certificates(facts: Facts) -> Iterator[Sign]:
    """Nginx serves a certificate for another name."""
    for status in _list_statuses(facts):
        served = status.served
        if served and not served.is_for(status.domain_name):
            names = ", ".join(served.names) or "no name"
            what = f"nginx serves a certificate for {names} at {status.domain_name}"
            advice = "Another site may answer in its place: `nginx -T` shows them all."
            yield of_instance(status.instance, Severity.CRITICAL, what, MEND, advice)


@check("tls-gone", "nginx refuses its whole configuration at the next reload or start")
def find_gone_certificates(facts: Facts) -> Iterator[Sign]:
    """A site needs a certificate that certbot has no more."""
    for status in _list_statuses(facts):
        if not status.file:
            what = f"its site needs a certificate for {status.domain_name}, and there is none"
            advice = "It serves HTTP then, until `wb init-ssl {id}`."
            yield of_instance(
                status.instance, Severity.CRITICAL, what, "wb init-nginx {ids}", advice
            )


@check("tls-key-open", "whoever reads the key can pose as the site")
def find_open_keys(facts: Facts) -> Iterator[Sign]:
    """The private key of a certificate can be read by every user."""
    for status in _list_statuses(facts):
        if status.key and status.key.mode & (stat.S_IROTH | stat.S_IWOTH):
            what = f"the private key {status.key.path} has the mode {status.key.mode:04o}"
            command = f"chmod o= {shlex.quote(status.key.path)}"
            yield of_instance(status.instance, Severity.WARNING, what, command)


@check("tls-not-renewed", "the certificate expires, or nginx goes on with the old one")
def find_unrenewed_certificates(facts: Facts) -> Iterator[Sign]:
    """Nothing renews a certificate, or nothing tells nginx of it."""
    cron = f"17 3,15 * * * root {describe_renewal_of_all(facts.settings)}"
    mends = {
        Renewal.NO_TIMER: (
            "nothing on this machine starts certbot's renewal",
            f"echo {shlex.quote(cron)} > {CRON_FILE}",
            "Debian's package of certbot brings a timer of systemd.",
        ),
        Renewal.NO_RELOAD: (
            "a renewal of its certificate does not reload nginx",
            "wb init-ssl {ids} --renew",
            "",
        ),
        Renewal.BROKEN: (
            "the script is gone that reloads nginx after a renewal",
            MEND,
            "",
        ),
    }
    for status in _list_statuses(facts):
        if status.renewal in mends:
            what, command, advice = mends[status.renewal]
            yield of_instance(status.instance, Severity.WARNING, what, command, advice)
