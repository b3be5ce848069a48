"""Checks of nginx, and of the sites that wb wrote for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.edge.judge import SiteState
from wb_cli.lifecycle.sites.survey import Served
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import Severity, Sign, of_instance
from wb_cli.quantities import shorten_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.lifecycle.sites.survey import SeenSite
    from wb_cli.observe.doctor.facts import Facts


@check("site-differs", "people are led to an old port or name, or do not reach the instance")
def find_sites_that_differ(facts: Facts) -> Iterator[Sign]:
    """A site is not what it should be, or nginx does not serve it."""
    chosen = {known.instance.id for known in facts.known}
    for seen in facts.machine.sites.seen:
        what = _describe_difference(seen, facts)
        if what and seen.instance in chosen:
            yield of_instance(seen.instance, Severity.WARNING, what, "wb init-nginx {ids}")


def _describe_difference(seen: SeenSite, facts: Facts) -> str:
    if seen.state is SiteState.DIFFERS:
        return "its nginx site is not what its declaration asks for"
    if seen.state is SiteState.NOT_ENABLED:
        return "its nginx site is not enabled"
    if facts.machine.sites.served.get(seen.instance, Served.YES) is not Served.YES:
        return "nginx does not serve its site as it stands in the file"
    return ""


@check("site-undeclared", "people who come to it see that a platform is away, for ever")
def find_undeclared_sites(facts: Facts) -> Iterator[Sign]:
    """Nginx has a site of an instance that the registry file does not have."""
    for seen in facts.machine.sites.seen if facts.chooses_all and not facts.registry_error else ():
        if seen.state is SiteState.UNDECLARED:
            what = "nginx has its site, and it is not in the registry file"
            yield of_instance(seen.instance, Severity.WARNING, what, "wb remove-nginx {ids}")


@check("nginx-down", "nobody reaches the instances by their names")
def find_nginx_down(facts: Facts) -> Iterator[Sign]:
    """There are sites, and nginx does not run."""
    sites = facts.machine.sites
    if sites.is_running is False:
        names = shorten_list([seen.instance for seen in sites.seen])
        what = f"nginx does not run, and there are sites of {names}"
        yield Sign(Severity.CRITICAL, what, sites.start)


@check("nginx-refuses", "no change reaches nginx, and once it stops it cannot start again")
def find_refusals_of_nginx(facts: Facts) -> Iterator[Sign]:
    """Nginx refuses its configuration."""
    sites = facts.machine.sites
    if sites.complaint:
        what = f"nginx refuses its configuration: {sites.complaint}"
        yield Sign(Severity.CRITICAL, what, sites.test, sites.complaint.advice)
