"""Fill in what the operator left out of a new entry: label, port, version, image. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from wb_cli import __version__
from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET
from wb_cli.errors import UsageError
from wb_cli.instances.local_images import PLATFORM
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.field_rules import PORTS
from wb_cli.instances.registry_file.fields import FIELDS_BY_NAME
from wb_cli.instances.registry_file.registry import Registry

FIRST_PORT = 9000


def complete(
    raw: Mapping[str, Any],
    registry: Registry,
    is_free: Callable[[int], bool],
    *,
    has_platform_image: bool = False,
    is_here: Callable[[Instance], bool] = lambda _: True,
) -> dict[str, Any]:
    """Fill in the missing required fields of an entry. ``is_free`` says whether a port is free.

    ``has_platform_image`` says that the settings name an image, so that the entry needs no image.
    ``is_here`` says whether the engine has the platform's image of an instance.
    """
    version = {} if "serverVersion" in raw else _choose_version(registry, is_here)
    entry = {"id": raw["id"], "label": make_label(raw["id"]), **version} | dict(raw)
    if "serverVersion" in raw or has_platform_image:
        entry = {name: value for name, value in entry.items() if name in raw or name != "image"}
    if "port" not in entry:
        entry["port"] = find_free_port(registry, is_free, read_host(entry))
    known = {name: entry[name] for name in FIELDS_BY_NAME if name in entry}
    return known | entry


def make_label(instance_id: str) -> str:
    """Make a label of an id: ``sierra-leone`` gives ``Sierra Leone``."""
    return " ".join(word.capitalize() for word in instance_id.split("-"))


def read_host(raw: Mapping[str, Any]) -> str | None:
    """Read the host of an entry. What is no host is refused later, with all other flaws."""
    try:
        host: str | None = FIELDS_BY_NAME["host"].read(raw)
    except ValueError:
        return None
    return host


def find_free_port(
    registry: Registry, is_free: Callable[[int], bool], host: str | None = None
) -> int:
    """Find the first port that is free together with PostgreSQL's port, which is 10000 higher.

    No entry claims such a port on the host, and no server there uses it.
    """
    claimed = registry.list_claimed_ports(host)
    for port in range(FIRST_PORT, PORTS.stop):
        pair = (port, port + POSTGRES_HOST_PORT_OFFSET)
        if claimed.isdisjoint(pair) and all(map(is_free, pair)):
            return port
    raise UsageError(
        f"no port from {FIRST_PORT} to {PORTS[-1]} is free together with the one 10000 above",
        "Give one with --port.",
    )


def _choose_version(registry: Registry, is_here: Callable[[Instance], bool]) -> dict[str, str]:
    """Choose the newest version in use, with its image; without instances, wb's own platform.

    A version whose image is here wins over a newer one, which may be a mistake in typing.
    """
    if not registry.instances:
        return {"serverVersion": __version__, "image": PLATFORM.tag}
    by_version = sorted(
        registry.instances, key=lambda instance: _sort_key(instance.server_version), reverse=True
    )
    newest = next(filter(is_here, by_version), by_version[0])
    version = {"serverVersion": newest.server_version}
    return version | ({"image": newest.image} if newest.image else {})


def _sort_key(version: str) -> list[tuple[int, int | str]]:
    """The key that sorts ``1.10`` after ``1.9``, and a pre-release before its release."""
    parts = re.findall(r"\d+|[a-z]+", version.lower())
    key: list[tuple[int, int | str]] = [
        (2, int(part)) if part.isdecimal() else (0, part) for part in parts
    ]
    return [*key, (1, "")]
