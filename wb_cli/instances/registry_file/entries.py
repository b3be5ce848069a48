"""Turn an entry of the registry file into an Instance, or find its flaws. Pure."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.fields import FIELDS
from wb_cli.instances.texts import name_entry, shorten

FIELDS_HINT = "`wb config fields` lists every field."


class Flaw(Struct, frozen=True):
    """A rule that an entry breaks, and the field that breaks it ("" for the whole entry)."""

    field: str
    text: str


class EntryError(UsageError):
    """An entry breaks rules. :attr:`flaws` has a flaw for each rule."""

    def __init__(self, name: str, flaws: Iterable[Flaw], hint: str = FIELDS_HINT) -> None:
        self.flaws = tuple(flaws)
        super().__init__(f"{name}: {'; '.join(self.problems)}", hint)

    @property
    def problems(self) -> tuple[str, ...]:
        """A text for each broken rule."""
        return tuple(flaw.text for flaw in self.flaws)


def parse_entry(raw: Any) -> Instance:
    """Read the Instance that an entry describes.

    Raises:
        EntryError: the entry breaks rules. The error lists all rules that need no other entry.
    """
    if not isinstance(raw, dict):
        raise EntryError(shorten(raw), [Flaw("", "an entry must be a JSON object")])
    values_by_name: dict[str, Any] = {}
    flaws = []
    for field in FIELDS:
        try:
            values_by_name[field.attribute] = field.read(raw)
        except ValueError as error:
            flaws.append(Flaw(field.name, str(error)))
    if flaws:
        raise EntryError(name_entry(raw), flaws)
    given = {name: value for name, value in values_by_name.items() if value is not None}
    return Instance(**given, raw=raw)
