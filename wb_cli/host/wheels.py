"""What the platform image gets: the container's half of wb, and the wheels that it needs.

The half is copied from the folder of the package, in a source checkout and in an installed
distribution alike.
"""

import re
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import wb_cli
from wb_cli.errors import WbError
from wb_cli.host.process import run

DISTRIBUTION = "wb-cli"
# The Python of Debian trixie, which the image has, not the host's.
IMAGE_PYTHON = "3.13"
DOWNLOAD_WITHIN_S = 600


def download(folder: Path) -> None:
    """Fetch into a folder what the container's half needs, and pip itself, for the image's Python.

    Fetched on the host, because a container does not trust the host's own certificates.

    Raises:
        WbError: pip is missing, or failed.
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
            *("--dest", str(folder)),
            *("pip", *server_requirements()),
        ],
        timeout=DOWNLOAD_WITHIN_S,
    )


def server_requirements() -> list[str]:
    """What the extra ``server`` asks for.

    Raises:
        WbError: wb runs from bare files, and nothing says what it needs.
    """
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        raise WbError(
            "wb is not installed, so its requirements are not known",
            "Install it: `pip install .` in its folder.",
        ) from None
    pairs = (line.partition(";")[::2] for line in lines)
    is_server = re.compile(r"""extra\s*==\s*['"]server['"]""").search
    return sorted(requirement.strip() for requirement, marker in pairs if is_server(marker))


def package() -> dict[str, bytes]:
    """The container's half of wb, by path: what both halves share, and everything of the server.

    By the import rules it needs nothing of the operator's half.
    """
    folder = Path(wb_cli.__file__).parent
    shared = (path for path in folder.glob("*.py") if path.name != "__main__.py")
    server = (path for path in (folder / "server").rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder.parent)): path.read_bytes()
        for path in (*shared, *server)
        if "__pycache__" not in path.parts
    }
