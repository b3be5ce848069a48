"""Take certificates away: the site goes back to HTTP first, and then the certificate goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.edge import certbot_command
from wb_cli.errors import WbError
from wb_cli.host.web import certbot
from wb_cli.lifecycle.certificates import site
from wb_cli.lifecycle.certificates.outcome import Ending, Outcome
from wb_cli.lifecycle.certificates.tools import make_certbot
from wb_cli.quantities import shorten_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.host.web.certbot import Certbot, Lineage
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.options import RunOptions


class Removing:
    """Takes certificates away from instances, one by one.

    A certificate that several instances share goes with the last of them. ``declared`` are all
    instances, and ``chosen`` those that lose their certificate.
    """

    def __init__(
        self, settings: Settings, declared: Sequence[Instance], chosen: Sequence[Instance]
    ) -> None:
        self._settings = settings
        self._declared = {instance.id: instance for instance in declared}
        self._chosen = {instance.id for instance in chosen}

    def plan(self, instance: Instance) -> Outcome:
        """Say what would be removed of an instance. Nothing is changed.

        Raises:
            WbError: somebody else needs the same certificate.
        """
        name = site.find_domain_name(instance, self._settings)
        lineages = self._find_lineages(name)
        if not lineages and not site.has_certificate(instance, self._settings):
            return Outcome(Ending.NOTHING, name)
        for lineage in lineages:
            self._refuse_strangers(name, lineage)
            self._refuse_others(instance, lineage)
        return Outcome(
            Ending.PLANNED,
            name,
            lineage=", ".join(lineage.name for lineage in lineages),
        )

    def remove(self, instance: Instance, options: RunOptions) -> Outcome:
        """Remove an instance's certificate. The caller holds the instance's lock.

        Raises:
            WbError: as :func:`plan`; or nginx or certbot failed.
        """
        planned = self.plan(instance)
        if planned.ending is Ending.NOTHING or options.dry_run:
            return planned
        options.begin([])
        if site.is_there(instance, self._settings):
            options.report("going back to HTTP")
            site.put(instance, self._settings, without_certificate=True)
        for lineage in self._find_lineages(planned.domain_name):
            if not self._find_users(instance, lineage):
                options.report(f"removing the certificate {lineage.name}")
                self._remove(lineage, make_certbot(self._settings, options))
        return Outcome(Ending.REMOVED, planned.domain_name, lineage=planned.lineage)

    def _remove(self, lineage: Lineage, runner: Certbot) -> None:
        if lineage.problem:
            runner.set_aside(lineage.name)
        else:
            runner.run(certbot_command.describe_removal(lineage.name, self._settings))

    def _find_lineages(self, name: str) -> list[Lineage]:
        """Find all certificates for a domain name, and what a killed certbot left of one."""
        return [
            lineage
            for lineage in certbot.read_lineages(self._settings.certbot_config_dir)
            if (lineage.certificate and lineage.certificate.is_for(name))
            or (lineage.problem and lineage.name == name)
        ]

    def _find_users(self, instance: Instance, lineage: Lineage) -> list[Instance]:
        """Find the other instances whose sites have a certificate."""
        return [
            other
            for other in self._declared.values()
            if other.id != instance.id
            and lineage.certificate
            and lineage.certificate.is_for(site.find_domain_name(other, self._settings))
            and site.has_certificate(other, self._settings)
        ]

    def _refuse_strangers(self, name: str, lineage: Lineage) -> None:
        """Refuse to remove a certificate that is also for names which are no instance's."""
        names = lineage.certificate.names if lineage.certificate else ()
        others = set(names) - {name, f"*.{self._settings.domain}"}
        if others:
            raise WbError(
                f"the certificate {lineage.name} is also for {', '.join(sorted(others))}, so wb "
                "does not remove it",
                f"`certbot delete --cert-name {lineage.name}` does, and then this command goes on.",
            )

    def _refuse_others(self, instance: Instance, lineage: Lineage) -> None:
        users = self._find_users(instance, lineage)
        others = [other.id for other in users if other.id not in self._chosen]
        if others:
            raise WbError(
                f"{instance.id} shares the certificate {lineage.name} with {shorten_list(others)}",
                "Remove it from all of them at once: "
                f"`wb remove-ssl {' '.join([instance.id, *others])}`.",
            )
