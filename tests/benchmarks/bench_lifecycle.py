"""`wb run` and `wb stop` against `docker run`/`docker stop` and Docker Compose, as whole processes.

    PYTHONPATH=.:tests python tests/benchmarks/bench_lifecycle.py [--rounds 7]
        [--compose /path/to/docker-compose]

Takes turns: each round brings the same three images up in each way, asks for the same once more
with nothing to change, starts them anew, and brings them down. "Up" and "restart" end when the
platform answers its health check, PostgreSQL a startup packet, and Valkey a PING, asked over the
wire every 10 ms, whoever started them. Folders are initialised before the first round; a first
start, on folders that are empty, is measured in rounds of its own. One instance exists at a time.

A quarter of `wb stop` is Python coming up, and an interpreter that was built without profile-guided
optimisation takes a third longer for it: measure the `wb` that operators have, on the system's
Python. Which one it is stands in the first line.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.measure import HEADER, Row, noise_of, tell

from wb_cli import __version__
from wb_cli.lifecycle.readiness import probes
from wb_cli.lifecycle.readiness.probes import Verdict

PORT = 9470
IMAGES = {
    "postgres": os.environ.get("WB_POSTGRES_IMAGE", "wb-postgres:17"),
    "valkey": os.environ.get("WB_VALKEY_IMAGE", "wb-valkey:8"),
    "platform": os.environ.get("WB_PLATFORM_IMAGE", f"wb-platform:{__version__}"),
}
NAME = "wb-bench"
PASSWORD = "bench"
VALKEY_COMMAND = ["valkey-server", "--save", "60", "1"]
STEPS = {
    "up": "`wb run`, until all three answer",
    "again": "`wb run` again, nothing to change",
    "restart": "`wb restart`, until all three answer",
    "down": "`wb stop`, nothing left",
    "first": "a first `wb run`, on empty folders",
}
TARGETS = {
    ("up", "docker, one after another"): 0.85,
    ("up", "Compose"): 0.3,
    ("down", "docker, one after another"): 0.9,
}


@dataclass
class Way:
    """One way to work on the instance: what is done at each step, and the seconds that it took."""

    name: str
    steps: dict[str, Callable[[], None]]
    taken: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, step: str) -> None:
        """Take a step, if this way knows it."""
        if step in self.steps:
            self.taken.setdefault(step, []).append(timed(self.steps[step]))


def command(*words: str) -> None:
    """Run a command. Show its output only if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{' '.join(words)}\n{done.stdout}{done.stderr}", file=sys.stderr)
        sys.exit(1)


def address(container: str) -> str:
    """The container's address on its network."""
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    shown = subprocess.run(
        ["docker", "inspect", "-f", form, container], capture_output=True, text=True, check=True
    )
    return shown.stdout.strip()


def until(ask: Callable[[], probes.Answer]) -> None:
    """Ask every 10 ms until the answer is "ready"."""
    while ask().verdict is not Verdict.READY:
        time.sleep(0.01)


def wait_until_ready() -> None:
    """The same readiness checks that wb makes."""
    postgres, valkey = address(f"{NAME}-postgres"), address(f"{NAME}-valkey")
    until(lambda: probes.ask_postgres(postgres, 5432))
    until(lambda: probes.ask_valkey(valkey, 6379))
    until(lambda: probes.ask_http("127.0.0.1", PORT, "/health_check"))


def platform_environment(name: str = NAME) -> dict[str, str]:
    """The environment in which the platform finds its database and its cache."""
    return {
        "INSTANCE_ID": name,
        "PG_HOST": f"{name}-postgres",
        "PG_PASSWORD": PASSWORD,
        "VALKEY_URL": f"redis://{name}-valkey:6379",
    }


def interpreter(wb: str) -> str:
    """The Python that a `wb` runs on."""
    python = Path(wb).read_text().partition("\n")[0].removeprefix("#!")
    say = "import sys; print(sys.version.split()[0], 'of', sys.base_prefix)"
    told = subprocess.run([python, "-c", say], capture_output=True, text=True, check=True)
    return told.stdout.strip()


def wb_way() -> Way:
    """`wb run` and `wb stop`."""
    wb = shutil.which("wb") or sys.exit("no `wb` on PATH")
    print(f"{wb}, Python {interpreter(wb)}", flush=True)
    verbs = {"up": "run", "again": "run", "restart": "restart", "down": "stop"}
    return Way("wb", {step: partial(command, wb, verb, NAME) for step, verb in verbs.items()})


def docker_way(folder: Path) -> Way:
    """Three `docker run` in a row, three `docker stop`."""
    names = [NAME, f"{NAME}-postgres", f"{NAME}-valkey"]

    def run(name: str, *words: str) -> None:
        command("docker", "run", "-d", "--rm", "--init", "--name", name, "--network", NAME, *words)

    def up() -> None:
        command("docker", "network", "create", "--subnet", "10.212.7.0/26", NAME)
        data = f"{folder}/databases:/var/lib/postgresql/data"
        pgdata = "PGDATA=/var/lib/postgresql/data/pgdata"
        run(
            names[1],
            "-v",
            data,
            "-e",
            pgdata,
            "-e",
            f"POSTGRES_PASSWORD={PASSWORD}",
            "-p",
            f"127.0.0.1:{PORT + 10000}:5432",
            IMAGES["postgres"],
        )
        run(names[2], "-v", f"{folder}/valkey_data:/data", IMAGES["valkey"], *VALKEY_COMMAND)
        until(lambda: probes.ask_postgres(address(names[1]), 5432))
        until(lambda: probes.ask_valkey(address(names[2]), 6379))
        variables = [word for k, v in platform_environment().items() for word in ("-e", f"{k}={v}")]
        run(NAME, "-p", f"127.0.0.1:{PORT}:8000", *variables, IMAGES["platform"])
        wait_until_ready()

    def down() -> None:
        for name in names:
            command("docker", "stop", name)
        command("docker", "network", "rm", NAME)

    # Not `docker restart`: with `--rm`, it sometimes loses the container.
    return Way("docker, one after another", {"up": up, "down": down})


