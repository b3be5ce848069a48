"""What a plan changes, part by part, as an operator reads it. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import CARRIER_SUFFIX, PREVIOUS_SUFFIX, Part
from wb_cli.lifecycle.planning import plan as ops

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NETWORK, FOLDERS = "network", "folders"
# These causes say no more than the action does.
TOLD = ops.EXPECTED | {ops.SUCCEEDED}


class Action(StrEnum):
    """What happens to one part. The value is shown, in ``--json`` too."""

    CREATE = "create"
    REPLACE = "replace"
    START = "start"
    UPDATE = "update"
    STOP = "stop"
    REMOVE = "remove"


MARKS = {
    Action.CREATE: "+",
    Action.REPLACE: "~",
    Action.START: "+",
    Action.UPDATE: "~",
    Action.STOP: "-",
    Action.REMOVE: "-",
}


class Change(Struct, frozen=True):
    """What happens to one part, or to the network, and why.

    ``part`` names the folders, the network, a part, or a container that is not wb's.
    """

    action: Action
    part: str
    reason: str = ""

    @property
    def mark(self) -> str:
        """The sign of a diff: ``+``, ``~`` or ``-``."""
        return MARKS[self.action]

    def as_document(self) -> dict[str, str]:
        """Give the change for ``--json``."""
        return {"action": self.action, "part": self.part, "reason": self.reason}

    def __str__(self) -> str:
        return f"{self.action}: {self.reason}" if self.reason else str(self.action)


def list_changes(plan: ops.Plan) -> tuple[Change, ...]:
    """List the changes of a plan, in the order in which the plan first touches each part.

    The folders of an instance that never ran come first.
    """
    operations: dict[str, list[ops.Operation]] = {}
    causes: dict[str, list[str]] = {}
    for lane in plan.lanes:
        for operation in lane.operations:
            part = _find_part(plan.instance, operation)
            operations.setdefault(part, []).append(operation)
            causes.setdefault(part, []).append(lane.cause)
    changes = (_judge(part, operations[part], causes[part]) for part in operations)
    made = (Change(Action.CREATE, FOLDERS, plan.new_folder),) if plan.new_folder else ()
    return (*made, *(change for change in changes if change))


def count_actions(changes: Iterable[Change]) -> dict[Action, int]:
    """Count the changes by action, in the order of the actions."""
    taken = [change.action for change in changes]
    return {action: taken.count(action) for action in Action if action in taken}


def _judge(part: str, operations: Sequence[ops.Operation], causes: Sequence[str]) -> Change | None:
    """Give the change of a part: the first case that applies."""
    kinds = {type(operation) for operation in operations}
    is_created = bool(kinds & {ops.Create, ops.CreateNetwork, ops.MakeAgain})
    is_removed = bool(kinds & {ops.Remove, ops.RemoveNetwork})
    cases = (
        (is_created and (is_removed or ops.Stop in kinds), Action.REPLACE),
        (is_created, Action.CREATE),
        (bool(kinds & {ops.Start, ops.StartAgain}), Action.START),
        (is_removed, Action.REMOVE),
        (ops.Stop in kinds, Action.STOP),
        (kinds != {ops.Await}, Action.UPDATE),
    )
    action = next((action for applies, action in cases if applies), None)
    if action is None:
        return None
    news = dict.fromkeys(cause for cause in causes if cause not in TOLD)
    return Change(action, part, ", ".join(news) or _describe(action, operations))


def _describe(action: Action, operations: Sequence[ops.Operation]) -> str:
    """Describe a change that has no cause but the command itself."""
    if action is Action.UPDATE:
        told = (str(each) for each in operations if not isinstance(each, ops.Await))
        return ", ".join(dict.fromkeys(told))
    created = [each for each in operations if isinstance(each, ops.Create)]
    return f"from {created[0].spec.image}" if created else ""


def _find_part(instance: str, operation: ops.Operation) -> str:
    """Find what an operation acts on: the network, a part, or a container that is not wb's."""
    if isinstance(operation, ops.CreateNetwork | ops.RemoveNetwork):
        return NETWORK
    if isinstance(operation, ops.Create | ops.Start | ops.Await | ops.CarryOver):
        return operation.spec.part
    if isinstance(operation, ops.StartAgain | ops.MakeAgain):
        name = operation.container.name
    else:
        name = operation.name
    current = name.removesuffix(PREVIOUS_SUFFIX).removesuffix(CARRIER_SUFFIX)
    names = {part.container_name(instance): part for part in Part}
    return names.get(current, name)
