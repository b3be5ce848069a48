"""Start a container that is there only as long as wb holds the connection to its input."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.client import docker_errors
from wb_cli.engine.docker.closed_root import close_root, list_written
from wb_cli.engine.docker.never_started import LABEL_MAKER, name_maker
from wb_cli.engine.docker.rights import DROPPED_CAPABILITIES, NO_NEW_PRIVILEGES
from wb_cli.engine.docker.session import Connection
from wb_cli.errors import NotFoundError, WbError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# How soon the engine is asked again whether a container is gone.
SOON_S = 0.02


def start_passing(  # noqa: PLR0913  (what runs, and what it sees)
    api: Any,
    image: str,
    entrypoint: Sequence[str],
    labels: Mapping[str, str],
    *,
    mounts: Sequence[Any],
    network: str,
    environment: Mapping[str, str] | None = None,
    archive: bytes = b"",
    hostname: str = "",
    memory: int = 0,
) -> tuple[str, Connection]:
    """Start a program as root of a container; give the container's id, and the connection to it.

    The engine closes the program's input when the connection ends, and removes the container when
    the program does. ``archive`` is a tar file for ``/``. ``memory`` is how many bytes it may
    take; 0 is no limit. The root is closed where the image allows it, unless there is an archive,
    which the engine would not copy into it. Raises ``ImageMissingError``.
    """
    from docker.types import LogConfig

    with docker_errors():
        written = () if archive else list_written(api.inspect_image(image))
        host_config = api.create_host_config(
            **close_root(written, [mount["Target"] for mount in mounts]),
            mounts=mounts,
            network_mode=network,
            auto_remove=True,
            init=True,
            log_config=LogConfig(type="none"),
            # SELinux would close the machine's folders.
            security_opt=["label=disable", NO_NEW_PRIVILEGES],
            cap_drop=list(DROPPED_CAPABILITIES),
            mem_limit=memory or None,
            memswap_limit=memory or None,
        )
        container = api.create_container(
            image,
            entrypoint=list(entrypoint),
            hostname=hostname or None,
            user="0:0",
            stdin_open=True,  # the engine closes it when this connection ends
            environment=dict(environment or {}),
            labels={**labels, LABEL_MAKER: name_maker()},
            host_config=host_config,
            healthcheck={"test": ["NONE"]},
            use_config_proxy=False,
        )["Id"]
    try:
        with docker_errors():
            if archive:
                api.put_archive(container, "/", archive)
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            connection = Connection(api.attach_socket(container, params=streams))
            api.start(container)
    except BaseException:
        with suppress(WbError), docker_errors():
            api.remove_container(container, force=True)
        raise
    return str(container), connection


def wait_until_gone(api: Any, container: str) -> None:
    """Wait until the engine has removed a container.

    The engine's own wait for a removal never ends if it begins while the removal ends (20.10).
    """
    with suppress(NotFoundError), docker_errors():
        while api.inspect_container(container):
            time.sleep(SOON_S)
