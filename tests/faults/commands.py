"""The commands that meet faults: the state of the instance before each, and its words."""

import itertools
from collections.abc import Callable

from faults.deployment import Deployment
from support.wb_host import free_pair_of_ports

CHANGES = itertools.count(1)


def as_it_runs(deployment: Deployment) -> None:
    deployment.wb("run")


def stopped(deployment: Deployment) -> None:
    deployment.wb("stop")


def with_another_label(deployment: Deployment) -> None:
    as_it_runs(deployment)
    deployment.host.change(deployment.id, label=f"Label {next(CHANGES)}")


def with_another_postgres(deployment: Deployment) -> None:
    as_it_runs(deployment)
    address = deployment.entry.get("postgresBindAddress", "127.0.0.1")
    other = "0.0.0.0" if address == "127.0.0.1" else "127.0.0.1"
    deployment.host.change(deployment.id, postgresBindAddress=other)


def with_another_valkey(deployment: Deployment) -> None:
    as_it_runs(deployment)
    limit = f"{100 + next(CHANGES)}mb"
    deployment.host.change(deployment.id, valkeyMaxMemory=limit)


def with_another_image(deployment: Deployment) -> None:
    as_it_runs(deployment)
    first = deployment.host.platform
    is_first = deployment.entry["image"] == first
    deployment.host.change(deployment.id, image=f"{first}-again" if is_first else first)


def with_another_port(deployment: Deployment) -> None:
    as_it_runs(deployment)
    deployment.host.change(deployment.id, port=free_pair_of_ports())


# A command: the state of the instance before it, and the verb.
COMMANDS: dict[str, tuple[Callable[[Deployment], None], str]] = {
    "run, all new": (stopped, "run"),
    "run, nothing to do": (as_it_runs, "run"),
    "run, label changed": (with_another_label, "run"),
    "run, PostgreSQL changed": (with_another_postgres, "run"),
    "run, Valkey changed": (with_another_valkey, "run"),
    "run, image changed": (with_another_image, "run"),
    "run, port changed": (with_another_port, "run"),
    "restart": (as_it_runs, "restart"),
    "stop": (as_it_runs, "stop"),
}
