"""Turn an entry of the registry file into an Instance, or find its flaws. Pure."""

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from wb_cli.contract import RESERVED_SUFFIXES, Role
from wb_cli.errors import UsageError
from wb_cli.instances import values
from wb_cli.instances.model import Instance
from wb_cli.instances.texts import name_entry, shorten

ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
RESERVED_IDS = ("host", "bridge", "none", "default", "all")
PORTS = range(1000, 55536)
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


def parse_id(value: Any) -> str:
    """Check an id, which is also the name of a container, a network and a host."""
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise ValueError("1 to 40 of a-z, 0-9 and inner hyphens")
    if value in RESERVED_IDS:
        raise ValueError(f"another word: {', '.join(RESERVED_IDS)} are reserved")
    if value.endswith(RESERVED_SUFFIXES):
        raise ValueError(f"one that does not end in {', '.join(RESERVED_SUFFIXES)}")
    return value


def parse_port(value: Any) -> int:
    """Check the platform's port. PostgreSQL's port is 10000 higher and must be a port, too."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in PORTS:
        raise ValueError(f"a whole number from {PORTS[0]} to {PORTS[-1]}, without quotes")
    return value


def parse_folder(value: Any) -> str | None:
    """Check a path below the mount path. An empty path means the id, as it did in older tools."""
    if value == "":
        return None
    allowed = "a relative path that stays below the mount path"
    if not isinstance(value, str) or not value.isprintable() or value.startswith(("/", "~")):
        raise ValueError(allowed)
    path = posixpath.normpath(value)
    if path == "." or path.split("/")[0] == "..":
        raise ValueError(allowed)
    return path


def parse_admin_version(value: Any) -> str | None:
    """Check a version. An empty version means none, as it did in older tools."""
    return None if value == "" else values.parse_version(value)


def parse_tags(value: Any) -> tuple[str, ...]:
    """Check the words by which instances can be selected."""
    is_list = isinstance(value, list | tuple)
    if not is_list or not all(isinstance(tag, str) and _is_tag(tag) for tag in value):
        raise ValueError('a list of words without "@", such as ["pilot", "west"]')
    return tuple(dict.fromkeys(value))


def _is_tag(tag: str) -> bool:
    return tag.strip() == tag != "" and tag.isprintable() and not tag.startswith("@")


class Field(Struct, frozen=True):
    """One field of an entry.

    ``name`` is its name in JSON, ``attribute`` its name in Instance. ``parse`` checks a JSON value,
    ``from_text`` turns a word of the command line into a JSON value. ``parts`` are the containers
    that the value changes: ``wb run`` replaces them when the value changes. ``is_private`` keeps
    the value out of messages.
    """

    name: str
    attribute: str
    parse: Callable[[Any], Any]
    from_text: Callable[[str], Any]
    help: str
    parts: tuple[Role, ...]
    is_required: bool = False
    is_private: bool = False

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
        try:
            return self.parse(given)
        except ValueError as error:
            shown = "" if self.is_private else f" {shorten(given)}"
            raise ValueError(f"{self.name}{shown} must be {error}") from None


def parse_json_or_text(text: str) -> Any:
    """Read ``true``, ``9001`` and ``1.5`` as JSON. Any other text stays text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def split_words(text: str) -> list[str]:
    """Split a text at its commas: ``a,b``."""
    return [word.strip() for word in text.split(",") if word.strip()]


POSTGRES, VALKEY, PLATFORM = (Role.POSTGRES,), (Role.VALKEY,), (Role.PLATFORM,)

FIELDS = (
    Field(
        "id",
        "id",
        parse_id,
        str,
        "name of its containers, network and folder",
        tuple(Role),
        is_required=True,
    ),
    Field(
        "label", "label", values.parse_line, str, "name that people see", PLATFORM, is_required=True
    ),
    Field(
        "port",
        "port",
        parse_port,
        parse_json_or_text,
        "platform's host port; PostgreSQL's is +10000",
        (Role.POSTGRES, Role.PLATFORM),
        is_required=True,
    ),
    Field(
        "serverVersion",
        "server_version",
        values.parse_version,
        str,
        "platform's version",
        PLATFORM,
        is_required=True,
    ),
    Field(
        "adminVersion",
        "admin_version",
        parse_admin_version,
        str,
        "admin container's version",
        (Role.ADMIN, Role.PLATFORM),
    ),
    Field(
        "instanceDir",
        "instance_dir",
        parse_folder,
        str,
        "its folder, where that is not the id",
        (Role.POSTGRES, Role.VALKEY, Role.PLATFORM),
    ),
    Field(
        "french", "french", values.parse_flag, parse_json_or_text, "interface in French", PLATFORM
    ),
    Field(
        "ethiopian",
        "ethiopian",
        values.parse_flag,
        parse_json_or_text,
        "Ethiopian calendar",
        PLATFORM,
    ),
    Field(
        "openAccess", "open_access", values.parse_flag, parse_json_or_text, "no sign-in", PLATFORM
    ),
    Field("tags", "tags", parse_tags, split_words, "words to select it by: @tag", ()),
    Field(
        "image",
        "image",
        values.parse_image,
        str,
        "platform's image, instead of the stock one",
        PLATFORM,
    ),
    Field(
        "env",
        "env",
        values.parse_environment,
        parse_json_or_text,
        "more environment of the platform",
        PLATFORM,
        is_private=True,
    ),
    Field(
        "bindAddress",
        "bind_address",
        values.parse_address,
        str,
        "address the platform listens on",
        PLATFORM,
    ),
    Field(
        "postgresBindAddress",
        "postgres_bind_address",
        values.parse_address,
        str,
        "address PostgreSQL listens on",
        POSTGRES,
    ),
    Field(
        "dockerSocket",
        "docker_socket",
        values.parse_flag,
        parse_json_or_text,
        "platform gets the socket",
        PLATFORM,
    ),
    Field(
        "mountDatabases",
        "mount_databases",
        values.parse_flag,
        parse_json_or_text,
        "platform gets PGDATA",
        PLATFORM,
    ),
    Field(
        "restart",
        "restart",
        values.parse_one_of("always", "no"),
        str,
        '"no": seed\'s --rm',
        (Role.POSTGRES, Role.VALKEY),
    ),
    Field(
        "memory",
        "memory",
        values.parse_size,
        parse_json_or_text,
        "platform's memory limit",
        PLATFORM,
    ),
    Field("cpus", "cpus", values.parse_cpus, parse_json_or_text, "platform's processors", PLATFORM),
    Field(
        "valkeyMaxMemory",
        "valkey_max_memory",
        values.parse_size,
        parse_json_or_text,
        "size of the cache",
        VALKEY,
    ),
    Field(
        "cachePersistence",
        "cache_persistence",
        values.parse_one_of("rdb", "aof"),
        str,
        "how the cache is kept on disk",
        VALKEY,
    ),
    Field("node", "node", values.parse_line, str, "machine of a Swarm it runs on", ()),
)
FIELDS_BY_NAME = {field.name: field for field in FIELDS}


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
