"""What the engine still has of a container that ended badly."""

from collections.abc import Mapping

from msgspec import Struct, field

from wb_cli.engine.types import ContainerDetail
from wb_cli.secret import Secret


class HealthCheck(Struct, frozen=True):
    """One result of an image's own health check."""

    at: str
    exit_code: int
    output: str


class Remains(Struct, frozen=True):
    """Everything of a container that may explain its end.

    Its log, its command and the outputs of its health check may hold secrets. ``log`` has a time
    (RFC 3339) before each line. ``log_problem`` says why there is no log. ``error`` is the engine's
    own text about a start that failed. ``memory`` is the limit in bytes, 0 for none.
    """

    detail: ContainerDetail
    image: str
    image_id: str
    created_at: str
    error: str = ""
    command: tuple[str, ...] = ()
    environment: Mapping[str, Secret] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()
    memory: int = 0
    health_log: tuple[HealthCheck, ...] = ()
    log: str = ""
    log_problem: str = ""
