"""An instance with data on a machine elsewhere, and an operator's machine that works on it."""

from dataclasses import dataclass
from pathlib import Path

from cluster.far_host import FarHost
from cluster.operator import Operator
from faults.deployment import Deployment
from support.wb_host import Host


@dataclass
class FarSide(Host):
    """An operator's machine whose every command works on one machine elsewhere.

    ``disk`` is where this test sees the instances, if they do not lie where others do.
    """

    operator: Operator | None = None
    far: FarHost | None = None
    disk: Path | None = None

    @property
    def environ(self) -> dict[str, str]:
        assert self.operator
        assert self.far
        own = {"TMPDIR": str(self.own_temporary), "DOCKER_HOST": self.far.host_url}
        return self.operator.environ | own

    @property
    def own_temporary(self) -> Path:
        """The folder of temporary files of every command."""
        folder = self.root / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def mount_path(self) -> Path:
        assert self.far
        return self.disk or self.far.instances


class FarDeployment(Deployment):
    """An instance that answers on its own machine alone."""

    def _answers(self) -> bool:
        assert isinstance(self.host, FarSide)
        assert self.host.far
        with self.host.far.network.enter():
            return super()._answers()


def make_far_side(operator: Operator, far: FarHost) -> FarSide:
    """Give an operator's machine a side that works on one machine elsewhere."""
    return FarSide(operator.root, far.client, "", operator.platform, operator=operator, far=far)
