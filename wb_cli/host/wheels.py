"""The wheels of the platform image: the container's half of wb, and what it needs.

The image's wheel is made from the installed package, so it can be had from a source checkout and
from an installed distribution alike. It holds the container's half alone, which by the import
rules needs nothing of the rest.
"""

import base64
import hashlib
import io
import re
import sys
import zipfile
from collections.abc import Mapping
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
# The same bytes for the same content: an image is only built again where something changed.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)


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


def server_wheel() -> tuple[str, bytes]:
    """The wheel of the container's half: its file name and its content."""
    version = wb_cli.__version__
    information = f"wb_cli-{version}.dist-info"
    content = {
        **_container_half(Path(wb_cli.__file__).parent),
        f"{information}/METADATA": _metadata(version, server_requirements()),
        f"{information}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{information}/RECORD"] = _record(content, information)
    return f"wb_cli-{version}-py3-none-any.whl", _zip(content)


def _container_half(package: Path) -> dict[str, bytes]:
    """The top-level modules, which both halves share, and everything below ``server``."""
    shared = (path for path in package.glob("*.py") if path.name != "__main__.py")
    server = (path for path in (package / "server").rglob("*") if path.is_file())
    return {
        f"{package.name}/{path.relative_to(package)}": path.read_bytes()
        for path in (*shared, *server)
        if "__pycache__" not in path.parts
    }


def _metadata(version: str, requirements: list[str]) -> bytes:
    head = ["Metadata-Version: 2.1", f"Name: {DISTRIBUTION}", f"Version: {version}"]
    needs = [f"Requires-Dist: {requirement}" for requirement in requirements]
    return "\n".join([*head, *needs, ""]).encode()


def _record(content: Mapping[str, bytes], information: str) -> bytes:
    lines = [f"{path},sha256={_checksum(data)},{len(data)}" for path, data in content.items()]
    return "\n".join([*lines, f"{information}/RECORD,,", ""]).encode()


def _checksum(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _zip(content: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(content):
            archive.writestr(zipfile.ZipInfo(path, TIMESTAMP), content[path])
    return buffer.getvalue()
