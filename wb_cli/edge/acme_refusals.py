"""Which certificates an ACME server would refuse now, and from when on it would not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.edge.acme_limits import BACKDATED_S, FAILURES, PER_NAMES, Bucket, limit_new
from wb_cli.edge.certificates import STAGING_SERVER, Step
from wb_cli.errors import WbError
from wb_cli.quantities import MINUTE_S, describe_moment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wb_cli.edge.certificates import Request
    from wb_cli.host.web.certbot import Issued

# The second label of a registered domain is short where the country's own stands there: co.uk.
SHORT_LABEL, COUNTRY_LABEL = 3, 2
ONE_FOR_ALL = "have one certificate for all instances: `wb init-ssl all --wildcard`."


class Spent(Struct, frozen=True):
    """What an ACME server has given already, and its limit.

    ``failures`` are the moments at which validations failed, by domain name. ``used_up`` are the
    registered domains for which it gave no more certificates, and until when.
    """

    server: str
    per_week: int
    issued: tuple[Issued, ...] = ()
    failures: Mapping[str, Sequence[float]] = field(default_factory=dict)
    used_up: Mapping[str, float] = field(default_factory=dict)


def refuse_beyond_limits(
    requests: Mapping[str, Request], spent: Spent, now: float
) -> dict[str, WbError]:
    """Find the requests that the ACME server would refuse now, by instance.

    Those that are asked for first are let through, as many as the limits allow.
    """
    if spent.server == STAGING_SERVER:
        return {}
    ours = [issued for issued in spent.issued if issued.server == spent.server]
    asked = {id_: request for id_, request in requests.items() if request.step is not Step.KEEP}
    closed = {
        id_: error
        for id_, request in asked.items()
        if (error := _find_closed(request, ours, spent.failures, now))
    }
    rest = {id_: request for id_, request in asked.items() if id_ not in closed}
    return closed | _refuse_new(rest, ours, spent, now)


def _find_closed(
    request: Request, ours: Sequence[Issued], failures: Mapping[str, Sequence[float]], now: float
) -> WbError | None:
    """Find why not even this one certificate is given out."""
    names = frozenset(request.names)
    same = [issued.moment + BACKDATED_S for issued in ours if issued.names == names]
    possible = Bucket(PER_NAMES, same, now).take()
    if possible > now:
        return WbError(
            f"{request.names[0]} got {PER_NAMES.count} certificates within a week, and an ACME "
            f"server gives out no more of the same names until {describe_moment(possible)}",
            "Use one that is there: `wb list-ssl` shows what is served.",
        )
    # A wildcard is validated at the name below which it stands.
    asked = {name.removeprefix("*.") for name in request.names}
    failed = [moment for name in sorted(asked) for moment in failures.get(name, ())]
    possible = Bucket(FAILURES, failed, now).take()
    if possible > now:
        return WbError(
            f"{FAILURES.count} validations of {request.names[0]} failed within an hour, so that "
            f"no other is tried until {describe_moment(possible)}",
            "Correct what they failed of meanwhile; `--staging` has a limit of its own.",
        )
    return None


def _refuse_new(
    asked: Mapping[str, Request], ours: Sequence[Issued], spent: Spent, now: float
) -> dict[str, WbError]:
    """Refuse the new certificates that are too many, each with the moment for the first."""
    limit = limit_new(spent.per_week)
    known = {issued.names for issued in ours}
    new = {id_: request for id_, request in asked.items() if frozenset(request.names) not in known}
    if not limit or not new:
        return {}
    domain = find_registered_domain(next(iter(new.values())).names[0], spent.used_up)
    if spent.used_up.get(domain, 0) > now:
        return dict.fromkeys(new, _make_told_error(domain, spent.used_up[domain]))
    bucket = Bucket(limit, _list_first(ours, domain, spent.used_up), now)
    moments = {id_: bucket.take() for id_ in new}
    late = {id_: moment for id_, moment in moments.items() if moment > now}
    if not late:
        return {}
    first, last = (describe_moment(moment) for moment in (min(late.values()), max(late.values())))
    every = f"one every {limit.refill_s / MINUTE_S:.0f} minutes"
    then = f"{every}, the last {last}" if len(late) > 1 else "then"
    return {
        id_: WbError(
            f"the limit of {spent.per_week} new certificates a week for {domain} is used up; the "
            f"next one is possible {first}",
            f"Repeat the command then ({then}), or {ONE_FOR_ALL} wb counts what this host got, and "
            f"takes {domain} for the registered domain; where that is wrong, "
            "`--set certificates_per_week=0` leaves the counting to the server.",
        )
        for id_ in late
    }


def _make_told_error(domain: str, until: float) -> WbError:
    return WbError(
        f"the ACME server gives {domain} no new certificate until {describe_moment(until)}: it "
        "counts those of all hosts",
        f"Repeat the command then, or {ONE_FOR_ALL}",
    )


def _list_first(ours: Sequence[Issued], domain: str, told: Collection[str]) -> list[float]:
    """List when names below a domain got their first certificate. The others were renewals."""
    first: dict[frozenset[str], float] = {}
    for issued in ours:
        if any(find_registered_domain(name, told) == domain for name in issued.names):
            moment = issued.moment + BACKDATED_S
            first[issued.names] = min(first.get(issued.names, moment), moment)
    return list(first.values())


def find_registered_domain(name: str, told: Collection[str] = ()) -> str:
    """Find the part of a domain name that somebody registered, as the limits count by it.

    What the server ``told`` is right. Else it is assumed: the true list of such parts, the Public
    Suffix List, is long, and a copy of it would grow old here. Two labels are right for most names,
    and three where a country has domains such as ``gov.et``.
    """
    for domain in told:
        if f".{name}".endswith(f".{domain}"):
            return domain
    labels = name.removeprefix("*.").split(".")
    is_of_country = len(labels[-1]) == COUNTRY_LABEL
    has_short = len(labels) > COUNTRY_LABEL and len(labels[-2]) <= SHORT_LABEL
    return ".".join(labels[-3 if is_of_country and has_short else -2 :])
