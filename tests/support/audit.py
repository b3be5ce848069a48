"""Ask pip-audit whether a flaw of a delivered package is known: ``make audit``.

pip-audit itself calls a package without a flaw where its source does not know the package, or has
not answered. Here that is said, and it is an end of its own.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from support.locks import ROOT, Lock, list_locks


class Outcome(IntEnum):
    """How an audit ended, which is the exit code. The worst of several is the highest."""

    CLEAN = 0
    UNCHECKED = 3
    FLAWED = 4


class Audit(NamedTuple):
    """What is known of the packages of a lock."""

    checked: int
    flaws: tuple[str, ...]
    unchecked: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        if self.flaws:
            return Outcome.FLAWED
        return Outcome.UNCHECKED if self.unchecked or not self.checked else Outcome.CLEAN

    def describe(self) -> str:
        """Say what was found, and what could not be looked at."""
        lines = [*self.flaws]
        if self.outcome is Outcome.CLEAN:
            lines.append(f"no flaw is known in {self.checked} packages")
        elif self.outcome is Outcome.UNCHECKED or self.unchecked:
            names = ", ".join(self.unchecked) or "all of it"
            lines.append(f"could not be checked: {names} (checked were {self.checked})")
        return "\n".join(lines)


def judge(report: Mapping[str, Any]) -> Audit:
    """Judge what pip-audit wrote as JSON. Pure."""
    checked, flaws, unchecked = 0, [], []
    for package in report.get("dependencies", ()):
        if "vulns" not in package:
            unchecked.append(str(package["name"]))
            continue
        checked += 1
        for flaw in package["vulns"]:
            fixed = ", ".join(flaw.get("fix_versions", ())) or "no version yet"
            flaws.append(f"{package['name']} {package['version']}: {flaw['id']}, mended in {fixed}")
    return Audit(checked, tuple(flaws), tuple(unchecked))


def ask(lock: Lock) -> Audit:
    """Have pip-audit look at a lock. A source that does not answer leaves all of it unchecked."""
    words = ("--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json")
    command = [sys.executable, "-m", "pip_audit", *words, "--requirement", str(lock.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return judge(json.loads(done.stdout))
    except ValueError:
        said = done.stderr.strip().splitlines()
        return Audit(0, (), (*sorted(lock.read_pins()), *said[-1:]))


def main() -> Outcome:
    """Audit each lock, and give the worst outcome."""
    worst = Outcome.CLEAN
    for lock in list_locks():
        audit = ask(lock)
        print(f"{lock.path.relative_to(ROOT)}: {audit.describe()}")  # noqa: T201  (a program)
        worst = max(worst, audit.outcome)
    return worst


if __name__ == "__main__":
    sys.exit(main())
