"""Which certificate an instance has, which it needs, and whether it may be asked for."""

from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace
from support.web.certificates import DEMO, WILDCARD

from wb_cli.edge import certificates
from wb_cli.edge.certificates import (
    STAGING_SERVER,
    Haste,
    Request,
    Step,
    choose_lineage,
    decide,
    judge_haste,
)
from wb_cli.edge.site import CertificateFiles
from wb_cli.errors import UsageError
from wb_cli.host.web.certbot import Lineage
from wb_cli.host.web.x509 import Certificate
from wb_cli.instances.host_settings.certificate_settings import LETS_ENCRYPT
from wb_cli.quantities import DAY_S, describe_moment

NOW = 1_800_000_000.0
NAME = "demo.example.org"


def lineage(
    *names: str, left: float = 60, life: float = 90, name: str = "", **fields: Any
) -> Lineage:
    """A certificate with so many days left."""
    ends = NOW + left * DAY_S
    certificate = Certificate(names, "R11", ends - life * DAY_S, ends, "digest")
    name = name or names[0]
    live = Path("/etc/letsencrypt/live") / name
    usual: dict[str, Any] = {"server": LETS_ENCRYPT, "certificate": certificate}
    return Lineage(name, live / "fullchain.pem", live / "privkey.pem", **usual | fields)


# The one that there is


def test_a_certificate_for_another_name_is_none() -> None:
    others = [lineage("other.example.org"), lineage(NAME, certificate=None, problem="half")]
    assert choose_lineage(others, NAME, NOW) is None


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ([lineage(NAME, left=9), lineage(NAME, left=60, name="newer")], "newer"),
        ([lineage(NAME, left=80), lineage("*.example.org", left=9)], "*.example.org"),
        ([lineage(NAME, left=9), lineage("*.example.org", left=-1)], NAME),
        ([lineage(NAME, left=-9), lineage(NAME, left=-1, name="newer")], "newer"),
        ([lineage("x.example.org", NAME, name="several")], "several"),
    ],
    ids=["the longest", "a wildcard", "a valid one", "an expired one", "one of several names"],
)
def test_the_best_certificate_is_chosen(there: list[Lineage], chosen: str) -> None:
    for order in (there, there[::-1]):
        found = choose_lineage(order, NAME, NOW)
        assert found
        assert found.name == chosen


def test_the_files_of_a_certificate_are_found(tmp_path: Path) -> None:
    settings = replace(SETTINGS, certbot_config_dir=tmp_path)
    assert certificates.find_certificate(settings, NAME) is None
    live = tmp_path / "live" / "x"
    live.mkdir(parents=True)
    (tmp_path / "renewal").mkdir()
    chain, key = live / "fullchain.pem", live / "privkey.pem"
    chain.write_text(DEMO + WILDCARD)
    key.write_text("")
    (tmp_path / "renewal" / "x.conf").write_text(f"fullchain = {chain}\nprivkey = {key}\n")
    assert certificates.find_certificate(settings, NAME) == CertificateFiles(chain, key)


# What is to be done


def decided(*lineages: Lineage, server: str = LETS_ENCRYPT, name: str = NAME) -> Request:
    return decide(lineages, name, name, server, NOW)


def test_without_a_certificate_one_is_asked_for() -> None:
    assert decided() == Request(NAME, (NAME,), Step.ISSUE, "it has no certificate")


def test_half_a_certificate_is_in_the_way() -> None:
    half = lineage(NAME, certificate=None, problem="half")
    assert decided(half).broken == NAME
    other = lineage("other.example.org", certificate=None, problem="half")
    assert decided(other).broken == ""


@pytest.mark.parametrize(
    ("left", "life", "step"),
    [
        (60, 90, Step.KEEP),
        (31, 90, Step.KEEP),
        (29, 90, Step.RENEW),
        (-1, 90, Step.RENEW),
        (16, 45, Step.KEEP),
        (14, 45, Step.RENEW),
        (3.1, 6, Step.KEEP),
        (2.9, 6, Step.RENEW),
    ],
)
def test_a_certificate_is_renewed_in_time(left: float, life: float, step: Step) -> None:
    request = decided(lineage(NAME, left=left, life=life, name="old"))
    assert (request.step, request.lineage) == (step, "old")