def describe_project(name: str, port: int, folder: Path, subnet: str) -> dict[str, object]:
    """Describe the same instance as a Compose project, with a health check every second."""
    check = {"interval": "1s", "timeout": "2s", "retries": 60}
    health = "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health_check')"
    healthy = {"condition": "service_healthy"}
    return {
        "networks": {"default": {"ipam": {"config": [{"subnet": subnet}]}}},
        "services": {
            "postgres": {
                "image": IMAGES["postgres"],
                "container_name": f"{name}-postgres",
                "volumes": [f"{folder}/databases:/var/lib/postgresql/data"],
                "environment": {
                    "PGDATA": "/var/lib/postgresql/data/pgdata",
                    "POSTGRES_PASSWORD": PASSWORD,
                },
                "ports": [f"127.0.0.1:{port + 10000}:5432"],
                "healthcheck": {"test": ["CMD", "pg_isready", "-h", "127.0.0.1"], **check},
            },
            "valkey": {
                "image": IMAGES["valkey"],
                "container_name": f"{name}-valkey",
                "command": VALKEY_COMMAND,
                "volumes": [f"{folder}/valkey_data:/data"],
                "healthcheck": {"test": ["CMD", "valkey-cli", "ping"], **check},
            },
            "platform": {
                "image": IMAGES["platform"],
                "container_name": name,
                "environment": platform_environment(name),
                "ports": [f"127.0.0.1:{port}:8000"],
                "healthcheck": {"test": ["CMD", "python3", "-c", health], **check},
                "depends_on": {"postgres": healthy, "valkey": healthy},
            },
        },
    }


def compose_way(folder: Path, compose: str) -> Way:
    """`docker-compose up -d --wait`, health checks every second, and `down`."""
    document = describe_project(NAME, PORT, folder, "10.212.8.0/26")
    file = folder.parent / "compose.json"
    file.write_text(json.dumps(document))
    base = (compose, "-f", str(file), "-p", NAME)

    def restart() -> None:
        command(*base, "restart")
        wait_until_ready()

    up = partial(command, *base, "up", "-d", "--wait")
    down = partial(command, *base, "down")
    return Way("Compose", {"up": up, "again": up, "restart": restart, "down": down})


@contextmanager
def new_host() -> Iterator[Path]:
    """A registry file, settings and an initialised data folder that nothing else uses."""
    with tempfile.TemporaryDirectory(prefix="wb-bench-") as temporary:
        root = Path(temporary)
        (root / "mnt").mkdir()
        entry = {
            "id": NAME,
            "label": "Benchmark",
            "port": PORT,
            "serverVersion": __version__,
            "image": IMAGES["platform"],
        }
        (root / "servers.json").write_text(json.dumps([entry]))
        os.environ |= {
            "WB_CONFIG_DIR": str(root / "config"),
            "SERVERS_FILE_PATH": str(root / "servers.json"),
            "MOUNT_PATH": str(root / "mnt"),
            "WB_POSTGRES_IMAGE": IMAGES["postgres"],
            "WB_VALKEY_IMAGE": IMAGES["valkey"],
            "POSTGRES_PASSWORD": PASSWORD,
        }
        command("wb", "init-dirs", NAME)
        try:
            command("wb", "run", NAME)
            command("wb", "stop", NAME)
            yield root / "mnt" / NAME
        finally:
            command("wb", "stop", NAME)


def begin_anew(folder: Path) -> None:
    """Have folders as nothing has run on them."""
    shutil.rmtree(folder)
    command("wb", "init-dirs", NAME)


def timed(act: Callable[[], None]) -> float:
    """Measure the seconds of an action."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def report(ways: list[Way], targets: Mapping[tuple[str, str], float]) -> None:
    """Tell each step of wb beside the same of each other way."""
    wb, *peers = ways
    for step in wb.taken:
        for peer in peers:
            if step in peer.taken:
                ours, other = wb.taken[step], peer.taken[step]
                values = statistics.median(ours), statistics.median(other)
                target = targets.get((step, peer.name))
                name = f"{STEPS[step]} / {peer.name}"
                tell(Row(name, *values, target, noise=noise_of(ours, other)))


def main() -> None:
    """Take turns and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--first-rounds", type=int, default=3)
    parser.add_argument("--compose", default=shutil.which("docker-compose"))
    chosen = parser.parse_args()
    with new_host() as folder:
        ways = [wb_way(), docker_way(folder)]
        if chosen.compose:
            ways.append(compose_way(folder, chosen.compose))
        for _ in range(chosen.rounds):
            for way in ways:
                for step in ("up", "again", "restart", "down"):
                    way.measure(step)
        for _ in range(chosen.first_rounds):
            for way in ways:
                begin_anew(folder)
                way.taken.setdefault("first", []).append(timed(way.steps["up"]))
                way.steps["down"]()
    print(HEADER)
    report(ways, TARGETS)


if __name__ == "__main__":
    main()
