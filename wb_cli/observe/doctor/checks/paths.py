"""Write the paths of instances in commands. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.observe.doctor.finding import ID

if TYPE_CHECKING:
    from wb_cli.instances.model import Instance
    from wb_cli.observe.doctor.facts import Facts


def write_path(instance: Instance, facts: Facts, name: str) -> str:
    """Write the path of an instance's folder for a shell.

    Where the folder has the instance's name, ``{id}`` stands for it. Then the same command is right
    for all instances.
    """
    path = str(instance_path(instance, facts.settings) / name)
    quoted = shlex.quote(path)
    if quoted != path or instance.folder != instance.id:
        return quoted
    return f"{facts.settings.mount_path}/{ID}/{name}"
