"""What the listing of the engine says of an instance's platform. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Env
from wb_cli.engine.types import LABEL_SPEC, put_in_brackets
from wb_cli.lifecycle.planning.fingerprint import parse
from wb_cli.lifecycle.readiness.health import reachable_address

if TYPE_CHECKING:
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.model import Instance


def find_version(instance: Instance | None, platform: ObservedContainer | None) -> str:
    """Find the version of the platform that is there, or else of the one that is declared."""
    label = platform.labels.get(LABEL_SPEC) if platform else None
    running = parse(label).get(Env.SERVER_VERSION, "")
    return running or (instance.server_version if instance else "")


def find_url(platform: ObservedContainer | None) -> str:
    """Find the address at which this host reaches the platform, as long as it is published."""
    if not platform or not platform.ports:
        return ""
    host, port = reachable_address(platform.ports[0])
    return f"http://{put_in_brackets(host)}:{port}"
