"""What another version changes in the entry of an instance. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION, IMAGE = "serverVersion", "image"


class Version(Struct, frozen=True, rename="camel"):
    """A version of the platform as an entry declares it, and as it runs.

    ``server_version`` and ``own_image`` are the fields of the entry. ``reference`` is the name of
    the image, and ``id`` the image itself: a name may denote another image tomorrow.
    """

    server_version: str
    own_image: str
    reference: str
    id: str

    def describe(self) -> str:
        """Name it, with the image only where the name does not say the version."""
        return self.own_image or self.server_version


def change_entry(entry: Mapping[str, Any], to: str) -> dict[str, Any]:
    """Give the entry with the version ``to``, or with the image if ``to`` is a reference of one.

    Where the entry names an image of its own, a version is the tag of that image.

    Raises:
        UsageError: the entry names its image by a digest, which has no version.
    """
    if is_reference(to):
        return {**entry, IMAGE: to}
    changed = {**entry, VERSION: to}
    own = str(entry.get(IMAGE) or "")
    if not own:
        return changed
    repository, tag = split_reference(own)
    if not tag:
        raise UsageError(
            f"{entry.get('id')} has the image {own}, which names no version",
            f"Name the image: `--to {repository}:{to}`.",
        )
    return {**changed, IMAGE: f"{repository}:{to}"}


def put_back(entry: Mapping[str, Any], before: Version) -> dict[str, Any]:
    """Give the entry with the version that it had before."""
    kept = {name: value for name, value in entry.items() if name != IMAGE}
    own = {IMAGE: before.own_image} if before.own_image else {}
    return {**kept, VERSION: before.server_version, **own}


def is_reference(to: str) -> bool:
    """Whether a word names an image, and not only a version."""
    return any(sign in to for sign in ":/@")


def split_reference(reference: str) -> tuple[str, str]:
    """Split the reference of an image into its repository and its tag; "" where it has none."""
    if "@" in reference:
        return reference.partition("@")[0], ""
    repository, colon, tag = reference.rpartition(":")
    if not colon or "/" in tag:  # the colon is that of a port
        return reference, ""
    return repository, tag