def test_the_reason_says_until_when() -> None:
    ends = describe_moment(NOW + 60 * DAY_S)
    assert decided(lineage(NAME, left=60)).reason == f"its certificate is valid until {ends}"
    assert "expires" in decided(lineage(NAME, left=9)).reason
    assert "expired" in decided(lineage(NAME, left=-9)).reason


def test_a_certificate_of_a_test_server_is_replaced() -> None:
    request = decided(lineage(NAME, server=STAGING_SERVER))
    assert (request.step, request.names) == (Step.ISSUE, (NAME,))
    assert STAGING_SERVER in request.reason


def test_one_whose_server_is_not_known_is_kept() -> None:
    assert decided(lineage(NAME, server="")).step is Step.KEEP


def test_a_real_certificate_is_not_replaced_by_one_for_tests() -> None:
    with pytest.raises(UsageError, match=r"one for tests would replace") as raised:
        decided(lineage(NAME), server=STAGING_SERVER)
    assert "wb remove-ssl" in raised.value.hint
    assert decided(lineage(NAME, left=-1), server=STAGING_SERVER).step is Step.ISSUE


def test_the_renewal_of_one_for_several_names_is_for_all_of_them() -> None:
    several = lineage("www.example.org", NAME, left=9)
    assert decided(several).names == ("www.example.org", NAME)


def test_a_wish_for_a_new_one_renews_what_would_be_kept() -> None:
    wished = certificates.insist(decided(lineage(NAME)))
    assert (wished.step, wished.takes_over) == (Step.RENEW, True)
    assert not certificates.insist(decided(lineage("www.example.org", NAME))).takes_over
    assert certificates.insist(decided()).step is Step.ISSUE


@pytest.mark.parametrize(
    ("left", "life", "haste"),
    [
        (30, 90, Haste.NONE),
        (22, 90, Haste.NONE),
        (20, 90, Haste.SOON),
        (8, 90, Haste.SOON),
        (6, 90, Haste.VERY_SOON),
        (0, 90, Haste.EXPIRED),
        (20, 45, Haste.NONE),  # certbot renews it from its 30th day on
        (11, 45, Haste.SOON),
        (3, 45, Haste.VERY_SOON),
        (2, 6, Haste.NONE),
        (1, 6, Haste.SOON),
    ],
)
def test_how_soon_it_is_over(left: float, life: float, haste: Haste) -> None:
    certificate = lineage(NAME, left=left, life=life).certificate
    assert certificate
    assert judge_haste(certificate, NOW) is haste


# Where it is asked for


def test_staging_is_lets_encrypts_alone() -> None:
    own = replace(SETTINGS, acme_server="https://ca.example.org/acme")
    assert certificates.choose_server(own, staging=False) == "https://ca.example.org/acme"
    assert certificates.choose_server(SETTINGS, staging=False) == LETS_ENCRYPT
    assert certificates.choose_server(SETTINGS, staging=True) == STAGING_SERVER
    with pytest.raises(UsageError, match=r"ca\.example\.org"):
        certificates.choose_server(own, staging=True)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("443", ("127.0.0.1", 443)),
        ("[::]:443", ("::1", 443)),
        ("0.0.0.0:8443", ("127.0.0.1", 8443)),
        ("192.0.2.1:443", ("192.0.2.1", 443)),
        ("[2001:db8::1]:443", ("2001:db8::1", 443)),
    ],
)
def test_nginx_is_asked_where_it_listens(listen: str, address: tuple[str, int]) -> None:
    assert certificates.find_local_address((listen, "9")) == address


def test_lets_encrypt_comes_on_port_80() -> None:
    moved = replace(SETTINGS, nginx_http=("8080",))
    assert certificates.choose_http_port(moved) == 80
    own = replace(moved, acme_server="https://ca.example.org/acme")
    assert certificates.choose_http_port(own) == 8080


def test_the_wildcard_has_a_name_of_its_own() -> None:
    settings = replace(SETTINGS, domain="example.org")
    assert certificates.name_wildcard(settings) == "example.org-wildcard"
    assert decide((), "*.example.org", "x", LETS_ENCRYPT, NOW).is_wildcard
    assert not decided().is_wildcard
