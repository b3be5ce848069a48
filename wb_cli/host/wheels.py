"""Collect the content of the platform image: the container's half of wb, and its wheels.

The container's half is copied from the folder of the package. This works in a source checkout and
in an installed distribution.
"""

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import wb_cli
from wb_cli.errors import WbError
from wb_cli.host.process import run

# The image has the Python of Debian trixie; the host may have another one.
IMAGE_PYTHON = "3.13"
DOWNLOAD_WITHIN_S = 600


def download(folder: Path, locks: Iterable[Path]) -> None:
    """Fetch the wheels that locks name for the image's Python, and no others.

    A lock has the digests of its wheels. They are fetched on the host, because a container does not
    trust the host's own certificates.

    Raises:
        WbError: pip is missing, or failed, as where a file has another digest.
    """
    if find_spec("pip") is None:
        raise WbError(
            f"the Python that runs wb ({sys.executable}) has no pip, which fetches packages",
            f"`{sys.executable} -m ensurepip` installs it.",
        )
    run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--only-binary=:all:", "--implementation=cp", f"--python-version={IMAGE_PYTHON}"),
            *("--require-hashes", "--no-deps", "--dest", str(folder)),
            *(word for lock in locks for word in ("--requirement", str(lock))),
        ],
        timeout=DOWNLOAD_WITHIN_S,
    )


def read_package() -> dict[str, bytes]:
    """The files of the container's half, by path: the modules at the top, and the server.

    The import rules guarantee that it needs no module of the operator's half.
    """
    folder = Path(wb_cli.__file__).parent
    shared = (path for path in folder.glob("*.py") if path.name != "__main__.py")
    server = (path for path in (folder / "server").rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder.parent)): path.read_bytes()
        for path in (*shared, *server)
        if "__pycache__" not in path.parts
    }
