"""Input for the planner: an instance, its settings, and what the engine lists once it runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from wb_cli.engine.docker.render import labels
from wb_cli.engine.types import (
    ContainerSpec,
    ImageInfo,
    ObservedContainer,
    ObservedNetwork,
    Port,
    State,
)
from wb_cli.instances.host_settings.setting import Places
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.instances.host_settings.table import SETTINGS as TABLE
from wb_cli.instances.model import Instance
from wb_cli.lifecycle.planning.desired import Credentials, Desired, describe
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.secret import Secret

KEY = b"k" * 32
SUBNET = "10.213.0.0/26"
PASSWORDS = ("sesame-init", "sesame-connect", "sesame-admin")
DEMO = Instance("demo", "Demo", 9001, "1.6.7")
PLACES = Places(config=Path("/etc/wb"), data=Path("/nowhere"))
DEFAULTS = {
    setting.name: setting.default_in(PLACES) for setting in TABLE if not setting.is_passed_on
}
GIVEN = {"mount_path": Path("/mnt")}
SETTINGS = Settings(
    config_file=PLACES.config / "config.toml", passed_on={}, origins={}, **DEFAULTS | GIVEN
)

# Another value for each field of the registry file.
FIELD_CHANGES: dict[str, Any] = {
    "id": "mali",
    "label": "Mali",
    "port": 9002,
    "serverVersion": "1.7.0",
    "adminVersion": "2.1",
    "instanceDir": "data/one",
    "french": True,
    "ethiopian": True,
    "openAccess": True,
    "tags": ("pilot",),
    "image": "team/app:1",
    "env": {"STATUS_API_KEY": "open sesame"},
    "bindAddress": "0.0.0.0",
    "postgresBindAddress": "0.0.0.0",
    "nginxUpstream": "10.0.0.5",
    "dockerSocket": False,
    "mountDatabases": False,
    "restart": "no",
    "memory": 2**30,
    "cpus": 1.5,
    "postgresMemory": 2**30,
    "postgresCpus": 1.5,
    "valkeyMemory": 2**31,
    "valkeyCpus": 0.5,
    "adminMemory": 2**28,
    "adminCpus": 0.25,
    "shmSize": 2**29,
    "postgresImage": "postgres:17.5",
    "postgresSettings": {"work_mem": "16MB"},
    "priority": 10,
    "deployHours": "22-5",
    "timezone": "Africa/Bamako",
    "valkeyMaxMemory": 2**31,
    "pointInTime": True,
    "cachePersistence": "aof",
    "node": "second",
    "host": "ssh://root@far",
}


def credentials(*passwords: str) -> Credentials:
    """Three secrets: to initialise the database, to connect to it, for the platform's routes."""
    first, second, third = passwords or PASSWORDS
    return Credentials(Secret(first), Secret(second), Secret(third))


def wanted(instance: Instance = DEMO, settings: Settings = SETTINGS, **changes: Any) -> Desired:
    """Describe an instance as it should run. ``changes`` are made to the instance."""
    return describe(replace(instance, **changes), settings, credentials(), KEY)


def running(desired: Desired, *changed: ObservedContainer, **changes: Any) -> ObservedInstance:
    """What the engine has after a ``run`` of ``desired``, and after the changes."""
    network = ObservedNetwork("net-1", desired.instance, (SUBNET,), desired.labels)
    containers = {spec.name: container(spec) for spec in desired.containers}
    containers |= {other.name: other for other in changed}
    current = ObservedInstance(
        containers=tuple(containers.values()),
        networks=(network,),
        policies={c.id: policy(c) for c in containers.values()},
        images={spec.image: ImageInfo(image_id(spec.image)) for spec in desired.containers},
    )
    return replace(current, **changes)


def container(spec: ContainerSpec, name: str = "", **changes: Any) -> ObservedContainer:
    """The running container of a Spec as the engine lists it, with changes."""
    listed = ObservedContainer(
        id=f"id-{name or spec.name}",
        name=name or spec.name,
        state=State.RUNNING,
        status="Up 5 minutes",
        image=spec.image,
        image_id=image_id(spec.image),
        labels=labels(spec),
        ports=tuple(Port(p.container, p.host, p.address) for p in spec.ports),
        networks=("net-1",),
    )
    return replace(listed, **changes)


def policy(container: ObservedContainer) -> str:
    """The restart policy: "always", unless the container was never ready or runs with --rm."""
    is_unsupervised = '"restart":"no"' in container.labels["wb.spec"]
    return "no" if is_unsupervised or container.state is State.CREATED else "always"


def spec_of(desired: Desired, name: str) -> ContainerSpec:
    """The Spec of one container by name."""
    return next(spec for spec in desired.containers if spec.name == name)


def image_id(reference: str) -> str:
    """The id of an image, until another image is pulled under its tag."""
    return f"sha256:{reference}"


def without(current: ObservedInstance, *names: str) -> ObservedInstance:
    """The instance without some containers."""
    return replace(current, containers=tuple(c for c in current.containers if c.name not in names))


def environment(desired: Desired, name: str = "demo") -> Mapping[str, Any]:
    """The environment of one container."""
    return spec_of(desired, name).environment
