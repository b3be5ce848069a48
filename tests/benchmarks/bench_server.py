"""The platform server under load, against a minimal handler on the same listener.

    PYTHONPATH=.:tests python tests/benchmarks/bench_server.py [--seconds 2] [--rounds 7]

It starts a PostgreSQL and a Valkey of its own, a platform that is warm, and `peer_server`. wrk
(Debian's package) keeps 16 connections busy, one server after another, in each round. Printed are
medians of answers a second, and their ratio to the minimal handler, whose body is as large as the
compressed items. ``If-None-Match`` makes the 304.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import httpx
from support.platform_data import NORTH, execute, fill, with_databases
from support.platform_server import PlatformServer, environment_for
from support.services import Services, free_port, wait_until

CONNECTIONS = 16
ITEMS = "/api/projects/north/objects/by-area/items"
TARGET = 0.7


@dataclass(frozen=True)
class Asked:
    """One kind of request."""

    name: str
    url: str
    headers: tuple[str, ...] = ()

    def rate(self, seconds: float) -> float:
        """Answers a second, as wrk counts them."""
        words = [word for header in self.headers for word in ("-H", header)]
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", *words, self.url]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx or 3xx" in said or "Socket errors" in said:
            sys.exit(f"{self.name}: {said}")
        return float(re.search(r"Requests/sec:\s+([0-9.]+)", said)[1])


@contextmanager
def peer(size: int, postgres_url: str) -> Iterator[str]:
    """Run the peer, and give its URL."""
    port = free_port()
    script = Path(__file__).with_name("peer_server.py")
    with subprocess.Popen([sys.executable, str(script), str(port), str(size), postgres_url]) as it:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{url}/minimal"), "the peer")
        yield url
        it.kill()


def answers(url: str) -> bool:
    """Whether a server answers yet."""
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=2)
    options.add_argument("--rounds", type=int, default=7)
    chosen = options.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: `apt-get install wrk`")
    services = Services(docker.from_env(), {"wb.benchmark": "server"})
    try:
        measure(services, chosen.seconds, chosen.rounds)
    finally:
        services.close()


def measure(services: Services, seconds: float, rounds: int) -> None:
    """Take the rounds, and print the medians."""
    postgres, valkey = services.new_postgres(), services.new_valkey()
    with_databases(postgres.url, fill)
    execute(
        postgres.url,
        NORTH,
        """INSERT INTO results_visits SELECT 'anc1', 'District ' || n, 202312, n
        FROM generate_series(1, 400) n""",
    )
    server = PlatformServer(environment_for(postgres.url, valkey.url)).wait_listening()
    server.wait_status("warm")
    own = f"http://127.0.0.1:{server.port}"
    with httpx.stream("GET", own + ITEMS, headers={"Accept-Encoding": "zstd"}) as found:
        size, tag = len(b"".join(found.iter_raw())), found.headers["etag"]
    zstd = "Accept-Encoding: zstd"
    with peer(size, postgres.url) as url:
        asked = [
            Asked("minimal handler", f"{url}/minimal"),
            Asked("the same with one SELECT", f"{url}/select"),
            Asked("L1 hit", own + ITEMS, (zstd,)),
            Asked("304", own + ITEMS, (zstd, f"If-None-Match: {tag}")),
            Asked("L1 hit, no-cache", own + ITEMS, (zstd, "Cache-Control: no-cache")),
        ]
        rates: dict[str, list[float]] = {each.name: [] for each in asked}
        for _ in range(rounds):
            for each in asked:
                rates[each.name].append(each.rate(seconds))
    print(f"{size} bytes a body, {CONNECTIONS} connections, {rounds} rounds of {seconds:g} s")
    least = statistics.median(rates[asked[0].name])
    for name, measured in rates.items():
        rate = statistics.median(measured)
        print(f"{name:<28} {rate:>9,.0f}/s {rate / least:>7.2f}")
    server.close()


if __name__ == "__main__":
    main()
