"""How much Valkey holds, as it says itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """The keys in Valkey and the memory they take. A bound of 0 bytes stands for no bound."""

    keys: int
    bytes: int
    max_bytes: int


def usage_of(keys: int, memory: bytes) -> Usage:
    """The usage from the answers to DBSIZE and to INFO memory."""
    lines = (line.partition(b":") for line in memory.splitlines())
    numbers = {name: int(value) for name, _, value in lines if value.isdigit()}
    return Usage(keys, numbers.get(b"used_memory", 0), numbers.get(b"maxmemory", 0))
