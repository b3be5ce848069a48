"""What tests have made on the engine, found by label."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import docker


@dataclass(frozen=True)
class Made:
    """Containers and networks, as the engine lists them."""

    client: docker.DockerClient
    containers: tuple[dict[str, Any], ...]
    networks: tuple[dict[str, Any], ...]

    @property
    def names(self) -> list[str]:
        """Theirs, those of the containers first."""
        containers = [each["Names"][0].removeprefix("/") for each in self.containers]
        return containers + [each["Name"] for each in self.networks]

    def remove(self) -> None:
        """Remove all of it."""
        for container in self.containers:
            self.client.api.remove_container(container["Id"], force=True, v=True)
        for network in self.networks:
            self.client.api.remove_network(network["Id"])


def made(client: docker.DockerClient, label: str, is_ours: Callable[[str], bool]) -> Made:
    """Everything whose label has a value that is ours."""
    filters = {"label": label}
    both = client.api.containers(all=True, filters=filters), client.api.networks(filters=filters)
    containers, networks = (
        tuple(each for each in listed if is_ours(each["Labels"][label])) for listed in both
    )
    return Made(client, containers, networks)
