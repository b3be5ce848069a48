"""Turn a Spec into arguments of the Docker SDK. Pure, except that it uses the SDK's types."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.closed_root import close_root
from wb_cli.engine.docker.rights import DROPPED_CAPABILITIES, NO_NEW_PRIVILEGES
from wb_cli.engine.types import LABEL_INSTANCE, LABEL_ROLE, ContainerSpec
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker

    from wb_cli.engine.types import NetworkSpec, SecretFile

MIB = 1024**2


def labels(spec: ContainerSpec | NetworkSpec) -> dict[str, str]:
    """Render the spec's labels, and the labels by which wb finds the container again."""
    own = {LABEL_INSTANCE: spec.instance}
    if isinstance(spec, ContainerSpec):
        own[LABEL_ROLE] = str(spec.part)
    return {**spec.labels, **own}


def container_arguments(
    api: docker.APIClient, spec: ContainerSpec, network: str, written: Sequence[str] = ()
) -> dict[str, Any]:
    """Render the keyword arguments of ``create_container``.

    ``written`` are the folders that its image writes to on a closed root; none leaves it open.
    """
    endpoint: Any = api.create_endpoint_config(aliases=[spec.name])
    return {
        "image": spec.image,
        "command": list(spec.command) or None,
        "name": spec.name,
        "environment": _render_environment(spec),
        "labels": labels(spec),
        "ports": [port.container for port in spec.ports],
        "host_config": api.create_host_config(**_render_host_arguments(spec, network, written)),
        "networking_config": {"EndpointsConfig": {network: endpoint}},
        "stop_timeout": spec.stop_timeout,
        "use_config_proxy": False,
    }


def _render_environment(spec: ContainerSpec) -> dict[str, str]:
    files = {file.variable: file.path for file in spec.secret_files}
    variables = {name: _reveal(value) for name, value in spec.environment.items()}
    return {**files, **spec.first_environment, **variables}


def _render_host_arguments(
    spec: ContainerSpec, network: str, written: Sequence[str]
) -> dict[str, Any]:
    from docker.types import LogConfig, Mount

    binds = [Mount(mount.target, mount.source, type="bind") for mount in spec.mounts]
    return {
        **close_root(written, [mount.target for mount in spec.mounts]),
        "mounts": [*binds, *(_make_room_for_secrets(spec) if written else ())],
        "port_bindings": {port.container: (port.address, port.host) for port in spec.ports},
        "network_mode": network,
        "restart_policy": {"Name": "no"},
        "auto_remove": spec.auto_remove,
        "init": True,
        "security_opt": [NO_NEW_PRIVILEGES],
        "cap_drop": list(DROPPED_CAPABILITIES),
        "mem_limit": spec.memory,
        "nano_cpus": round(spec.cpus * 1e9) if spec.cpus else None,
        "shm_size": spec.shm_size,
        "log_config": LogConfig(
            type="json-file",
            config={
                "max-size": _render_log_size(spec.log_max_size),
                "max-file": str(spec.log_max_files),
            },
        ),
    }


def _make_room_for_secrets(spec: ContainerSpec) -> list[Any]:
    """Make volumes for secret files, as the engine copies no file into a closed root.

    They have no name, so the engine removes them with the container.
    """
    from docker.types import Mount

    folders = sorted({file.folder for file in spec.secret_files})
    return [Mount(folder, None, type="volume", no_copy=True) for folder in folders]


def _render_log_size(size: int) -> str:
    return str(size) if size % MIB else f"{size // MIB}m"


def network_arguments(spec: NetworkSpec) -> dict[str, Any]:
    """Render the keyword arguments of ``create_network``."""
    from docker.types import IPAMConfig, IPAMPool

    return {
        "name": spec.name,
        "driver": "bridge",
        "ipam": IPAMConfig(pool_configs=[IPAMPool(subnet=spec.subnet)]),
        "labels": labels(spec),
        "check_duplicate": True,
    }


def archive(file: SecretFile, start: str = "/") -> bytes:
    """Pack the file into a tar for the folder ``start``. Only root may open it, and its folders.

    ``start`` is ``/`` or the folder of secret files, which stays as it is, as ``/run`` does.
    """
    content = file.content.reveal().encode()
    path = file.path.removeprefix(start).strip("/")
    *folders, _ = path.split("/")
    first = 2 if start == "/" else 1
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for depth in range(first, len(folders) + 1):
            folder = tarfile.TarInfo("/".join(folders[:depth]))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o700
            tar.addfile(folder)
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(content), 0o600
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _reveal(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
