"""Which image an upgrade leads to, and what has to be done for it. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

from wb_cli.errors import UsageError
from wb_cli.instances.values import parse_image
from wb_cli.lifecycle.planning.images import replace_version

# `18`, `17.6`, `18.1-alpine`: a version, and not an image.
VERSION = re.compile(r"\d+(\.\d+)*([.-][A-Za-z0-9_.-]+)?")


class Step(StrEnum):
    """What an upgrade does. The value says it of the instance, and stands in ``--json``."""

    NONE = "none"
    RESTART = "restart"
    MOVE = "move"


def name_image(word: str, declared: str, version: str, default: str) -> str:
    """Name the image that ``--to`` means.

    A bare version is another tag of the ``declared`` image, or that image itself if it has the
    ``version`` already. An image that is declared by its id has no tag; then it is the ``default``.

    Raises:
        UsageError: the word is neither a version nor an image.
    """
    if VERSION.fullmatch(word):
        if word in {version, version.partition(".")[0]}:
            return declared
        return replace_version(default if declared.startswith("sha256:") else declared, word)
    try:
        return str(parse_image(word))
    except ValueError as error:
        raise UsageError(f"--to {word!r} must be a version, such as 18, or {error}") from None


def choose_step(old: str, new: str, *, is_same_image: bool) -> Step:
    """Choose what leads from one version of PostgreSQL to another.

    Raises:
        UsageError: no way leads back to an earlier major version.
    """
    before, after = (int(version.partition(".")[0]) for version in (old, new))
    if after < before:
        raise UsageError(
            f"PostgreSQL {old} runs, and no way leads back to the major version {after}",
            "`wb export` as SQL is what an earlier version may read, with corrections by hand.",
        )
    if before < after:
        return Step.MOVE
    return Step.NONE if is_same_image else Step.RESTART
