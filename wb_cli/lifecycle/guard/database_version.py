"""A database is started only by the major version of PostgreSQL that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import DATABASES, Part
from wb_cli.lifecycle.planning import plan as ops
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.lifecycle.planning.images import replace_version
from wb_cli.lifecycle.planning.observed_instance import PREVIOUS

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.engine.types import ImageInfo
    from wb_cli.host.database_files import DataVersion
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
    from wb_cli.lifecycle.planning.plan import Plan


class Versions(Struct, frozen=True):
    """The version of an instance's database, and the image that is about to start it."""

    instance: str
    folder: Path
    data: DataVersion
    reference: str
    image: ImageInfo | None

    def find_problem(self) -> tuple[str, str] | None:
        """Find out whether the image cannot open the database: what is wrong, and the way out."""
        major = self.image.postgres_major if self.image else None
        if major is None or self.data.major is None or major == self.data.major:
            return None
        what = (
            f"the database in {self.folder} is of PostgreSQL {self.data.text}, and the image "
            f"{self.reference} has {major}, which cannot open it"
        )
        fitting = replace_version(self.reference, self.data.text)
        remedy = (
            f"`wb config set {self.instance} postgresImage={fitting}` keeps its version, where "
            f"that is an image of PostgreSQL {self.data.text}; then `wb run {self.instance}`."
        )
        if major > self.data.major:
            remedy += f" After that, `wb upgrade-postgres {self.instance} --to {major}` moves it."
        return what, remedy

    def find_doubt(self) -> str:
        """Say why it is not known whether the image can open the database. Empty if it is known."""
        if self.data.unknown:
            return f"the version of its database is not known: {self.data.unknown}"
        if self.data.text and self.image and self.image.postgres_major is None:
            return (
                f"its database is of PostgreSQL {self.data.text}; whether {self.reference} can "
                "open it is not known, as the image does not say its version"
            )
        return ""


def look(
    fleet: Fleet, instance: Instance, plan: Plan, wanted: Desired, current: ObservedInstance
) -> Versions | None:
    """Look at the database that a plan starts. ``None`` if it starts none, or wb cannot look.

    A container that is there already is started with its own image, whatever the tag means now.
    """
    spec, operations = wanted.container(Part.POSTGRES), tuple(plan.operations)
    machine = fleet.machine
    if spec is None or machine is None or ops.Start(spec) not in operations:
        return None
    container = current.container(spec.name) or current.container(spec.name + PREVIOUS)
    if container and ops.Create(spec) not in operations:
        image = fleet.engine.find_image(container.image_id)
    else:
        image = current.images.get(spec.image)
    folder = instance_path(instance, fleet.settings) / DATABASES
    data = machine.read_data_version(folder)
    return Versions(instance.id, folder, data, spec.image, image)
