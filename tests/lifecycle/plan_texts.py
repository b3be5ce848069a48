"""Plans as the tests write them down."""

from textwrap import dedent

from lifecycle.examples import SUBNET

from wb_cli.lifecycle.desired import Desired
from wb_cli.lifecycle.reconcile import Present, plan_run

IMAGES = {
    "demo-postgres": "postgres:17.4",
    "demo-valkey": "valkey/valkey:8",
    "demo-admin": "timroberton/comb:wb-hmis-server-admin-v2.0",
    "demo": "timroberton/comb:wb-fastr-server-v1.6.7",
}
SECONDS = {"demo-postgres": 30}


def text(expected: str) -> str:
    """A plan as written in a test, indented."""
    return dedent(expected).strip("\n")


def fresh(name: str, image: str = "") -> str:
    """The operations that make a container, as a plan shows them."""
    return (
        f"  create {name} from {image or IMAGES[name]}\n"
        f"  start {name}\n"
        f"  wait until {name} is ready\n"
        f"  set restart policy of {name} to always"
    )


def aside(name: str) -> str:
    """The operations that keep the old container while its successor starts."""
    return (
        f"  stop {name} (at most {SECONDS.get(name, 10)} s)\n"
        f"  set restart policy of {name} to no\n"
        f"  rename {name} to {name}-previous"
    )


def gone(name: str) -> str:
    """The lane that removes the old container."""
    return f"{name}-previous: its successor is ready\n  remove {name}-previous"


def lines(*parts: str) -> str:
    """One text of several."""
    return "\n".join(parts)


def replaced(*causes: str, name: str = "demo", image: str = "") -> str:
    """The whole plan that replaces one container."""
    return lines(*causes, aside(name), fresh(name, image), gone(name))


def run(desired: Desired, present: Present) -> str:
    """What `wb run` plans."""
    return str(plan_run(desired, present, SUBNET))
