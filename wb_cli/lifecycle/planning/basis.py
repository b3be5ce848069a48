"""What a plan was made from, so that it is applied to that and to nothing else. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.engine.types import LABEL_DECLARED, LABEL_SPEC
from wb_cli.errors import ExitCode, WbError
from wb_cli.lifecycle.planning.fingerprint import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wb_cli.engine.types import ContainerSpec
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance

# What it concerns, as an operator reads it, with its state then: `container x: running 1a2b3c`.
Basis = dict[str, str]
ID_LENGTH = 12


class OutdatedPlanError(WbError):
    """What a plan was made from has changed since."""

    exit_code = ExitCode.DIFFERS


class Agreed(Struct, frozen=True):
    """What an operator has seen of a plan and agreed to: its steps, and what it was made from."""

    instance: str
    basis: Mapping[str, str]
    steps: tuple[str, ...]

    def refuse_other_basis(self, now: Basis) -> None:
        """Refuse to go on if the instance, or what is declared of it, is not what it was.

        Raises:
            OutdatedPlanError: it names what has changed.
        """
        if changes := list(describe_changes(self.basis, now)):
            raise self._refuse("; ".join(changes))

    def refuse_other_steps(self, steps: tuple[str, ...]) -> None:
        """Refuse to take steps that the operator has not seen.

        Raises:
            OutdatedPlanError: it names the first of them.
        """
        if steps != self.steps:
            other = next((step for step in steps if step not in self.steps), "fewer steps")
            raise self._refuse(f"other steps are needed now: {other}")

    def _refuse(self, changes: str) -> OutdatedPlanError:
        return OutdatedPlanError(
            f"{self.instance} is not as it was when the plan was made: {changes}",
            "Nothing was changed. `wb plan` makes a new plan.",
        )


def find_basis(wanted: Desired, current: ObservedInstance, *, with_secrets: bool) -> Basis:
    """Find what a plan is made from: what is declared, and what the engine has.

    Secrets that the first start makes are left out until then.
    """
    basis = {
        f"declaration of {spec.part}": _digest(spec, with_secrets=with_secrets)
        for spec in wanted.containers
    }
    basis |= {
        f"image {reference}": _shorten(image.id) for reference, image in current.images.items()
    }
    basis |= {
        f"container {container.name}": f"{container.state} {_shorten(container.id)}"
        for container in current.containers
    }
    return basis | {f"network {_shorten(network.id)}": network.name for network in current.networks}


def describe_changes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Say what has changed: ``container wb-demo-platform: running 1a2b -> exited 1a2b``."""
    for subject in sorted({*before, *now}):
        old, new = before.get(subject), now.get(subject)
        if old == new:
            continue
        if old is None:
            yield f"{subject} is new"
        elif new is None:
            yield f"{subject} is gone"
        elif subject.startswith("declaration "):
            yield f"{subject} has changed"
        else:
            yield f"{subject}: {old} -> {new}"


def _digest(spec: ContainerSpec, *, with_secrets: bool) -> str:
    """Give a digest of what is declared of a container. Its labels have no secret in the clear."""
    fields = parse(spec.labels.get(LABEL_SPEC))
    if with_secrets:
        fields = {**fields, LABEL_DECLARED: spec.labels.get(LABEL_DECLARED, "")}
    else:
        fields = {name: value for name, value in fields.items() if not value.startswith("#")}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def _shorten(id_: str) -> str:
    return id_.removeprefix("sha256:")[:ID_LENGTH]
