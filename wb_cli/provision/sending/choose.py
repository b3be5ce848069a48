"""Choose images by the words of a command line: those of instances, and images by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.errors import UsageError
from wb_cli.instances.selectors import ALL, SERVER, TAG, select
from wb_cli.instances.texts import shorten
from wb_cli.provision.needs import list_needed_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.registry_file.registry import Registry


def choose_references(
    words: Sequence[str], registry: Registry, settings: Settings, is_image: Callable[[str], bool]
) -> list[str]:
    """Choose the images of selected instances, and those that are named; each once.

    Without words, choose what all declared instances need.

    Raises:
        UsageError: a word selects no instance and names no image.
    """
    if not words:
        needed = list_needed_images(registry.instances, settings)
        return [image.reference for image in needed]
    return list(dict.fromkeys(_choose_all(words, registry, settings, is_image)))


def _choose_all(
    words: Iterable[str], registry: Registry, settings: Settings, is_image: Callable[[str], bool]
) -> Iterator[str]:
    for word in words:
        if _is_selector(word, registry):
            chosen = select([word], registry).require_instances().instances
            yield from (image.reference for image in list_needed_images(chosen, settings))
        elif is_image(word):
            yield word if ":" in word.rpartition("/")[2] else f"{word}:latest"
        else:
            raise UsageError(
                f"{shorten(word)} is no instance, and no image of this engine",
                "`wb config list` lists the instances, `docker images` the images.",
            )


def _is_selector(word: str, registry: Registry) -> bool:
    ids = {*registry.ids(), *(entry.id for entry in registry.refused)}
    return word == ALL or word.startswith((TAG, SERVER)) or word in ids
