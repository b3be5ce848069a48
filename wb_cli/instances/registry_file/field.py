"""A field of an entry of the registry file: its type, its rule, and what people read about it."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from wb_cli.contract import Part
from wb_cli.instances.registry_file import field_rules as rules
from wb_cli.instances.texts import shorten
from wb_cli.instances.values import MemberError


class Type(Struct, frozen=True):
    """The type of a field. ``from_text`` turns a word of the command line into a JSON value."""

    name: str
    from_text: Callable[[str], Any]


TEXT = Type("text", str)
NUMBER = Type("number", rules.parse_json_or_text)
SIZE = Type("size", rules.parse_json_or_text)
FLAG = Type("flag", rules.read_flag)
LIST = Type("list", rules.split_words)
VARIABLES = Type("variables", rules.parse_json_or_text)
MEMBERS = Type("settings", rules.parse_json_or_text)


class Field(Struct, frozen=True, kw_only=True):
    """One field of an entry.

    ``name`` is its name in JSON, ``attribute`` its name in Instance. ``parse`` checks a JSON value.
    ``parts`` are the containers that the value changes: ``wb run`` replaces them when the value
    changes. ``allowed``, ``default`` and ``help`` are for people; ``choices`` are the only values.
    ``setting`` is the setting that decides where the field is not given. ``is_private`` keeps the
    value out of messages.
    """

    name: str
    attribute: str
    type: Type
    parse: Callable[[Any], Any]
    allowed: str
    help: str
    default: str = ""
    choices: tuple[str, ...] = ()
    setting: str = ""
    parts: tuple[Part, ...] = ()
    is_required: bool = False
    is_private: bool = False

    def list_values(self) -> tuple[str, ...]:
        """List the words that the field may be, if they are few."""
        return self.choices or (("true", "false") if self.type is FLAG else ())

    def read(self, raw: Mapping[str, Any]) -> Any:
        """Read the value in an entry; ``None`` where there is none.

        Raises:
            ValueError: the value is missing or not allowed. The text says which values are.
        """
        given = raw.get(self.name)
        if given is None:
            if self.is_required:
                raise ValueError(f"{self.name} is missing")
            return None
        return self.check(given)

    def check(self, given: Any) -> Any:
        """Check a value, and give it in its final form.

        Raises:
            ValueError: the value is not allowed. The text names it, and says which values are.
        """
        try:
            return self.parse(given)
        except MemberError as error:
            raise ValueError(f"{self.name}.{error}") from None
        except ValueError as error:
            shown = "" if self.is_private else f" {shorten(given)}"
            raise ValueError(f"{self.name}{shown} must be {error}") from None
