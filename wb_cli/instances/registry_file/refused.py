"""Entries of the registry file that break a rule, each with its problem and its remedy. Pure."""

import shlex
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.registry_file.entries import Flaw
from wb_cli.instances.registry_file.field_rules import parse_host
from wb_cli.instances.registry_file.fields import FIELDS_BY_NAME
from wb_cli.instances.texts import describe_place

PLACEHOLDER = "..."


class RefusedEntry(Struct, frozen=True):
    """An entry that breaks a rule. It stays in the file unchanged, and wb does not use it.

    ``line`` is the line at which it begins in the file, and ``lines`` has the line of each of its
    fields. ``is_alone`` says that its id is its own.
    """

    index: int
    name: str
    flaws: tuple[Flaw, ...]
    raw: Any
    line: int = 0
    is_alone: bool = True
    lines: Mapping[str, int] = {}

    @property
    def id(self) -> str | None:
        """Its id, if that is a text that can be typed on a command line."""
        given = self.raw.get("id") if isinstance(self.raw, dict) else None
        return given if isinstance(given, str) else None

    @property
    def instance_id(self) -> str | None:
        """Its id, if the id is valid and no other entry has it."""
        is_id = self.id is not None and not any(flaw.field in {"id", ""} for flaw in self.flaws)
        return self.id if is_id and self.is_alone else None

    @property
    def title(self) -> str:
        """Its name in an answer: the instance's id, or else its place in the file."""
        return self.instance_id or self.name

    @property
    def problem(self) -> str:
        """Every rule that it breaks."""
        return "; ".join(flaw.text for flaw in self.flaws)

    @property
    def located_problems(self) -> tuple[str, ...]:
        """Every rule that it breaks, each with its place in the file."""
        return tuple(
            f"{describe_place(self.index, self.raw, self.locate(flaw))}: {flaw.text}"
            for flaw in self.flaws
        )

    def locate(self, flaw: Flaw) -> int:
        """Find the line of a flaw: that of its field, or else that of the entry."""
        return self.lines.get(flaw.field, self.line)

    @property
    def remedy(self) -> str:
        """The command that corrects it, or the place to correct by hand."""
        if not self.instance_id:
            return f"Correct it at line {self.line} of the registry file: `wb config edit`."
        assignments = dict.fromkeys(self._suggest_assignment(flaw.field) for flaw in self.flaws)
        return f"`wb config set {self.instance_id} {' '.join(assignments)}` corrects it."

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags, as far as they can be read."""
        given = self.raw.get("tags") if isinstance(self.raw, dict) else None
        if isinstance(given, str):
            return tuple(given.replace(",", " ").split())
        return (
            tuple(tag for tag in given if isinstance(tag, str)) if isinstance(given, list) else ()
        )

    @property
    def server_version(self) -> str:
        """Its version, as far as it can be read."""
        given = self.raw.get("serverVersion") if isinstance(self.raw, dict) else None
        return str(given) if isinstance(given, str | int | float) else ""

    @property
    def host(self) -> str | None:
        """The host of its engine, as far as it can be read."""
        given = self.raw.get("host") if isinstance(self.raw, dict) else None
        try:
            return None if given is None else parse_host(given)
        except ValueError:
            return None

    def make_error(self) -> UsageError:
        """Make the error of a command that needs this instance."""
        entry = f"{self.instance_id}: the entry" if self.instance_id else self.name
        return UsageError(f"{entry} is refused: {self.problem}", self.remedy)

    def as_document(self) -> dict[str, Any]:
        """The problem for ``--json``, without the entry itself, which may hold secrets."""
        return {
            "index": self.index,
            "line": self.line,
            "id": self.id,
            "problem": self.problem,
            "remedy": self.remedy,
        }

    def _suggest_assignment(self, name: str) -> str:
        """``port=23001`` if only the quotes around the value are wrong, else ``port=...``."""
        field = FIELDS_BY_NAME[name]
        given = self.raw.get(name)
        if isinstance(given, str) and not field.is_private:
            try:
                field.parse(field.type.from_text(given))
            except ValueError:
                return f"{name}={PLACEHOLDER}"
            is_claimed = field.type.from_text(given) == given
            return f"{name}={PLACEHOLDER if is_claimed else shlex.quote(given)}"
        return f"{name}={PLACEHOLDER}"
