"""The commands that meet faults: the state of the instance before each, and its words."""

import itertools
from collections.abc import Callable

from faults.deployment import Deployment
from support.wb_host import free_pair_of_ports

CHANGES = itertools.count(1)


def run(deployment: Deployment) -> None:
    deployment.wb("run")


def stop(deployment: Deployment) -> None:
    deployment.wb("stop")


def change_label(deployment: Deployment) -> None:
    run(deployment)
    deployment.host.change(deployment.id, label=f"Label {next(CHANGES)}")


def change_postgres(deployment: Deployment) -> None:
    run(deployment)
    address = deployment.entry.get("postgresBindAddress", "127.0.0.1")
    other = "0.0.0.0" if address == "127.0.0.1" else "127.0.0.1"
    deployment.host.change(deployment.id, postgresBindAddress=other)


def change_valkey(deployment: Deployment) -> None:
    run(deployment)
    limit = f"{100 + next(CHANGES)}mb"
    deployment.host.change(deployment.id, valkeyMaxMemory=limit)


def change_image(deployment: Deployment) -> None:
    run(deployment)
    first = deployment.host.platform
    is_first = deployment.entry["image"] == first
    deployment.host.change(deployment.id, image=f"{first}-again" if is_first else first)


def change_port(deployment: Deployment) -> None:
    run(deployment)
    deployment.host.change(deployment.id, port=free_pair_of_ports())


# A command: the state of the instance before it, and the verb.
COMMANDS: dict[str, tuple[Callable[[Deployment], None], str]] = {
    "run, all new": (stop, "run"),
    "run, nothing to do": (run, "run"),
    "run, label changed": (change_label, "run"),
    "run, PostgreSQL changed": (change_postgres, "run"),
    "run, Valkey changed": (change_valkey, "run"),
    "run, image changed": (change_image, "run"),
    "run, port changed": (change_port, "run"),
    "restart": (run, "restart"),
    "stop": (run, "stop"),
}
