"""What the engine has of one instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.contract import CARRIER_SUFFIX, PREVIOUS_SUFFIX, STOP_TIMEOUTS, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.engine.types import ImageInfo, ObservedContainer, ObservedNetwork

PREVIOUS, CARRIER = PREVIOUS_SUFFIX, CARRIER_SUFFIX


class ObservedInstance(Struct, frozen=True):
    """What the engine has of one instance, by label.

    ``policies`` are the restart policies and ``stop_timeouts`` the seconds allowed for stopping,
    by container id. ``images`` are the desired images that are there, by reference.
    """

    containers: tuple[ObservedContainer, ...] = ()
    networks: tuple[ObservedNetwork, ...] = ()
    policies: Mapping[str, str] = field(default_factory=dict)
    stop_timeouts: Mapping[str, int] = field(default_factory=dict)
    images: Mapping[str, ImageInfo] = field(default_factory=dict)

    def container(self, name: str) -> ObservedContainer | None:
        """The container of that name."""
        return next((container for container in self.containers if container.name == name), None)

    def is_on_network(self, container: ObservedContainer) -> bool:
        """Whether it is attached to the instance's network.

        A stopped container still names its network's id. If the network was made anew, it has
        another id, and the engine refuses to start the container.
        """
        return any(network.id in container.networks for network in self.networks[:1])

    @property
    def network(self) -> str:
        """The id of the instance's network. Empty if there is none."""
        return self.networks[0].id if self.networks else ""

    def stop_timeout(self, container: ObservedContainer) -> int:
        """How long this container may take to stop."""
        return self.stop_timeouts.get(container.id, STOP_TIMEOUTS[part_of(container)])


def part_of(container: ObservedContainer) -> Part:
    """Give a container's part. If its label is damaged, give the part that stops first."""
    return container.part or Part.PLATFORM
