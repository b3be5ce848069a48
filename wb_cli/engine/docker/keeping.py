"""Keep what is needed to make a container again. A container with --rm is gone when it stops."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from wb_cli.contract import Env
from wb_cli.engine.docker.client import docker_errors
from wb_cli.errors import ImageMissingError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kept:
    """A container's configuration as the engine has it, and its secret files.

    It holds secrets, so its ``repr`` shows only the name.
    """

    def __init__(self, name: str, configuration: Mapping[str, Any], secrets: bytes | None) -> None:
        self.name = name
        self.configuration = configuration
        self.secrets = secrets

    def __repr__(self) -> str:
        return f"Kept({self.name!r})"

    def dump(self) -> str:
        """Give it as text. The text holds secrets, too."""
        packed = None if self.secrets is None else base64.b64encode(self.secrets).decode()
        return json.dumps([self.name, self.configuration, packed])

    @classmethod
    def load(cls, text: str) -> Kept:
        """Read such a text."""
        name, configuration, packed = json.loads(text)
        return cls(name, configuration, None if packed is None else base64.b64decode(packed))


# The folder of a container's secret files, and the folder in which its archive is unpacked.
_SECRETS, _SECRETS_PARENT = "/run/wb", "/run"


def keep(api: Any, container: str) -> Kept:
    """Read the configuration and the secret files of a container. Raises ``NotFoundError``."""
    with docker_errors():
        inspected = api.inspect_container(container)
        environment = inspected["Config"].get("Env") or []
        # A file at another place is not wb's: it is mounted, and so is part of the configuration.
        prefix = f"{Env.POSTGRES_PASSWORD_FILE}={_SECRETS}/"
        has_secrets = any(variable.startswith(prefix) for variable in environment)
        folder = f"{_SECRETS}/." if _has_closed_root(inspected) else _SECRETS
        secrets = b"".join(api.get_archive(container, folder)[0]) if has_secrets else None
    return Kept(inspected["Name"].removeprefix("/"), inspected, secrets)


def make_again(api: Any, kept: Kept, network: str) -> str:
    """Create the container again, from the same image, without starting it. Return its id."""
    inspected = kept.configuration
    own = {key: value for key, value in inspected["Config"].items() if key != "Hostname"}
    endpoint = api.create_endpoint_config(aliases=[kept.name])
    configuration = {
        **own,
        "Image": _choose_image(api, inspected),
        "HostConfig": {**inspected["HostConfig"], "NetworkMode": network},
        "NetworkingConfig": {"EndpointsConfig": {network: endpoint}},
    }
    with docker_errors():
        container = str(api.create_container_from_config(configuration, kept.name)["Id"])
        if kept.secrets is not None:
            place = _SECRETS if _has_closed_root(inspected) else _SECRETS_PARENT
            api.put_archive(container, place, kept.secrets)
    return container


def _has_closed_root(inspected: Mapping[str, Any]) -> bool:
    """Whether the engine copies files only into its volumes, and so into the folder of secrets."""
    return bool(inspected["HostConfig"].get("ReadonlyRootfs"))


def _choose_image(api: Any, inspected: Mapping[str, Any]) -> str:
    """Name the image by its name, or by its id if another image has the name now."""
    name, ran_on = str(inspected["Config"]["Image"]), str(inspected["Image"])
    try:
        with docker_errors():
            return name if api.inspect_image(name)["Id"] == ran_on else ran_on
    except (ImageMissingError, NotFoundError):
        return ran_on
