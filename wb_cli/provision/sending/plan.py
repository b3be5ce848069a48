"""Decide what of an image another engine lacks. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wb_cli.engine.image_content import ImageContent, StoreInfo


class Step(StrEnum):
    """What has to be done for an image."""

    NOTHING = "there"
    NAME = "named"
    SEND = "sent"


class Sending(Struct, frozen=True):
    """What is to be done for an image, and the layers that the other engine lacks."""

    reference: str
    step: Step
    content: ImageContent
    layers: frozenset[str] = frozenset()
    known_as: str = ""

    @property
    def is_partial(self) -> bool:
        """Whether the other engine has some of its layers."""
        return len(self.layers) < len(set(self.content.layers))


class Stock:
    """What another engine has."""

    def __init__(self, store: StoreInfo, contents: Iterable[ImageContent] = ()) -> None:
        self._store = store
        self._contents: list[ImageContent] = []
        self._chains: set[tuple[str, ...]] = set()
        for content in contents:
            self.add(content)

    def add(self, content: ImageContent) -> None:
        """Note an image that has arrived."""
        self._contents.append(content)
        self._chains |= set(_list_chains(content.layers))

    def plan(
        self, reference: str, content: ImageContent, named_there: ImageContent | None
    ) -> Sending:
        """Plan what to do for an image. ``named_there`` has its name on the other engine.

        Raises:
            WbError: it is for another processor.
        """
        if content.equals(named_there):
            return Sending(reference, Step.NOTHING, content)
        self._check_processor(reference, content)
        for other in self._contents:
            if content.equals(other):
                return Sending(reference, Step.NAME, content, known_as=other.id)
        return Sending(reference, Step.SEND, content, self._find_missing(content.layers))

    def _check_processor(self, reference: str, content: ImageContent) -> None:
        wanted = self._store.architecture
        if content.architecture and wanted and content.architecture != wanted:
            raise WbError(
                f"{reference} is for {content.architecture}, and that machine is {wanted}",
                "Build or pull it there, or send one that was made for that machine.",
            )

    def _find_missing(self, layers: Sequence[str]) -> frozenset[str]:
        """Find the layers to send. A layer counts only with all layers below it."""
        known = self._chains if self._store.completes_images else set()
        return frozenset(chain[-1] for chain in _list_chains(layers) if chain not in known)


def _list_chains(layers: Sequence[str]) -> list[tuple[str, ...]]:
    """List each layer with all layers below it."""
    return [tuple(layers[: count + 1]) for count in range(len(layers))]
