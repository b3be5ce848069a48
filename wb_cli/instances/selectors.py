"""Selectors: the words by which a command line names instances. Pure."""

from collections.abc import Iterable, Sequence

from wb_cli.errors import UsageError
from wb_cli.instances.model import Instance
from wb_cli.instances.registry import Registry

FORMS = "an id, @tag, server=<version>, or all"
ALL = "all"
TAG = "@"
SERVER = "server="


def select(words: Sequence[str], registry: Registry) -> tuple[Instance, ...]:
    """The instances that the words name, each once, by id; a word that names none is an error."""
    if not words:
        raise UsageError("no instance is named", f"Name {FORMS}.")
    chosen = {instance.id: instance for word in words for instance in _match(word, registry)}
    return tuple(chosen[name] for name in sorted(chosen))


def completions(registry: Registry, incomplete: str) -> list[str]:
    """Every selector that begins with what was typed so far."""
    tags = {TAG + tag for instance in registry.instances for tag in instance.tags}
    versions = {SERVER + instance.server_version for instance in registry.instances}
    words = [*registry.ids(), *sorted(tags), *sorted(versions), ALL]
    return [word for word in words if word.startswith(incomplete)]


def _match(word: str, registry: Registry) -> Iterable[Instance]:
    if word == ALL:
        return _all(registry)
    if word.startswith(TAG):
        return _by_tag(word.removeprefix(TAG), registry)
    if word.startswith(SERVER):
        return _by_version(word.removeprefix(SERVER), registry)
    if "=" in word:
        raise UsageError(f"{word!r} is no selector", f"A selector is {FORMS}.")
    return [registry.find(word)]


def _all(registry: Registry) -> Sequence[Instance]:
    if registry.instances:
        return registry.instances
    if registry.refused:
        raise UsageError(
            f"none of the {len(registry.refused)} entries of the registry file is valid",
            "`wb config validate` says what is wrong with each.",
        )
    raise UsageError("the registry file has no instance yet", "Add one: `wb config add <id>`.")


def _by_tag(tag: str, registry: Registry) -> Sequence[Instance]:
    found = [instance for instance in registry.instances if tag in instance.tags]
    known = {tag for instance in registry.instances for tag in instance.tags}
    return found or _nothing(f"no instance has the tag {tag!r}", tag, known, TAG)


def _by_version(version: str, registry: Registry) -> Sequence[Instance]:
    found = [one for one in registry.instances if one.server_version == version]
    known = {instance.server_version for instance in registry.instances}
    return found or _nothing(f"no instance has server version {version!r}", version, known, SERVER)


def _nothing(message: str, word: str, known: Iterable[str], prefix: str) -> Sequence[Instance]:
    from difflib import get_close_matches  # (needed only to fail)

    names = sorted(known)
    near = get_close_matches(word, names, n=3, cutoff=0.5)
    if near:
        hint = f"Did you mean {' or '.join(prefix + name for name in near)}?"
    else:
        hint = f"In use: {', '.join(names) or 'none'}."
    raise UsageError(message, hint)
