"""Subnets for instances' networks, from our own pool. Pure.

Docker's own pools end near 31 networks on one engine.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

from wb_cli.errors import AddressPoolError


def free_subnets(pool: str, prefix: int, taken: Iterable[str]) -> Iterator[str]:
    """The subnets of ``pool`` of that prefix length that overlap none of ``taken``, in order.

    IPv6 entries and the default route among ``taken`` are passed over.

    Raises:
        AddressPoolError: at the end, when no subnet is left.
    """
    occupied = [IPv4Network(each, strict=False) for each in taken if ":" not in each]
    occupied = [each for each in occupied if each.prefixlen > 0]
    for candidate in IPv4Network(pool).subnets(new_prefix=prefix):
        if not any(candidate.overlaps(each) for each in occupied):
            yield str(candidate)
    raise AddressPoolError(
        f"no free /{prefix} subnet is left in {pool}",
        "Give wb a larger range: `wb config settings` shows `subnet_pool` and `subnet_prefix`.",
    )
