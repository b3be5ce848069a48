"""An entry of the registry file that breaks a rule: what is wrong, and the way out. Pure."""

import shlex
from typing import Any

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.entries import FIELDS_BY_NAME, Flaw

PLACEHOLDER = "..."


class RefusedEntry(Struct, frozen=True):
    """An entry that breaks a rule; it stays in the file word for word, and is not used.

    ``line`` is where it begins in the file. ``is_alone`` says that no other entry has its id.
    """

    index: int
    name: str
    flaws: tuple[Flaw, ...]
    raw: Any
    line: int = 0
    is_alone: bool = True

    @property
    def id(self) -> str | None:
        """Its id, where it has one that can be written on a command line."""
        given = self.raw.get("id") if isinstance(self.raw, dict) else None
        return given if isinstance(given, str) else None

    @property
    def instance_id(self) -> str | None:
        """The id of the instance that it alone declares, where that can be one."""
        is_id = self.id is not None and not any(flaw.field in {"id", ""} for flaw in self.flaws)
        return self.id if is_id and self.is_alone else None

    @property
    def title(self) -> str:
        """What to call it in an answer: the instance's id, else its place in the file."""
        return self.instance_id or self.name

    @property
    def problem(self) -> str:
        """Every rule that it breaks."""
        return "; ".join(flaw.text for flaw in self.flaws)

    @property
    def remedy(self) -> str:
        """The command that corrects it, or the place to correct by hand."""
        if not self.instance_id:
            return f"Correct line {self.line} of the registry file, then `wb config validate`."
        assignments = dict.fromkeys(self._assignment(flaw.field) for flaw in self.flaws)
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

    def error(self) -> UsageError:
        """What a command that needs the instance says of it."""
        return UsageError(f"{self.title}: the entry is refused: {self.problem}", self.remedy)

    def as_document(self) -> dict[str, Any]:
        """For ``--json``; without the entry itself, which may hold secrets."""
        return {
            "index": self.index,
            "line": self.line,
            "id": self.id,
            "problem": self.problem,
            "remedy": self.remedy,
        }

    def _assignment(self, name: str) -> str:
        """``port=23001`` where the value is right but for its quotes, else ``port=...``."""
        field = FIELDS_BY_NAME[name]
        given = self.raw.get(name)
        if isinstance(given, str) and not field.is_private:
            try:
                field.parse(field.from_text(given))
            except ValueError:
                return f"{name}={PLACEHOLDER}"
            is_claimed = field.from_text(given) == given
            return f"{name}={PLACEHOLDER if is_claimed else shlex.quote(given)}"
        return f"{name}={PLACEHOLDER}"
