"""What a new entry gets where its operator did not say: label, port, version, image. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from wb_cli import __version__
from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET
from wb_cli.errors import UsageError
from wb_cli.instances.entries import FIELDS_BY_NAME, PORTS
from wb_cli.instances.local_images import PLATFORM
from wb_cli.instances.registry import Registry

FIRST_PORT = 9000


def complete(
    raw: Mapping[str, Any],
    registry: Registry,
    is_free: Callable[[int], bool],
    *,
    has_platform_image: bool = False,
) -> dict[str, Any]:
    """An entry with nothing required missing. ``is_free`` asks this host about a port.

    ``has_platform_image`` says that the settings name an image, so that the entry needs none.
    """
    entry = {"id": raw["id"], "label": title(raw["id"]), **_version(registry)} | dict(raw)
    if "serverVersion" in raw or has_platform_image:
        entry = {name: value for name, value in entry.items() if name in raw or name != "image"}
    if "port" not in entry:
        entry["port"] = free_port(registry, is_free)
    known = {name: entry[name] for name in FIELDS_BY_NAME if name in entry}
    return known | entry


def title(instance_id: str) -> str:
    """``sierra-leone`` as people write it."""
    return " ".join(word.capitalize() for word in instance_id.split("-"))


def free_port(registry: Registry, is_free: Callable[[int], bool]) -> int:
    """The first port, with PostgreSQL's 10000 above, that no entry claims and no server uses."""
    claimed = registry.claimed_ports()
    for port in range(FIRST_PORT, PORTS.stop):
        pair = (port, port + POSTGRES_HOST_PORT_OFFSET)
        if claimed.isdisjoint(pair) and all(map(is_free, pair)):
            return port
    raise UsageError(
        f"no port from {FIRST_PORT} to {PORTS[-1]} is free together with the one 10000 above",
        "Give one with --port.",
    )


def _version(registry: Registry) -> dict[str, str]:
    """The newest version in use, with the image it is used with; else wb's own platform."""
    if not registry.instances:
        return {"serverVersion": __version__, "image": PLATFORM.tag}
    newest = max(registry.instances, key=lambda one: _version_order(one.server_version))
    version = {"serverVersion": newest.server_version}
    return version | ({"image": newest.image} if newest.image else {})


def _version_order(version: str) -> list[tuple[int, int | str]]:
    """``1.10`` after ``1.9``, and a pre-release before its release."""
    parts = re.findall(r"\d+|[a-z]+", version.lower())
    order: list[tuple[int, int | str]] = [
        (2, int(part)) if part.isdecimal() else (0, part) for part in parts
    ]
    return [*order, (1, "")]
