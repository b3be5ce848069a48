"""Find the instances that an older tool left running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Env, Part
from wb_cli.errors import WbError
from wb_cli.lifecycle.adoption.group import find_groups

if TYPE_CHECKING:
    from collections.abc import Collection

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import Observed
    from wb_cli.lifecycle.adoption.group import Group


def find_older(engine: Engine, observed: Observed, declared: Collection[str]) -> list[str]:
    """Find the ids of all instances that an older tool left, declared or not.

    The engine is asked about platforms that are not declared, and only about those.
    """
    return [
        group.instance
        for group in find_groups(observed, declared)
        if group.instance in declared or _has_its_id(engine, group)
    ]


def _has_its_id(engine: Engine, group: Group) -> bool:
    """Whether the platform says that it is this instance, as the older tool has it say."""
    try:
        platform = engine.read_configuration(group.containers[Part.PLATFORM].id)
    except WbError:
        return False
    return platform.read_plain(Env.INSTANCE_ID) == group.instance
