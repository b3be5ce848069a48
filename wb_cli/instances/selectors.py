"""Select instances by the words of a command line. Pure."""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.field_rules import parse_host
from wb_cli.instances.registry_file.refused import RefusedEntry
from wb_cli.instances.registry_file.registry import Registry, make_unknown_id_error
from wb_cli.instances.suggestions import make_unknown_error
from wb_cli.instances.texts import shorten

FORMS = "an id, @tag, server=<version>, on=<host>, or all"
ALL = "all"
TAG = "@"
SERVER = "server="
ON = "on="
HERE = "here"  # the word for instances that name no host
NOTHING_DECLARED = "no instance is declared yet"
ADD_ONE = "Add one: `wb config add <id>`."


class Selection(Struct, frozen=True):
    """The instances and the refused entries that the words of a command line select.

    A command that acts on the instances also names the refused entries.
    """

    instances: tuple[Instance, ...] = ()
    refused: tuple[RefusedEntry, ...] = ()

    def require_instances(self) -> "Selection":
        """Return the selection, if it is empty or has an instance.

        Raises:
            UsageError: every selected entry is refused.
        """
        if self.instances or not self.refused:
            return self
        if len(self.refused) == 1:
            raise self.refused[0].make_error()
        names = ", ".join(entry.title for entry in self.refused)
        raise UsageError(
            f"none of the {len(self.refused)} entries is valid: {names}",
            "`wb config validate` says what is wrong with each.",
        )


def select(words: Sequence[str], registry: Registry) -> Selection:
    """Select what the words name, sorted by id and each once.

    Raises:
        UsageError: a word names no instance and no entry.
    """
    if not words:
        raise UsageError("no instance is named", f"Name {FORMS}.")
    matches = [_match(word, registry) for word in words]
    chosen = {instance.id: instance for match in matches for instance in match.instances}
    refused = {entry.index: entry for match in matches for entry in match.refused}
    return Selection(
        tuple(chosen[name] for name in sorted(chosen)),
        tuple(refused[index] for index in sorted(refused)),
    )


def select_everything(registry: Registry) -> Selection:
    """Select all instances and all refused entries. There may be none."""
    return Selection(registry.instances, registry.refused)


def order_starts(instances: Iterable[Instance]) -> list[Instance]:
    """Order instances as they are started: those with a higher priority first, then by id."""
    return sorted(instances, key=lambda instance: (-instance.priority, instance.id))


def complete(registry: Registry, incomplete: str) -> list[str]:
    """List every selector that begins with the incomplete word."""
    tags = {TAG + tag for instance in registry.instances for tag in instance.tags}
    versions = {SERVER + instance.server_version for instance in registry.instances}
    hosts = [ON + (host or HERE) for host in registry.list_hosts()]
    more = hosts if len(hosts) > 1 else []
    words = [*registry.ids(), *sorted(tags), *sorted(versions), *more, ALL]
    return [word for word in words if word.startswith(incomplete)]


def _match(word: str, registry: Registry) -> Selection:
    if word == ALL:
        return _select_all(registry)
    if word.startswith(TAG):
        return _select_by_tag(word.removeprefix(TAG), registry)
    if word.startswith(SERVER):
        return _select_by_version(word.removeprefix(SERVER), registry)
    if word.startswith(ON):
        return _select_by_host(word.removeprefix(ON), registry)
    if "=" in word:
        raise UsageError(f"{shorten(word)} is no selector", f"A selector is {FORMS}.")
    return _select_by_id(word, registry)


def _select_all(registry: Registry) -> Selection:
    everything = select_everything(registry)
    if everything == Selection():
        raise UsageError(NOTHING_DECLARED, ADD_ONE)
    return everything


def _select_by_id(word: str, registry: Registry) -> Selection:
    for instance in registry.instances:
        if instance.id == word:
            return Selection((instance,))
    refused = tuple(entry for entry in registry.refused if entry.id == word)
    if not refused:
        raise _make_no_id_error(word, registry)
    return Selection((), refused)


def _select_by_tag(tag: str, registry: Registry) -> Selection:
    selection = Selection(
        tuple(instance for instance in registry.instances if tag in instance.tags),
        tuple(entry for entry in registry.refused if tag in entry.tags),
    )
    known = _collect_tags(registry)
    if tag in known:
        return selection
    raise _make_not_in_use_error(tag, known, f"no instance has the tag {shorten(tag)}", TAG)


def _select_by_version(version: str, registry: Registry) -> Selection:
    selection = Selection(
        tuple(instance for instance in registry.instances if instance.server_version == version),
        tuple(entry for entry in registry.refused if entry.server_version == version != ""),
    )
    known = {instance.server_version for instance in registry.instances}
    known |= {entry.server_version for entry in registry.refused} - {""}
    if version in known:
        return selection
    message = f"no instance has server version {shorten(version)}"
    raise _make_not_in_use_error(version, known, message, SERVER)


def _select_by_host(word: str, registry: Registry) -> Selection:
    """Select the instances of a host; ``here`` means those that name none."""
    try:
        host = None if word == HERE else parse_host(word)
    except ValueError as error:
        raise UsageError(f"{ON}{word}: a host is {HERE}, {error}") from None
    selection = Selection(
        tuple(instance for instance in registry.instances if instance.host == host),
        tuple(entry for entry in registry.refused if entry.host == host),
    )
    if selection != Selection():
        return selection
    known = {known or HERE for known in registry.list_hosts()}
    raise _make_not_in_use_error(word, known, f"no instance is on the host {shorten(word)}", ON)


def _collect_tags(registry: Registry) -> set[str]:
    declared = {tag for instance in registry.instances for tag in instance.tags}
    return declared | {tag for entry in registry.refused for tag in entry.tags}


def _make_no_id_error(word: str, registry: Registry) -> UsageError:
    """Make the error for a word that is no id. The hint says if it is a tag without its ``@``."""
    error = make_unknown_id_error(word, registry)
    if word in _collect_tags(registry):
        error.hint = f"{word} is a tag: write {TAG}{word}."
    elif any(sign in word for sign in ",*? "):
        error.hint = f"Each word is one selector: {FORMS}. Write several with spaces between them."
    return error


def _make_not_in_use_error(
    word: str, known: Collection[str], message: str, prefix: str
) -> UsageError:
    in_use = f"In use: {', '.join(sorted(known)) or 'none'}."
    return make_unknown_error(word, known, message, in_use, prefix=prefix)
