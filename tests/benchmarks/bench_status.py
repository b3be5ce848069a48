"""`wb status` on forty declared instances against `docker ps`, as whole processes.

    PYTHONPATH=.:tests python tests/benchmarks/bench_status.py [--rounds 15] [--instances 40]

Takes turns: each round runs each command once. Nothing of the forty runs, so the time is that of
Python, of one listing, and of the table. Prints medians in seconds and their ratio to `docker ps`;
the imports beside Python alone; and the start of wb beside that of tutor, a tool of the same kind
in Python, and of Docker Compose, where they are installed. It measures on the Python that
runs it: use the one that operators have.
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
from pathlib import Path

from benchmarks.measure import HEADER, Row, noise_of, tell

WB = (sys.executable, "-m", "wb_cli")
# Peers whose start is measured where they are installed.
PEERS = (
    ("tutor --version", "tutor", "--version"),
    ("docker-compose version", "docker-compose", "version"),
)
IMPORTS = "import wb_cli.cli.app, wb_cli.cli.commands.status, wb_cli.observe.status.look, docker"


def declare(folder: Path, instances: int) -> dict[str, str]:
    """Write a registry file with so many instances. Return the environment that uses it."""
    entries = [
        {"id": f"bench{i:02}", "label": "Bench", "port": 9500 + i, "serverVersion": "1.6.7"}
        for i in range(instances)
    ]
    (folder / "servers.json").write_text(json.dumps(entries))
    return os.environ | {
        "WB_CONFIG_DIR": str(folder / "config"),
        "SERVERS_FILE_PATH": str(folder / "servers.json"),
        "MOUNT_PATH": str(folder),
        "WB_SECRETS_DIR": str(folder / "secrets"),
    }


def measure(words: tuple[str, ...], environ: dict[str, str]) -> float:
    """Run a command and give its time."""
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environ)
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return took


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--instances", type=int, default=40)
    options = parser.parse_args()
    ways: dict[str, tuple[str, ...]] = {
        "docker ps --all": ("docker", "ps", "--all"),
        "wb status": (*WB, "status"),
        "wb status -q": (*WB, "status", "-q"),
        "wb status --json": (*WB, "status", "--json"),
        "wb --version": (*WB, "--version"),
        "Python and the imports": (sys.executable, "-c", IMPORTS),
        "Python alone": (sys.executable, "-c", ""),
    }
    compared = [(name, "docker ps --all") for name in ways if name.startswith("wb status")]
    compared += [("Python and the imports", "Python alone")]
    for name, program, word in PEERS:
        if shutil.which(program):
            ways[name] = (program, word)
            compared.append(("wb --version", name))
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        environ = declare(Path(folder), options.instances)
        for _ in range(options.rounds):
            for name, words in ways.items():
                taken[name].append(measure(words, environ))
    print(f"{sys.executable}, Python {sys.version.split()[0]}, {options.instances} instances")
    print(HEADER)
    for ours, peer in compared:
        middles = statistics.median(taken[ours]), statistics.median(taken[peer])
        tell(Row(f"{ours} / {peer}", *middles, noise=noise_of(taken[ours], taken[peer])))


if __name__ == "__main__":
    main()
