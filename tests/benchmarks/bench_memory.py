"""The bounds of L1 and of the write-behind queue against the memory that the process really uses.

    PYTHONPATH=.:tests python tests/benchmarks/bench_memory.py

Each case runs in a process of its own. It loads entries until the bound has been filled twice, each
through the cache as a request does, and then compares the growth of the resident memory with the
bound. Sizes are those of the bodies, compressed where the cache compresses them.
"""

import asyncio
import gc
import random
import string
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import HEADER, Row, tell
from server.cache.stores import MemoryStore

from wb_cli.server.cache import Cache, Loaded, LocalTier, RemoteTier
from wb_cli.server.process.collector import trim

MIB = 1024 * 1024
FILLS = 2
PAGE = 4096
ALPHABET = string.ascii_letters + string.digits + "+/"
# Bound in MiB, body in bytes, the most that resident memory may be of the bound.
L1_CASES = [
    (32, 200, 3),
    (32, 1_000, 3),
    (64, 3_000, 1.5),
    (64, 20_000, 1.5),
    (64, 200_000, 1.5),
]
QUEUE_CASES = [(64, 60, 3), (64, 200, 3), (64, 400, 3), (64, 4_000, 1.5), (64, 40_000, 1.5)]
NAMES = {"l1": "L1", "queue": "the write-behind queue"}


def resident() -> int:
    """The resident memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def pool_of_words() -> list[str]:
    """Words that zstd cannot compress further than their alphabet allows."""
    draw = random.Random(1)
    return ["".join(draw.choices(ALPHABET, k=50)) for _ in range(20_000)]


def words(pool: list[str], size: int, draw: random.Random) -> list[str]:
    """Data whose body has about that size, compressed or not."""
    plain = size if size < 4096 else int(size * 1.32)  # 6 bits of each 8
    count = max(1, int(plain * draw.uniform(0.8, 1.2)) // 53)
    first = draw.randrange(len(pool) - count)
    return pool[first : first + count]


async def fill(cache: Cache, bound: int, size: int) -> None:
    """Load things of that size until they have filled the bound twice."""
    pool, draw = pool_of_words(), random.Random(1)
    for number in range(FILLS * bound // (size + 500) + 1):
        version = f"2026-01-01T00:00:{number:020}"

        async def load(version: str = version) -> Loaded:
            return Loaded(words(pool, size, draw), version)

        await cache.get_or_load(f"project|results-object|{number:032x}", version, load)


async def measure(part: str, bound: int, size: int) -> None:
    """Print the size that the full part counts, and the growth of the process."""
    valkey = MemoryStore()
    valkey.lose()  # and it never comes back, so that writes wait in the queue
    l2 = RemoteTier(valkey, max_queue_bytes=bound if part == "queue" else MIB)
    l1 = LocalTier(bound if part == "l1" else MIB)
    cache = Cache("bench", l1, l2 if part == "queue" else None, fingerprint="1.0")
    await fill(cache, 2 * MIB, size)
    cache.begin_epoch("1")
    l2.queue.take(len(l2.queue), bound)
    l2.queue.settle((), 1, "")
    gc.collect()
    trim()
    before = resident()
    await fill(cache, bound, size)
    gc.collect()
    untrimmed = resident() - before
    trim()
    counted = l2.queue.bytes if part == "queue" else l1.bytes
    print(counted, untrimmed, resident() - before)


def report(part: str, bound: int, size: int, most: float) -> None:
    """Run one case in its own process."""
    command = [sys.executable, __file__, part, str(bound * MIB), str(size)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    counted, untrimmed, trimmed = map(int, ended.stdout.split())
    tell(
        Row(
            f"memory of {NAMES[part]}, bodies of {size:,} B / its bound",
            trimmed / MIB,
            bound,
            most,
            unit="MiB",
        )
    )
    print(
        f"  (counted {counted / MIB:.1f} MiB, {untrimmed / MIB:.1f} MiB before memory is given up)"
    )


def main() -> None:
    """Show every case as a table."""
    print(HEADER)
    for case in L1_CASES:
        report("l1", *case)
    for case in QUEUE_CASES:
        report("queue", *case)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    else:
        main()
