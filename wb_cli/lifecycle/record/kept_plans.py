"""Plans in a file: written by ``wb plan``, applied by ``wb apply``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from wb_cli import __version__
from wb_cli.errors import UsageError
from wb_cli.instances.files import file_errors, write_atomically
from wb_cli.lifecycle.options import Verb
from wb_cli.lifecycle.planning.basis import Agreed

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.lifecycle.planning.plan import Plan

FORMAT = 1
VERBS = {Verb.RUN, Verb.RESTART}


class KeptPlan(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The plan of one instance. ``made_from`` is what it was made from."""

    instance: str
    steps: tuple[str, ...]
    made_from: dict[str, str]

    @classmethod
    def of(cls, plan: Plan) -> KeptPlan:
        """Keep a plan."""
        return cls(plan.instance, plan.steps, dict(plan.basis))

    @property
    def agreed(self) -> Agreed:
        """What the operator agreed to when the plan was made."""
        return Agreed(self.instance, self.made_from, self.steps)


class KeptPlans(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The plans of a file. ``made`` is the time in RFC 3339. There is no secret in it."""

    format: int
    wb: str
    made: str
    registry: str
    verb: Verb
    plans: tuple[KeptPlan, ...]


def write(path: Path, plans: KeptPlans) -> None:
    """Write plans to a file.

    Raises:
        WbError: the file cannot be written.
    """
    content = msgspec.json.format(msgspec.json.encode(plans), indent=2) + b"\n"
    write_atomically(path, content)


def read(path: Path, registry: str) -> KeptPlans:
    """Read the plans of a file, which must be for this registry file.

    Raises:
        UsageError: the file holds no plans of this version of wb, or those of another registry.
        WbError: the file cannot be read.
    """
    with file_errors(path, "read"):
        content = path.read_bytes()
    again = "`wb plan SELECTOR -o FILE` makes a new one."
    try:
        plans = msgspec.json.decode(content, type=KeptPlans)
    except ValueError as error:
        raise UsageError(f"{path} is no file of plans: {error}", again) from error
    if plans.format != FORMAT or plans.wb != __version__:
        raise UsageError(
            f"{path} was made by wb {plans.wb}; this is wb {__version__}, which may plan otherwise",
            again,
        )
    if plans.verb not in VERBS:
        raise UsageError(f"{path}: a plan for `wb {plans.verb}` cannot be applied", again)
    if plans.registry != registry:
        raise UsageError(
            f"{path} was made for the registry file {plans.registry}, not for {registry}",
            "The setting SERVERS_FILE_PATH names the registry file.",
        )
    ids = [each.instance for each in plans.plans]
    if not ids:
        raise UsageError(f"{path} has no plan in it", again)
    if len(set(ids)) < len(ids):
        raise UsageError(f"{path} names an instance twice", again)
    return plans
