"""A fleet of 1, 10 and 40 instances: what each command costs per instance, beside Docker Compose.

    PYTHONPATH=.:tests python tests/benchmarks/bench_fleet.py --compose /path/to/docker-compose

The peer is a plain shell loop over as many Compose projects, with the same images and folders.
Ways take turns, size after size: `wb run all` of a fleet that is down, `wb run all` again with
nothing to change, `wb status`, `wb stop all`; and `up -d`, the same again, `ps`, and `down`.
Compose does not wait for one project before it starts the next: when all are started, each platform
is asked until it answers. (With health checks and `--wait` it is slower, and from some fifteen
projects on the checks alone take two cores.) Folders are initialised once, before the first round.

Prints seconds per instance, the ratio of the loop to wb, the growth of wb's cost per instance from
the smallest fleet to the largest, wb's own memory, and by how much less memory the machine has for
each instance that runs. Needs about 130 MiB of memory an instance.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bench_lifecycle import IMAGES, PASSWORD, describe_project
from benchmarks.measure import HEADER, Point, Row, noise_of, tell

from wb_cli import __version__

FIRST_PORT = 9500
MIB = 1024
READY_WITHIN_S, ASKED_AGAIN_S = 600, 0.02
STEPS = ("up", "up again", "look", "down")
# One of many may cost so many times as much as one of few.
TARGETS = {"up again": 1.5}


@dataclass
class Way:
    """One way to work on a fleet: its commands by step, and what each took, in seconds."""

    name: str
    commands: dict[str, str]
    taken: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})
    peak_kib: int = 0
    used_kib: list[int] = field(default_factory=list)

    def measure(self, step: str) -> None:
        """Run the command of a step. Show its output only if it fails."""
        free_kib = available_kib()
        began = time.perf_counter()
        with tempfile.TemporaryFile() as said:
            words = ["/bin/sh", "-c", self.commands[step]]
            process = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                said.seek(0)
                sys.exit(f"{self.commands[step]}\n{said.read().decode()}")
        self.taken[step].append(time.perf_counter() - began)
        self.peak_kib = max(self.peak_kib, usage.ru_maxrss)
        if step == "up":
            self.used_kib.append(free_kib - available_kib())

    def step_in_words(self, step: str) -> str:
        """The command of wb for a step, for a heading."""
        command = self.commands[step].replace(shlex.quote(shutil.which("wb") or "wb"), "wb", 1)
        return f"`{command}`, nothing to change" if step == "up again" else f"`{command}`"

    def seconds(self, step: str, size: int) -> float:
        """The median of a step, for one instance of so many."""
        return statistics.median(self.taken[step]) / size


def available_kib() -> int:
    """The memory that the machine could give, as the kernel tells it."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    (available,) = (line for line in lines if line.startswith("MemAvailable:"))
    return int(available.split()[1])


def names(size: int) -> list[str]:
    """The ids of a fleet."""
    return [f"bench-{number:02d}" for number in range(size)]


def wb_way() -> Way:
    """One wb for the whole fleet."""
    wb = shlex.quote(shutil.which("wb") or sys.exit("no `wb` on PATH"))
    again = f"{wb} run all"
    return Way(
        "wb",
        {"up": again, "up again": again, "look": f"{wb} status", "down": f"{wb} stop all"},
    )


def compose_way(folder: Path, mounts: Path, size: int, compose: str) -> Way:
    """A shell loop over one Compose project for each instance."""
    for number, name in enumerate(names(size)):
        subnet = f"10.212.{number}.0/26"
        project = describe_project(name, FIRST_PORT + number, mounts / name, subnet)
        leave_checks_out(project)
        (folder / f"{name}.json").write_text(json.dumps(project))
    each = f"for id in {' '.join(names(size))}; do"
    base = f"{shlex.quote(compose)} -f {folder}/$id.json -p $id"

    def loop(words: str) -> str:
        return f"set -e; {each} {base} {words}; done"

    urls = " ".join(f"http://127.0.0.1:{FIRST_PORT + number}" for number in range(size))
    wait = f"{shlex.quote(sys.executable)} {shlex.quote(__file__)} --wait {urls}"
    up = f"{loop('up -d')}; {wait}"
    return Way(
        "a loop over Compose",
        {
            "up": up,
            "up again": up,
            "look": loop("ps"),
            "down": loop("down"),
        },
    )


