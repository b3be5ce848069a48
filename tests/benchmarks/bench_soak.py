"""Half load for a long time, with Valkey started anew every two minutes: no error, flat memory.

    PYTHONPATH=.:tests python tests/benchmarks/bench_soak.py [--minutes 30]

It starts a PostgreSQL and a Valkey of its own, and a platform that is warm. wrk (Debian's package)
asks as fast as it can for one second, and rests for one. In each rest an object is written to, so
that its version moves. An answer that is no success, or a connection that breaks, is an error. What
is compared is the resident memory of the platform in the last third with that in the second third:
in the first, memory fills.
"""

import argparse
import statistics
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import docker
from benchmarks.bench_server import ITEMS, Asked, look_at, require_wrk
from benchmarks.measure import HEADER, Point, Row, tell
from support.platform_data import NORTH, execute, fill, with_databases
from support.platform_server import PlatformServer, environment_for
from support.services import Service, Services

PAGE, MIB = 4096, 1024**2
LOAD_S, REST_S, VALKEY_EVERY_S = 1, 1, 120
# By how much the resident memory may grow in the last third.
MOST_GROWTH = 1.05
TOUCH = "UPDATE presentation_objects SET last_updated = next_version(last_updated)"


@dataclass
class Soak:
    """A platform under load, and what was seen of it."""

    server: PlatformServer
    valkey: Service
    postgres: Service
    rates: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)
    restarts: int = 0

    def last(self, minutes: float) -> None:
        """Keep it under load for so long."""
        own = f"http://127.0.0.1:{self.server.port}{ITEMS}"
        zstd = "Accept-Encoding: zstd"
        began, valkey_due = time.monotonic(), float(VALKEY_EVERY_S)
        while (passed := time.monotonic() - began) < minutes * 60:
            _, tag = look_at(own)
            same = Asked("304", own, (zstd, f"If-None-Match: {tag}"))
            for asked in (Asked("items", own, (zstd,)), same):
                self.rates.append(asked.rate(LOAD_S))
                self.rest()
            self.resident.append(self.measure_resident())
            tell(Point("soak", "resident memory", passed / 60, self.resident[-1]))
            if passed > valkey_due:
                self.valkey.container.restart(timeout=5)
                self.restarts, valkey_due = self.restarts + 1, passed + VALKEY_EVERY_S

    def rest(self) -> None:
        """Move the versions of the objects, and leave the platform alone."""
        execute(self.postgres.url, NORTH, TOUCH)
        time.sleep(REST_S)

    def measure_resident(self) -> float:
        """The resident memory of the platform, in MiB."""
        pages = Path(f"/proc/{self.server.process.pid}/statm").read_text().split()[1]
        return int(pages) * PAGE / MIB

    def report(self) -> None:
        """Tell what was seen."""
        third = len(self.resident) // 3
        before, after = (
            statistics.median(self.resident[start : start + third]) for start in (third, 2 * third)
        )
        print(
            f"{len(self.rates)} loads of {LOAD_S} s, {statistics.median(self.rates):,.0f} answers "
            f"a second, no error; Valkey was started anew {self.restarts} times\n{HEADER}"
        )
        name = "resident memory, last third / second third"
        tell(Row(name, after, before, MOST_GROWTH, unit="MiB"))


def main() -> None:
    """Start what is needed, keep it busy, and remove it."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--minutes", type=float, default=30)
    chosen = options.parse_args()
    require_wrk()
    with closing(Services(docker.from_env(), {"wb.benchmark": "soak"})) as services:
        postgres, valkey = services.new_postgres(), services.new_valkey()
        with_databases(postgres.url, fill)
        with closing(PlatformServer(environment_for(postgres.url, valkey.url))) as server:
            server.wait_listening().wait_status("warm")
            soak = Soak(server, valkey, postgres)
            soak.last(chosen.minutes)
            soak.report()


if __name__ == "__main__":
    main()
