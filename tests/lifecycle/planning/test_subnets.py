"""Subnets from wb's own range."""

from ipaddress import IPv4Network
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wb_cli.errors import AddressPoolError
from wb_cli.lifecycle.planning.subnets import find_free_subnets

POOL = "10.213.0.0/22"
SUBNETS = st.builds(
    lambda number, prefix: str(IPv4Network((number, prefix), strict=False)),
    st.integers(int(IPv4Network(POOL)[0]), int(IPv4Network(POOL)[-1])),
    st.integers(20, 32),
)


@settings(deadline=None)
@given(st.lists(SUBNETS, max_size=12), st.integers(24, 29))
def test_free_subnets_overlap_neither_taken_ones_nor_each_other(
    taken: list[str], prefix: int
) -> None:
    given_out: list[str] = []
    with pytest.raises(AddressPoolError):
        given_out.extend(find_free_subnets(POOL, prefix, taken))
    networks = [IPv4Network(subnet) for subnet in given_out]
    assert all(network.subnet_of(IPv4Network(POOL)) for network in networks)
    assert all(network.prefixlen == prefix for network in networks)
    assert len(set(networks)) == len(networks)
    assert not [(n, t) for n in networks for t in taken if n.overlaps(IPv4Network(t))]


@settings(deadline=None)
@given(st.lists(SUBNETS, max_size=12), st.integers(24, 29))
def test_every_subnet_is_given_or_taken(taken: list[str], prefix: int) -> None:
    given_out: list[str] = []
    with pytest.raises(AddressPoolError):
        given_out.extend(find_free_subnets(POOL, prefix, taken))
    for subnet in IPv4Network(POOL).subnets(new_prefix=prefix):
        is_taken = any(subnet.overlaps(IPv4Network(network)) for network in taken)
        assert (str(subnet) in given_out) != is_taken


def test_subnets_are_given_in_order() -> None:
    assert list(islice(find_free_subnets(POOL, 26, ["10.213.0.64/26"]), 2)) == [
        "10.213.0.0/26",
        "10.213.0.128/26",
    ]


def test_ipv6_and_the_default_route_are_ignored() -> None:
    assert next(find_free_subnets(POOL, 26, ["fd00::/64", "0.0.0.0/0"])) == "10.213.0.0/26"


def test_a_host_address_counts_as_its_network() -> None:
    assert next(find_free_subnets(POOL, 26, ["10.213.0.1/26"])) == "10.213.0.64/26"


def test_an_exhausted_pool_is_named_with_the_settings_that_widen_it() -> None:
    with pytest.raises(AddressPoolError, match="no free /26 subnet is left") as e:
        list(find_free_subnets("10.213.0.0/26", 26, ["10.213.0.0/30"]))
    assert "subnet_pool" in e.value.hint
