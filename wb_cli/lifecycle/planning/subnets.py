"""Find subnets for instances' networks, in a range of wb's own. Pure.

Docker's own ranges are used up after about 31 networks.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

from wb_cli.errors import AddressPoolError


def find_free_subnets(pool: str, prefix: int, taken: Iterable[str]) -> Iterator[str]:
    """Give the subnets of ``pool`` that overlap none of ``taken``, in order.

    IPv6 networks and the default route in ``taken`` are ignored.

    Raises:
        AddressPoolError: no further subnet is left.
    """
    networks = [IPv4Network(subnet, strict=False) for subnet in taken if ":" not in subnet]
    occupied = [network for network in networks if network.prefixlen > 0]
    for candidate in IPv4Network(pool).subnets(new_prefix=prefix):
        if not any(candidate.overlaps(network) for network in occupied):
            yield str(candidate)
    raise AddressPoolError(
        f"no free /{prefix} subnet is left in {pool}",
        "Give wb a larger range: `wb config settings` shows `subnet_pool` and `subnet_prefix`.",
    )
