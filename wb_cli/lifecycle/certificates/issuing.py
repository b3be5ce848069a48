"""Give instances certificates, and have nginx serve them."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.edge import certbot_command, certificates
from wb_cli.edge.acme_refusals import Spent, refuse_beyond_limits
from wb_cli.edge.certificates import Step
from wb_cli.errors import WbError
from wb_cli.host.web import certbot
from wb_cli.instances.files import write_atomically
from wb_cli.lifecycle.certificates import site
from wb_cli.lifecycle.certificates.outcome import Ending, Outcome
from wb_cli.lifecycle.certificates.tools import find_served, make_certbot, wait_until_served
from wb_cli.lifecycle.certificates.way import check_the_way
from wb_cli.quantities import DAY_S, HOUR_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.edge.certificates import Request
    from wb_cli.host.web.certbot import Lineage
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.options import RunOptions

WB = (sys.executable, "-m", "wb_cli")
HOOK_MODE = 0o755
DONE = {Step.KEEP: Ending.SERVED, Step.ISSUE: Ending.ISSUED, Step.RENEW: Ending.RENEWED}


class Wish(Struct, frozen=True):
    """How certificates are asked for.

    ``renews`` asks for new ones even where the present ones are well. ``checks`` tries the way of
    the ACME server to this machine first.
    """

    wildcard: bool = False
    staging: bool = False
    renews: bool = False
    checks: bool = True


class Issuing:
    """Gives instances certificates, one by one."""

    def __init__(self, settings: Settings, wish: Wish) -> None:
        self._settings, self._wish = settings, wish
        self._server = certificates.choose_server(settings, staging=wish.staging)
        # A wildcard is asked for once: the next instance shares it, or the error.
        self._failed: dict[str, WbError] = {}
        self._renewed: set[str] = set()

    def find_refused(self, instances: Sequence[Instance]) -> dict[str, WbError]:
        """Find the instances for which the ACME server would refuse a certificate now.

        Raises:
            WbError: certbot's files cannot be read.
        """
        settings = self._settings
        lineages = certbot.read_lineages(settings.certbot_config_dir)
        requests: dict[str, Request] = {}
        refused: dict[str, WbError] = {}
        for instance in instances:
            try:
                requests[instance.id] = self._decide(instance, lineages)
            except WbError as error:
                refused[instance.id] = error
        now = time.time()
        asked = (name for request in requests.values() for name in request.names)
        names = {name.removeprefix("*.") for name in asked}
        spent = Spent(
            self._server,
            settings.certificates_per_week,
            certbot.read_issued(settings.certbot_config_dir, lineages),
            certbot.read_failures(settings.certbot_logs_dir, names, now - HOUR_S),
            certbot.read_used_up(settings.certbot_logs_dir, self._server, now - DAY_S),
        )
        by_lineage = {request.lineage: request for request in requests.values()}
        late = refuse_beyond_limits(by_lineage, spent, now)
        return refused | {
            id_: late[request.lineage]
            for id_, request in requests.items()
            if request.lineage in late
        }

    def issue(self, instance: Instance, options: RunOptions) -> Outcome:
        """Give an instance a certificate if it needs one, and have nginx serve it.

        The caller holds the instance's lock.

        Raises:
            WbError: it has no site, or certbot or nginx failed. The site is as it was.
        """
        settings = self._settings
        site.require_site(instance, settings)
        request = self._decide(instance, certbot.read_lineages(settings.certbot_config_dir))
        command: tuple[str, ...] = ()
        reason = request.reason
        if request.step is not Step.KEEP:
            command = self._prepare(instance, request, options)
        elif self._is_served(instance, request):
            self._write_hook(request, options)
            return self._describe(instance, Ending.UNCHANGED, reason)
        else:
            reason = "nginx does not serve the certificate that is there"
        if options.dry_run:
            name = site.find_domain_name(instance, settings)
            return Outcome(Ending.PLANNED, name, reason, request.lineage, command=command)
        options.begin([reason])
        self._write_hook(request, options)
        self._get(request, command, options)
        options.report("having nginx serve it")
        site.put(instance, settings)
        outcome = self._describe(instance, DONE[request.step], reason)
        wait_until_served(settings, outcome.domain_name, outcome.digest)
        return outcome

    def _decide(self, instance: Instance, lineages: Sequence[Lineage]) -> Request:
        settings = self._settings
        lineage = name = site.find_domain_name(instance, settings)
        if self._wish.wildcard:
            name, lineage = f"*.{settings.domain}", certificates.name_wildcard(settings)
        request = certificates.decide(lineages, name, lineage, self._server, time.time())
        is_wished = self._wish.renews and request.lineage not in self._renewed
        return certificates.insist(request) if is_wished else request

    def _prepare(
        self, instance: Instance, request: Request, options: RunOptions
    ) -> tuple[str, ...]:
        """Give the command that gets the certificate, once it is clear that it can."""
        if request.is_wildcard:
            if error := self._failed.get(request.lineage):
                raise error
        elif self._wish.checks:
            options.report("checking the way to this machine")
            name = site.find_domain_name(instance, self._settings)
            check_the_way(self._settings, instance.id, name)
        return certbot_command.describe_request(request, self._settings, self._server)

    def _get(self, request: Request, command: tuple[str, ...], options: RunOptions) -> None:
        if not command:
            return
        options.report(f"getting a certificate for {request.names[0]}")
        runner = make_certbot(self._settings, options)
        try:
            if request.broken:
                runner.set_aside(request.broken)
            runner.run(command)
        except WbError as error:
            self._failed[request.lineage] = error
            raise
        self._renewed.add(request.lineage)

    def _write_hook(self, request: Request, options: RunOptions) -> None:
        """Write the script that certbot calls after a renewal, if it is not there as it should."""
        is_needed = request.step is not Step.KEEP or certbot_command.is_own(request, self._settings)
        hook = certbot_command.find_hook(self._settings)
        text = certbot_command.describe_hook(self._settings, WB).encode()
        if not is_needed or options.dry_run or (hook.is_file() and hook.read_bytes() == text):
            return
        write_atomically(hook, text, mode=HOOK_MODE)

    def _is_served(self, instance: Instance, request: Request) -> bool:
        name = site.find_domain_name(instance, self._settings)
        known = request.current.certificate if request.current else None
        served = find_served(self._settings, name)
        is_current = served is not None and known is not None and served.digest == known.digest
        return is_current and site.is_current(instance, self._settings)

    def _describe(self, instance: Instance, ending: Ending, reason: str) -> Outcome:
        name = site.find_domain_name(instance, self._settings)
        lineages = certbot.read_lineages(self._settings.certbot_config_dir)
        lineage = certificates.choose_lineage(lineages, name, time.time())
        found = lineage.certificate if lineage else None
        if not lineage or not found:
            raise WbError(
                f"certbot reports success, and there is no certificate for {name}",
                "`certbot certificates` shows what it has.",
            )
        return Outcome(
            ending,
            name,
            reason,
            lineage.name,
            found.issuer,
            found.not_after,
            digest=found.digest,
        )
