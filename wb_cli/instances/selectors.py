"""Selectors: the words by which a command line names instances. Pure."""

from collections.abc import Collection, Sequence

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.model import Instance
from wb_cli.instances.refused import RefusedEntry
from wb_cli.instances.registry import Registry, unknown
from wb_cli.instances.suggestions import not_known
from wb_cli.instances.texts import shorten

FORMS = "an id, @tag, server=<version>, or all"
ALL = "all"
TAG = "@"
SERVER = "server="
NOTHING_DECLARED = "no instance is declared yet"
ADD_ONE = "Add one: `wb config add <id>`."


class Selection(Struct, frozen=True):
    """What words choose of the registry file: instances by id, and entries that are refused.

    Every command that acts on the instances also names the refused entries.
    """

    instances: tuple[Instance, ...] = ()
    refused: tuple[RefusedEntry, ...] = ()

    def usable(self) -> "Selection":
        """The selection itself.

        Raises:
            UsageError: all that was chosen is refused.
        """
        if self.instances or not self.refused:
            return self
        if len(self.refused) == 1:
            raise self.refused[0].error()
        names = ", ".join(entry.title for entry in self.refused)
        raise UsageError(
            f"none of the {len(self.refused)} entries is valid: {names}",
            "`wb config validate` says what is wrong with each.",
        )


def select(words: Sequence[str], registry: Registry) -> Selection:
    """What the words name, each once, by id; a word that names nothing is an error."""
    if not words:
        raise UsageError("no instance is named", f"Name {FORMS}.")
    matches = [_match(word, registry) for word in words]
    chosen = {instance.id: instance for match in matches for instance in match.instances}
    refused = {entry.index: entry for match in matches for entry in match.refused}
    return Selection(
        tuple(chosen[name] for name in sorted(chosen)),
        tuple(refused[index] for index in sorted(refused)),
    )


def everything(registry: Registry) -> Selection:
    """All that the registry file has, be it nothing."""
    return Selection(registry.instances, registry.refused)


def completions(registry: Registry, incomplete: str) -> list[str]:
    """Every selector that begins with what was typed so far."""
    tags = {TAG + tag for instance in registry.instances for tag in instance.tags}
    versions = {SERVER + instance.server_version for instance in registry.instances}
    words = [*registry.ids(), *sorted(tags), *sorted(versions), ALL]
    return [word for word in words if word.startswith(incomplete)]


def _match(word: str, registry: Registry) -> Selection:
    if word == ALL:
        return _all(registry)
    if word.startswith(TAG):
        return _by_tag(word.removeprefix(TAG), registry)
    if word.startswith(SERVER):
        return _by_version(word.removeprefix(SERVER), registry)
    if "=" in word:
        raise UsageError(f"{shorten(word)} is no selector", f"A selector is {FORMS}.")
    return _by_id(word, registry)


def _all(registry: Registry) -> Selection:
    found = everything(registry)
    if found == Selection():
        raise UsageError(NOTHING_DECLARED, ADD_ONE)
    return found


def _by_id(word: str, registry: Registry) -> Selection:
    for instance in registry.instances:
        if instance.id == word:
            return Selection((instance,))
    refused = tuple(entry for entry in registry.refused if entry.id == word)
    if not refused:
        raise _no_id(word, registry)
    return Selection((), refused)


def _by_tag(tag: str, registry: Registry) -> Selection:
    found = Selection(
        tuple(instance for instance in registry.instances if tag in instance.tags),
        tuple(entry for entry in registry.refused if tag in entry.tags),
    )
    known = _tags(registry)
    if tag in known:
        return found
    raise _not_in_use(tag, known, f"no instance has the tag {shorten(tag)}", TAG)


def _by_version(version: str, registry: Registry) -> Selection:
    found = Selection(
        tuple(one for one in registry.instances if one.server_version == version),
        tuple(entry for entry in registry.refused if entry.server_version == version != ""),
    )
    known = {instance.server_version for instance in registry.instances}
    known |= {entry.server_version for entry in registry.refused} - {""}
    if version in known:
        return found
    message = f"no instance has server version {shorten(version)}"
    raise _not_in_use(version, known, message, SERVER)


def _tags(registry: Registry) -> set[str]:
    tagged = [one.tags for one in registry.instances] + [one.tags for one in registry.refused]
    return {tag for tags in tagged for tag in tags}


def _no_id(word: str, registry: Registry) -> UsageError:
    """The error for an id that nothing has; a tag without its ``@`` is seen as one."""
    error = unknown(word, registry)
    if word in _tags(registry):
        error.hint = f"{word} is a tag: write {TAG}{word}."
    elif any(sign in word for sign in ",*? "):
        error.hint = f"Each word is one selector: {FORMS}. Write several with spaces between them."
    return error


def _not_in_use(word: str, known: Collection[str], message: str, prefix: str) -> UsageError:
    in_use = f"In use: {', '.join(sorted(known)) or 'none'}."
    return not_known(word, known, message, in_use, prefix=prefix)
