"""The locks: each package that is delivered, in one version, with the digests of its files.

``make lock`` writes them with uv, from what ``pyproject.toml`` asks for. They name no index, so any
index that has the same files will do: PyPI, or a mirror of it.
"""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PLATFORM = ROOT / "wb_cli" / "provision" / "recipes" / "platform"
# The one for all Pythons that wb runs on, the others for the one of the platform's image.
ANYWHERE = ("--universal", "--python-version", "3.11")
IN_THE_IMAGE = ("--python-platform", "linux", "--python-version", "3.13", "--only-binary", ":all:")
MADE = "# Made by `make lock` for:"


class Lock(NamedTuple):
    """A lock: its file, what it is for, and how uv is asked."""

    path: Path
    requirements: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def header(self) -> str:
        """The lines that say what it was made for. Other requirements make it outdated."""
        return "".join(f"{line}\n" for line in (MADE, *(f"# {each}" for each in self.requirements)))

    def read_pins(self) -> dict[str, str]:
        """Read the version of each package."""
        lines = self.path.read_text().splitlines()
        pins = (line.removesuffix(" \\").partition(";")[0] for line in lines if line[:1].isalnum())
        return {name: version.strip() for name, _, version in (pin.partition("==") for pin in pins)}

    def write(self) -> None:
        """Choose the newest versions that fit, and write them."""
        words = ("pip", "compile", "-", "--quiet", "--no-config", "--generate-hashes", "--upgrade")
        shape = ("--no-header", "--no-annotate", "--python", sys.executable)
        asked = "\n".join(self.requirements)
        command = ["uv", *words, *shape, *self.words]
        done = subprocess.run(command, input=asked, text=True, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        self.path.write_text(self.header + done.stdout)


def list_locks() -> tuple[Lock, ...]:
    """List the locks: of wb itself, of its platform's image, and of the pip that makes that."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    own, server = project["dependencies"], project["optional-dependencies"]["server"]
    pip = next(each for each in own if Requirement(each).name == "pip")
    return (
        Lock(ROOT / "requirements.txt", tuple(sorted({*own, *server})), ANYWHERE),
        Lock(PLATFORM / "requirements.txt", tuple(sorted(server)), IN_THE_IMAGE),
        Lock(PLATFORM / "pip.txt", (pip,), IN_THE_IMAGE),
    )


if __name__ == "__main__":
    for lock in list_locks():
        lock.write()
