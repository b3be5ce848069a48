"""Cold start against warm restart of a whole instance, at fixed sizes, rows and seed.

    PYTHONPATH=.:tests python tests/benchmarks/bench_restart.py [--sizes 1000 5000 20000]
        [--rows 20000] [--seed 1]

For each size: a new instance, sample data, then `wb restart` with nothing in Valkey (cold: every
entry is loaded from PostgreSQL), and `wb restart` again (warm: every entry comes from Valkey).
Prints the platform's own times, from "database there" to "all in memory", and their ratio; and the
whole of it as an operator waits for it, from the command's start to the last entry in memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import HEADER, Point, Row, tell

from wb_cli import __version__

PORT = 9480
NAME = "wb-bench-restart"
WARM_WITHIN_S = 3600
PICTURE = "restart"


@dataclass(frozen=True)
class Restart:
    """One restart: the platform's seconds, the operator's seconds, and the cache's numbers."""

    platform_s: float
    whole_s: float
    objects: int
    entries: int
    from_valkey: int


def wb(*words: str) -> None:
    """Run a command line. Show its output only if it fails."""
    done = subprocess.run(["wb", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"wb {' '.join(words)}\n{done.stdout}{done.stderr}")


def health() -> dict[str, Any]:
    """The platform's report on itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health_check", timeout=10) as answer:
        return json.loads(answer.read())


def restart() -> Restart:
    """Restart the instance and wait until everything is in memory."""
    began = time.perf_counter()
    wb("restart", NAME)
    deadline = began + WARM_WITHIN_S
    while (seen := health())["status"] != "warm":
        if time.perf_counter() > deadline:
            sys.exit("not warm in time")
        time.sleep(0.05)
    told = seen["warmUp"]
    return Restart(
        told["elapsedSeconds"],
        time.perf_counter() - began,
        told["objects"],
        told["entries"],
        told["fromL2"],
    )


def measure(size: int, rows: int, seed: int) -> None:
    """Measure one size, in its own folders."""
    with tempfile.TemporaryDirectory(prefix="wb-bench-") as temporary:
        declare(Path(temporary))
        wb("init-dirs", NAME)
        wb("run", NAME)
        try:
            sample = ("--projects", "1", "--objects", str(size), "--rows", str(rows))
            wb("exec", NAME, "python", "-m", "wb_cli.server.sample", *sample, "--seed", str(seed))
            cold, warm = restart(), restart()
        finally:
            wb("stop", NAME)
    what = f"{size:,} objects ({warm.entries:,} entries)"
    tell(Row(f"cold / warm, {what}", warm.platform_s, cold.platform_s, faster=True))
    tell(Row(f"the whole `wb restart`, {what}", warm.whole_s, cold.whole_s, faster=True))
    tell(Point(PICTURE, "from PostgreSQL", size, cold.platform_s))
    tell(Point(PICTURE, "from Valkey", size, warm.platform_s))
    print(f"  ({warm.from_valkey:,} of {warm.entries:,} came from Valkey)", flush=True)


def declare(root: Path) -> None:
    """A registry file and settings for this benchmark alone."""
    (root / "mnt").mkdir()
    entry = {"id": NAME, "label": "Benchmark", "port": PORT, "serverVersion": __version__}
    (root / "servers.json").write_text(json.dumps([entry]))
    os.environ |= {
        "WB_CONFIG_DIR": str(root / "config"),
        "WB_SECRETS_DIR": str(root / "secrets"),
        "SERVERS_FILE_PATH": str(root / "servers.json"),
        "MOUNT_PATH": str(root / "mnt"),
        "WB_POSTGRES_IMAGE": os.environ.get("WB_POSTGRES_IMAGE", "wb-postgres:17"),
        "WB_VALKEY_IMAGE": os.environ.get("WB_VALKEY_IMAGE", "wb-valkey:8"),
        "WB_PLATFORM_IMAGE": os.environ.get("WB_PLATFORM_IMAGE", "wb-platform:{version}"),
    }


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print(HEADER)
    for size in chosen.sizes:
        measure(size, chosen.rows, chosen.seed)


if __name__ == "__main__":
    main()
