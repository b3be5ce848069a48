"""Texts of plans, for tests to compare with."""

from textwrap import dedent

from lifecycle.examples import SUBNET

from wb_cli.lifecycle.planning.desired import Desired
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.reconcile import plan_run

IMAGES = {
    "demo-postgres": "postgres:17.4",
    "demo-valkey": "valkey/valkey:8",
    "demo-admin": "timroberton/comb:wb-hmis-server-admin-v2.0",
    "demo": "timroberton/comb:wb-fastr-server-v1.6.7",
}
SECONDS = {"demo-postgres": 30}


def text(expected: str) -> str:
    """Remove the indentation that a plan has in a test."""
    return dedent(expected).strip("\n")


def created(name: str, image: str = "") -> str:
    """The operation that makes a container."""
    return f"  create {name} from {image or IMAGES[name]}"


def started(name: str) -> str:
    """The operations that make a container ready."""
    return f"  start {name}\n  wait until {name} is ready"


def supervised(name: str) -> str:
    """The operation that lets the engine supervise a container."""
    return f"  set restart policy of {name} to always"


def fresh(name: str, image: str = "") -> str:
    """The operations that create and start a container that no other container waits for."""
    return lines(created(name, image), started(name), supervised(name))


def everything(cause: str) -> str:
    """The lanes that make all containers anew.

    The platform is created while the databases start. They are supervised while it starts. Valkey
    starts when all are created.
    """
    return lines(
        *(f"postgres: {cause}", created("demo-postgres")),
        *("postgres: created", started("demo-postgres")),
        *(f"valkey and platform: {cause}", created("demo-valkey"), created("demo")),
        started("demo-valkey"),
        *("platform: created", started("demo"), supervised("demo")),
        *("postgres: ready", supervised("demo-postgres")),
        *("valkey: ready", supervised("demo-valkey")),
    )


def aside(name: str) -> str:
    """The operations that keep the old container while its successor starts."""
    return (
        f"  stop {name} (at most {SECONDS.get(name, 10)} s)\n"
        f"  set restart policy of {name} to no\n"
        f"  rename {name} to {name}-previous"
    )


def put_aside(*names: str) -> str:
    """The lanes that do the same in a restart, where all containers stop first."""
    halves = {name: aside(name).partition("\n")[::2] for name in names}
    return lines(
        *(f"{name}: restart\n{stop}" for name, (stop, _) in halves.items()),
        *(f"{name}: stopped\n{rest}" for name, (_, rest) in halves.items()),
    )


def gone(name: str) -> str:
    """The lane that removes the old container."""
    return f"{name}-previous: its successor is ready\n  remove {name}-previous"


def lines(*parts: str) -> str:
    """Join several texts to one."""
    return "\n".join(parts)


def replaced(*causes: str, name: str = "demo", image: str = "") -> str:
    """The whole plan that replaces one container."""
    return lines(*causes, aside(name), fresh(name, image), gone(name))


def run(desired: Desired, current: ObservedInstance) -> str:
    """The text of the plan of `wb run`."""
    return str(plan_run(desired, current, SUBNET))