def leave_checks_out(project: dict[str, Any]) -> None:
    """Leave out the health checks of a project, and what waits for them."""
    for service in project["services"].values():
        service.pop("healthcheck")
        service.pop("depends_on", None)


def wait_until_ready(urls: Sequence[str]) -> None:
    """Ask each platform until it answers."""
    deadline = time.monotonic() + READY_WITHIN_S
    for url in urls:
        while True:
            try:
                with urllib.request.urlopen(f"{url}/health_check", timeout=5):
                    break
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(f"{url} does not answer")
                time.sleep(ASKED_AGAIN_S)


@contextmanager
def new_fleet(size: int) -> Iterator[Path]:
    """Declare so many instances on folders of their own, run and stop them once; give the root."""
    with tempfile.TemporaryDirectory(prefix="wb-bench-") as temporary:
        root = Path(temporary)
        for folder in ("mnt", "compose"):
            (root / folder).mkdir()
        entries = [
            {
                "id": name,
                "label": name,
                "port": FIRST_PORT + number,
                "serverVersion": __version__,
                "image": IMAGES["platform"],
            }
            for number, name in enumerate(names(size))
        ]
        (root / "servers.json").write_text(json.dumps(entries))
        os.environ |= {
            "WB_CONFIG_DIR": str(root / "config"),
            "SERVERS_FILE_PATH": str(root / "servers.json"),
            "MOUNT_PATH": str(root / "mnt"),
            "WB_SECRETS_DIR": str(root / "secrets"),
            "WB_POSTGRES_IMAGE": IMAGES["postgres"],
            "WB_VALKEY_IMAGE": IMAGES["valkey"],
            "POSTGRES_PASSWORD": PASSWORD,
        }
        first = wb_way()
        try:
            first.measure("up")
            first.measure("down")
            yield root
        finally:
            first.measure("down")


def measure_size(size: int, rounds: int, compose: str | None) -> list[Way]:
    """Take turns on a fleet of one size."""
    with new_fleet(size) as root:
        ways = [wb_way()]
        if compose:
            ways.append(compose_way(root / "compose", root / "mnt", size, compose))
        for _ in range(rounds):
            for way in ways:
                for step in STEPS:
                    way.measure(step)
    return ways


def report(size: int, ways: list[Way]) -> None:
    """Tell what one instance costs in each way."""
    wb, *peers = ways
    for peer in peers:
        for step in STEPS:
            noise = noise_of(wb.taken[step], peer.taken[step])
            values = (wb.seconds(step, size), peer.seconds(step, size))
            tell(Row(f"{wb.step_in_words(step)} of {size} / {peer.name}", *values, noise=noise))
    for step in ("up", "down"):
        for way in ways:
            tell(Point(f"fleet-{step}", way.name, size, way.seconds(step, size)))
    used = statistics.median(wb.used_kib) / size / MIB
    print(f"  (memory: wb {wb.peak_kib / MIB:.0f} MiB, an instance {used:.0f} MiB)", flush=True)


def main() -> None:
    """Measure fleet after fleet, and compare the largest with the smallest."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 40])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wait", nargs="+", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--compose", default=shutil.which("docker-compose"))
    chosen = parser.parse_args()
    if chosen.wait:
        wait_until_ready(chosen.wait)
        return
    print(f"seconds per instance\n{HEADER}", flush=True)
    measured: dict[int, Way] = {}
    for size in chosen.sizes:
        ways = measure_size(size, chosen.rounds, chosen.compose)
        report(size, ways)
        measured[size] = ways[0]
    least, most = min(measured), max(measured)
    for step in STEPS if least < most else ():
        costs = measured[most].seconds(step, most), measured[least].seconds(step, least)
        name = f"{measured[most].step_in_words(step)}: one of {most} / one of {least}"
        tell(Row(name, *costs, TARGETS.get(step)))


if __name__ == "__main__":
    main()
