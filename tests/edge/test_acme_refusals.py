"""What an ACME server would refuse is not asked for, and the time is told."""

from typing import Any

import pytest
from edge.test_certificates import NAME, NOW, decided, lineage
from msgspec.structs import replace

from wb_cli.edge.acme_refusals import Spent, find_registered_domain, refuse_beyond_limits
from wb_cli.edge.certificates import STAGING_SERVER, decide
from wb_cli.errors import WbError
from wb_cli.host.web.certbot import Issued
from wb_cli.instances.host_settings.certificate_settings import LETS_ENCRYPT
from wb_cli.quantities import DAY_S, HOUR_S, describe_moment


def issued(name: str, ago: float = 0, server: str = LETS_ENCRYPT) -> Issued:
    """A certificate that was got so many seconds ago; Let's Encrypt dates it an hour back."""
    return Issued(frozenset({name}), NOW - ago - HOUR_S, server)


def refused(
    *names: str, spent: tuple[Issued, ...] = (), per_week: int = 50, **fields: Any
) -> dict[str, WbError]:
    requests = {name: decided(name=f"{name}.example.org") for name in names}
    return refuse_beyond_limits(
        requests, replace(Spent(LETS_ENCRYPT, per_week, spent), **fields), NOW
    )


def test_forty_instances_of_a_new_host_are_within_the_limit() -> None:
    assert refused(*map("i{}".format, range(40))) == {}


def test_the_sixty_first_ones_get_theirs_and_the_others_hear_when() -> None:
    late = refused(*map("i{}".format, range(60)))
    assert list(late) == list(map("i{}".format, range(50, 60)))
    every = 7 * DAY_S / 50
    first, last = describe_moment(NOW + every), describe_moment(NOW + 10 * every)
    assert {error.message for error in late.values()} == {
        (
            "the limit of 50 new certificates a week for example.org is used up; the next one "
            f"is possible {first}"
        )
    }
    assert f"one every 202 minutes, the last {last}" in late["i50"].hint
    assert "wb init-ssl all --wildcard" in late["i50"].hint


def test_what_this_host_got_in_the_last_days_counts() -> None:
    week = tuple(issued(f"x{n}.example.org", ago=DAY_S) for n in range(50))
    assert len(refused(*map("i{}".format, range(10)), spent=week)) == 3


def test_a_single_one_that_is_late_hears_when() -> None:
    late = refused("i", spent=tuple(issued(f"x{n}.example.org") for n in range(50)))
    assert late["i"].hint.startswith("Repeat the command then (then)")


@pytest.mark.parametrize(
    "spent",
    [
        tuple(issued(f"x{n}.example.com") for n in range(50)),
        tuple(issued(f"x{n}.example.org", server=STAGING_SERVER) for n in range(50)),
        tuple(issued("x.example.org", ago=n * 9 * HOUR_S) for n in range(50)),
    ],
    ids=["another domain's", "another server's", "renewals"],
)
def test_what_does_not_count_refuses_nobody(spent: tuple[Issued, ...]) -> None:
    assert refused("i", spent=spent) == {}


def test_a_renewal_is_not_among_the_new_ones() -> None:
    full = tuple(issued(f"x{n}.example.org", ago=9) for n in range(49))
    requests = {"demo": decided(lineage(NAME, left=9))}
    spent = Spent(LETS_ENCRYPT, 50, (*full, issued(NAME, ago=9)))
    assert refuse_beyond_limits(requests, spent, NOW) == {}


def test_a_limit_of_zero_and_the_test_server_refuse_nobody() -> None:
    full = tuple(issued(f"x{n}.example.org") for n in range(50))
    assert refused("i", spent=full, per_week=0) == {}
    assert refused("i", spent=full, server=STAGING_SERVER) == {}


def test_what_is_kept_is_not_asked_for() -> None:
    requests = {"demo": decided(lineage(NAME))}
    assert refuse_beyond_limits(requests, Spent(LETS_ENCRYPT, 1), NOW) == {}


def test_the_sixth_certificate_of_the_same_name_is_refused() -> None:
    same = (issued("i.example.org"),) * 5
    (error,) = refused("i", spent=same).values()
    assert "i.example.org got 5 certificates within a week" in error.message
    assert describe_moment(NOW + 7 * DAY_S / 5) in error.message
    assert refused("i", spent=same[:4]) == {}


def test_after_five_failures_the_server_is_left_alone() -> None:
    failures = {"i.example.org": [NOW - n for n in range(5)]}
    (error,) = refused("i", failures=failures).values()
    assert "5 validations of i.example.org failed within an hour" in error.message
    assert refused("i", failures={"i.example.org": [NOW - HOUR_S] * 5}) == {}
    assert refused("i", failures={"j.example.org": [NOW] * 5}) == {}


def test_the_failures_of_a_wildcard_are_those_of_its_domain() -> None:
    request = decide((), "*.example.org", "x", LETS_ENCRYPT, NOW)
    spent = Spent(LETS_ENCRYPT, 50, failures={"example.org": [NOW] * 5})
    assert "failed within an hour" in str(refuse_beyond_limits({"x": request}, spent, NOW)["x"])


def test_what_the_server_said_holds_for_all_hosts_and_for_its_own_idea_of_a_domain() -> None:
    (error,) = refused("i", used_up={"example.org": NOW + HOUR_S}).values()
    assert error.message == (
        "the ACME server gives example.org no new certificate until "
        f"{describe_moment(NOW + HOUR_S)}: it counts those of all hosts"
    )
    assert "wb init-ssl all --wildcard" in error.hint
    assert refused("i", used_up={"example.org": NOW - 1}) == {}
    assert refused("i", used_up={"ample.org": NOW + HOUR_S}) == {}
    assert refused("i", per_week=0, used_up={"example.org": NOW + HOUR_S}) == {}
    assert refused("i", used_up={"example.org": NOW + HOUR_S}, server=STAGING_SERVER) == {}


def test_a_registered_domain_that_the_server_named_is_counted_by() -> None:
    full = tuple(issued(f"x{n}.other.org") for n in range(50))
    assert find_registered_domain("a.health.gouv.ml", ["health.gouv.ml"]) == "health.gouv.ml"
    assert find_registered_domain("*.example.org", ["example.org"]) == "example.org"
    assert refused("i", spent=full, used_up={"example.org": NOW - 1}) == {}


def test_what_is_assumed_is_said() -> None:
    late = refused("i", spent=tuple(issued(f"x{n}.example.org") for n in range(50)))
    assert "takes example.org for the registered domain" in late["i"].hint
    assert "`--set certificates_per_week=0`" in late["i"].hint


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("a.example.org", "example.org"),
        ("*.example.org", "example.org"),
        ("a.b.example.org", "example.org"),
        ("a.data.gov.et", "data.gov.et"),
        ("a.example.co.uk", "example.co.uk"),
        ("a.ministry.et", "ministry.et"),
        ("moh.et", "moh.et"),
        ("localhost", "localhost"),
    ],
)
def test_the_registered_domain_is_what_the_limit_counts_by(name: str, domain: str) -> None:
    assert find_registered_domain(name) == domain
