"""The platform server under load, against small handlers on the same listener.

    PYTHONPATH=.:tests python tests/benchmarks/bench_server.py [--seconds 2] [--rounds 7]

It starts a PostgreSQL and a Valkey of its own, a platform that is warm, and `peer_server`. wrk
(Debian's package) keeps 16 connections busy, one server after another, in each round. The peers'
body is as large as the compressed items. ``If-None-Match`` makes the 304. Then the number of
connections grows.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker
import httpx
from benchmarks.measure import HEADER, Point, Row, noise_of, tell
from support.platform_data import NORTH, execute, fill, with_databases
from support.platform_server import PlatformServer, environment_for
from support.services import Services, free_port, wait_until

CONNECTIONS = 16
CALLERS = (1, 4, 16, 64, 256)
ITEMS = "/api/projects/north/objects/by-area/items"
TARGET = 0.7
MINIMAL = "minimal handler"


@dataclass(frozen=True)
class Asked:
    """One kind of request."""

    name: str
    url: str
    headers: tuple[str, ...] = ()
    rates: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median of the rounds, in answers a second."""
        return statistics.median(self.rates)

    def measure(self, seconds: float) -> None:
        """Take a round."""
        self.rates.append(self.rate(seconds))

    def rate(self, seconds: float, connections: int = CONNECTIONS) -> float:
        """Answers a second, as wrk counts them."""
        words = [word for header in self.headers for word in ("-H", header)]
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", *words, self.url]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx or 3xx" in said or "Socket errors" in said:
            sys.exit(f"{self.name}: {said}")
        return float(re.search(r"Requests/sec:\s+([0-9.]+)", said)[1])


@contextmanager
def peer(size: int, postgres_url: str, valkey_url: str) -> Iterator[str]:
    """Run the peer, and give its URL."""
    port = free_port()
    script = Path(__file__).with_name("peer_server.py")
    words = [sys.executable, str(script), str(port), str(size), postgres_url, valkey_url]
    with subprocess.Popen(words) as it:
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


def require_wrk() -> None:
    """End here if there is no wrk."""
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: `apt-get install wrk`")


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=2)
    options.add_argument("--rounds", type=int, default=7)
    chosen = options.parse_args()
    require_wrk()
    services = Services(docker.from_env(), {"wb.benchmark": "server"})
    try:
        measure(services, chosen.seconds, chosen.rounds)
    finally:
        services.close()


def measure(services: Services, seconds: float, rounds: int) -> None:
    """Take the rounds, and tell what came of them."""
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
    size, tag = look_at(own + ITEMS)
    zstd = "Accept-Encoding: zstd"
    with peer(size, postgres.url, services.new_valkey().url) as url:
        minimal = Asked(MINIMAL, f"{url}/minimal")
        select = Asked("the same with one SELECT", f"{url}/select")
        cashews = Asked("the same from cashews' two layers", f"{url}/cashews")
        hit = Asked("L1 hit", own + ITEMS, (zstd,))
        same = Asked("304", own + ITEMS, (zstd, f"If-None-Match: {tag}"))
        forced = Asked("L1 hit, no-cache", own + ITEMS, (zstd, "Cache-Control: no-cache"))
        asked = [minimal, select, cashews, hit, same, forced]
        for _ in range(rounds):
            for each in asked:
                each.measure(seconds)
        print(f"{size} bytes a body, {CONNECTIONS} connections, {rounds} rounds of {seconds:g} s")
        print(HEADER)
        for ours, other, target in (
            (hit, minimal, TARGET),
            (same, minimal, TARGET),
            (hit, cashews, None),
            (forced, select, None),
        ):
            compare(ours, other, target)
        for callers in CALLERS:
            for each, line in ((hit, "L1 hit"), (minimal, MINIMAL)):
                tell(Point("callers", line, callers, each.rate(seconds, callers)))
    server.close()


def compare(ours: Asked, peer_: Asked, target: float | None) -> None:
    """Tell one beside another."""
    noise = noise_of(ours.rates, peer_.rates)
    name = f"answers: {ours.name} / {peer_.name}"
    tell(Row(name, ours.median, peer_.median, target, faster=True, unit="/s", noise=noise))


def look_at(url: str) -> tuple[int, str]:
    """The compressed size of a body, and its tag."""
    with httpx.stream("GET", url, headers={"Accept-Encoding": "zstd"}) as found:
        return len(b"".join(found.iter_raw())), found.headers["etag"]


if __name__ == "__main__":
    main()
