"""Judge the site of an instance: what is there against what should be there."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.edge.mark import Mark, read_mark

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.host.web.site_files import SiteFile


class SiteState(StrEnum):
    """The state of an instance's site. The value is shown.

    ``OURS``: it is as it should be. ``FOREIGN``: somebody else's file has its name.
    ``UNDECLARED``: it is wb's, and the registry file does not have its instance.
    """

    OURS = "ours"
    DIFFERS = "differs"
    NOT_ENABLED = "not enabled"
    UNDECLARED = "undeclared"
    FOREIGN = "foreign"
    UNREADABLE = "unreadable"
    NONE = "none"


class Judged(Struct, frozen=True):
    """The state of a site, and for what is foreign or unreadable the reason."""

    state: SiteState
    reason: str = ""


def judge(file: SiteFile, wanted: str | None, registry: Path) -> Judged:
    """Judge a site. ``wanted`` is its text; without one its instance is not declared."""
    if file.problem:
        return Judged(SiteState.UNREADABLE, file.problem)
    if reason := find_stranger(file, registry):
        return Judged(SiteState.FOREIGN, reason)
    if file.text is None:
        return Judged(SiteState.NONE)
    if wanted is None:
        return Judged(SiteState.UNDECLARED)
    if file.text != wanted:
        return Judged(SiteState.DIFFERS)
    return Judged(SiteState.OURS if file.is_enabled else SiteState.NOT_ENABLED)


def find_stranger(file: SiteFile, registry: Path) -> str:
    """Say what there is not this wb's own; empty if wb may write or remove the files."""
    if file.stranger:
        return file.stranger
    if file.text is None:
        return ""
    mark = read_mark(file.text)
    if mark is None:
        return f"{file.path} is not wb's"
    if not is_of(mark, registry):
        return f"{file.path} belongs to the registry file {mark.registry}"
    return ""


def is_of(mark: Mark, registry: Path) -> bool:
    """Whether a site belongs to a registry file."""
    return os.path.normpath(mark.registry) == os.path.normpath(registry)
