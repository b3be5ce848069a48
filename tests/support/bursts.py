"""Signals in bursts, as terminals, shells and impatient people send them."""

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from support.services import wait_until

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AT_MOST = 5
APART_S = 0.0002
SEED = int(os.environ.get("WB_TEST_SEED", "0")) or time.time_ns() % 10**9


def is_listening(process: subprocess.Popen[str]) -> bool:
    """Whether a process handles SIGTERM itself, which no Python does before it is told to."""
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "SigCgt":
                return bool(int(value, 16) >> (signal.SIGTERM - 1) & 1)
    return False


def send_burst(process: subprocess.Popen[str], chance: random.Random) -> list[str]:
    """Send one to five signals, up to 200 microseconds apart; what was sent."""
    sent = [chance.choice(SIGNALS) for _ in range(chance.randint(1, AT_MOST))]
    for number in sent:
        process.send_signal(number)
        time.sleep(chance.uniform(0, APART_S))
    return [each.name for each in sent]


def ended_by_burst(
    process: subprocess.Popen[str], chance: random.Random, within: float, bursts: int = 1
) -> str:
    """Send bursts to a process some time after it began to listen; what was done, to be told."""
    wait_until(lambda: is_listening(process) or process.poll() is not None, "its handlers")
    told = f"seed {SEED}:"
    for _ in range(bursts):
        after = chance.uniform(0, within)
        with suppress(subprocess.TimeoutExpired):
            process.wait(after)
        told += f" after {after:.4f} s {send_burst(process, chance)}"
    return told
