"""Write and remove the sites of instances."""

from __future__ import annotations

import difflib
import threading
import time
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.edge.judge import SiteState
from wb_cli.errors import ExitCode, LockedError, WbError
from wb_cli.host.web import nginx
from wb_cli.lifecycle.guard.folder_lock import folder_locked
from wb_cli.lifecycle.sites.apply import Applied, Change, Reload, apply, name_reload
from wb_cli.lifecycle.sites.survey import (
    SeenSite,
    Served,
    ask_served,
    has_site,
    look_at_site,
    look_at_undeclared,
    refuse_missing_folders,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance

WAIT_S = 60.0
TO_WRITE = {SiteState.NONE, SiteState.DIFFERS, SiteState.NOT_ENABLED}


class SiteEnding(StrEnum):
    """How the work on a site ended. The value is shown.

    ``RELOADED``: its files were as they should be, and nginx did not serve them.
    """

    WRITTEN = "written"
    REMOVED = "removed"
    RELOADED = "reloaded"
    UNCHANGED = "unchanged"
    NOTHING = "nothing to remove"
    PLANNED = "planned"
    FAILED = "failed"


class SiteOptions(Struct, frozen=True):
    """How the work is done: only planned, how long to wait for others, and whether to stop."""

    dry_run: bool = False
    wait_s: float = WAIT_S
    cancelled: threading.Event = field(default_factory=threading.Event)


class SiteResult(Struct, frozen=True):
    """What became of the site of one instance. ``diff`` is the change of its text."""

    seen: SeenSite
    ending: SiteEnding
    diff: str = ""
    error: WbError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only site."""
        return self.error.exit_code if self.error else ExitCode.OK


class SitesChanged(Struct, frozen=True):
    """What became of all sites, and of nginx."""

    results: list[SiteResult]
    reload: Reload


def init_sites(
    instances: Sequence[Instance],
    settings: Settings,
    options: SiteOptions,
    *,
    without_certificate: bool = False,
) -> SitesChanged:
    """Write the sites of instances where they are not as they should be.

    ``without_certificate`` leaves out one that is there, because it is about to be removed.

    Raises:
        WbError: nothing was changed, or everything was put back.
    """
    refuse_missing_folders(settings)
    with _alone(settings, options):
        seen = [
            look_at_site(instance, settings, without_certificate=without_certificate)
            for instance in instances
        ]
        stale = set() if options.dry_run else _find_stale(seen, settings)
        return _change(seen, settings, options, stale)


def remove_sites(
    instance_ids: Sequence[str], settings: Settings, options: SiteOptions
) -> SitesChanged:
    """Remove the sites of instances, declared or not. Files that are not wb's stay.

    Raises:
        WbError: nothing was changed, or everything was put back.
    """
    with _alone(settings, options):
        return _change(
            [look_at_undeclared(id_, settings) for id_ in instance_ids], settings, options
        )


def refresh_site(instance: Instance, settings: Settings, options: SiteOptions) -> bool:
    """Write the site of an instance anew if it has one that differs. Whether it was written.

    Raises:
        WbError: the site differs, and could not be written. It is as it was.
    """
    if not has_site(instance.id, settings):
        return False
    if look_at_site(instance, settings).state is SiteState.OURS:
        return False
    with _alone(settings, options):
        (result,) = _change([look_at_site(instance, settings)], settings, options).results
    if result.error:
        raise result.error
    return result.ending in {SiteEnding.WRITTEN, SiteEnding.PLANNED}


def _change(
    seen: Sequence[SeenSite], settings: Settings, options: SiteOptions, stale: Collection[str] = ()
) -> SitesChanged:
    """Carry out what is to be done to the sites, and give what became of each.

    ``stale`` are sites that are as they should be, and wait for a reload.
    """
    changes = {site.instance: _make_change(site) for site in seen if _is_to_change(site)}
    applied = Applied()
    if changes and not options.dry_run:
        applied = apply(list(changes.values()), settings, options.cancelled.is_set)
    elif stale:
        applied.reload = name_reload(is_running=nginx.test_and_reload(settings))
    results = [
        _give_result(site, changes.get(site.instance), applied.errors, options, stale)
        for site in seen
    ]
    return SitesChanged(results, applied.reload)


def _is_to_change(seen: SeenSite) -> bool:
    """Whether a site is to be written, or, where no text is wanted, to be removed."""
    if seen.text:
        return seen.state in TO_WRITE
    is_half_removed = seen.state is SiteState.NONE and seen.file.is_linked
    return is_half_removed or seen.state is SiteState.UNDECLARED


def _make_change(seen: SeenSite) -> Change:
    return Change(seen.instance, seen.file, seen.text, seen.site.server_name if seen.site else "")


def _find_stale(seen: Sequence[SeenSite], settings: Settings) -> Collection[str]:
    """Find the sites that are as they should be, and that a running nginx does not serve.

    So it is after a command that was killed between the writing of a file and the reload.
    """
    as_wanted = [site for site in seen if site.state is SiteState.OURS]
    if not as_wanted or not nginx.is_running(settings):
        return set()
    return {id_ for id_, served in ask_served(as_wanted).items() if served is not Served.YES}


def _give_result(
    seen: SeenSite,
    change: Change | None,
    errors: Mapping[str, WbError],
    options: SiteOptions,
    stale: Collection[str],
) -> SiteResult:
    if error := errors.get(seen.instance) or _find_obstacle(seen):
        return SiteResult(seen, SiteEnding.FAILED, error=error)
    if change:
        done = SiteEnding.REMOVED if change.text is None else SiteEnding.WRITTEN
        return SiteResult(
            seen, SiteEnding.PLANNED if options.dry_run else done, _write_diff(change)
        )
    if seen.instance in stale:
        return SiteResult(seen, SiteEnding.RELOADED)
    return SiteResult(seen, SiteEnding.UNCHANGED if seen.text else SiteEnding.NOTHING)


def _find_obstacle(seen: SeenSite) -> WbError | None:
    """Make the error for files that wb does not touch."""
    if seen.state is SiteState.FOREIGN:
        return WbError(
            f"{seen.judged.reason}; wb does not touch it",
            f"Move it away, and its link in {seen.file.link.parent}, if wb shall write the site.",
        )
    if seen.state is SiteState.UNREADABLE:
        return WbError(f"cannot read {seen.judged.reason}", "Run wb as root.")
    return None


def _write_diff(change: Change) -> str:
    before, after = (text or "" for text in (change.file.text, change.text))
    path = str(change.file.path)
    lines = difflib.unified_diff(
        before.splitlines(),
        after.splitlines(),
        path if before else "/dev/null",
        path if after else "/dev/null",
        lineterm="",
    )
    return "\n".join(lines)


@contextmanager
def _alone(settings: Settings, options: SiteOptions) -> Iterator[None]:
    """Hold nginx's folder, so that no other wb tests while files are half changed.

    Raises:
        LockedError: another process holds it for too long.
        InterruptedError: the work was cancelled meanwhile.
    """
    if options.dry_run:
        yield
        return
    deadline = time.monotonic() + options.wait_s

    def pause(seconds: float) -> None:
        if options.cancelled.wait(seconds):
            raise InterruptedError
        if time.monotonic() > deadline:
            raise LockedError(
                f"another wb changes the sites in {settings.sites_available}",
                f"`fuser -v {settings.sites_available}` names it.",
            )

    with folder_locked(settings.sites_available, pause):
        yield
