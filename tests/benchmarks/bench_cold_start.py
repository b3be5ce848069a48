"""How long the event loop is blocked in a whole cold start, and how often Valkey is asked.

    PYTHONPATH=.:tests python tests/benchmarks/bench_cold_start.py [--objects 20000] [--rows 20000]

It starts a PostgreSQL and a Valkey of its own, loads sample data, and runs the platform server,
first with an empty Valkey and then with a full one. A timer of 1 ms in the server's loop tells how
late it runs. The kernel tells how long the server's threads were ready and waited for a processor
meanwhile (``schedstat``). This is the part of other programs; it is shown, and taken off.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import docker
import valkey
from benchmarks.measure import Row, tell
from support.platform_server import PlatformServer, environment_for
from support.services import Services

from wb_cli.server.watch.loop_lag import LoopLag

PAUSE_S = 0.001
TARGET_S = 0.02
LATENESS = "[Bench] lateness"
WITHIN_S = 3600


def main() -> None:
    """Load the sample, start cold and warm, and print a line for each."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--objects", type=int, default=20_000)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    services = Services(docker.from_env(), {"wb.benchmark": "cold-start"})
    try:
        postgres, cache = services.new_postgres(), services.new_valkey()
        environment = environment_for(postgres.url, cache.url)
        command = [sys.executable, "-m", "wb_cli.server.sample"]
        for name, value in vars(chosen).items():
            command += (f"--{name}", str(value))
        subprocess.run(command, env=os.environ | environment, check=True, capture_output=True)
        with tempfile.TemporaryDirectory() as folder:
            watch_closely(Path(folder))
            watched = environment | {"PYTHONPATH": f"{folder}:{os.environ['PYTHONPATH']}"}
            for name in ("cold", "warm"):
                print(measure(name, watched, cache.url), flush=True)
    finally:
        services.close()


def watch_closely(folder: Path) -> None:
    """Let each Python that finds this folder watch its loop by `watch`."""
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'wb_cli.server' in ' '.join(sys.orig_argv):\n"
        "    from benchmarks.bench_cold_start import LoopLag, watch\n"
        "    LoopLag.watch = watch\n"
    )


async def watch(_: LoopLag, is_calm: Callable[[], bool]) -> None:
    """Measure until the warm-up is done, and write down the worst."""
    worst: list[tuple[float, float]] = []
    while not is_calm():
        began, waited = time.perf_counter(), waited_for_a_processor()
        await asyncio.sleep(PAUSE_S)
        late = time.perf_counter() - began - PAUSE_S
        if late > TARGET_S / 4:
            worst.append((max(0.0, late - (waited_for_a_processor() - waited)), late))
    own, whole = (max((pair[n] for pair in worst), default=0.0) for n in (0, 1))
    missed = sum(pair[0] > TARGET_S for pair in worst)
    print(LATENESS, own, whole, missed, flush=True)


def waited_for_a_processor() -> float:
    """The seconds that this process's threads were ready to run, and did not."""
    total = 0
    for thread in Path("/proc/self/task").iterdir():
        try:
            total += int((thread / "schedstat").read_text().split()[1])
        except OSError:
            continue  # it has ended
    return total / 1e9


def measure(name: str, environment: dict[str, str], valkey_url: str) -> str:
    """Start a server, wait until it is warm, and say what that took."""
    with valkey.Valkey.from_url(valkey_url) as client:
        client.config_resetstat()
        server = PlatformServer(environment).wait_listening()
        try:
            warm_up = server.wait_status("warm", within=WITHIN_S)["warmUp"]
            server.wait_for_line(LATENESS)
            asked = client.info("commandstats")
            words = next(line for line in server.lines if line.startswith(LATENESS)).split()
        finally:
            server.close()
    own, whole, missed = float(words[-3]), float(words[-2]), int(words[-1])
    objects = f"{warm_up['objects']:,} objects"
    tell(Row(f"longest block of the loop, {name} start of {objects} / 20 ms", own, TARGET_S, 1))
    gets, batches = (asked.get(f"cmdstat_{c}", {"calls": 0})["calls"] for c in ("get", "mget"))
    return (
        f"  ({objects}, {warm_up['entries']} entries in "
        f"{warm_up['elapsedSeconds']:.1f} s; the loop was blocked for {own * 1e3:.0f} ms at most "
        f"(target {TARGET_S * 1e3:.0f}), {missed} times for longer; with the wait for a processor "
        f"{whole * 1e3:.0f} ms; {batches} MGET, {gets} GET; load {os.getloadavg()[0]:.1f})"
    )


if __name__ == "__main__":
    main()
