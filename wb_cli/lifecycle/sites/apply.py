"""Change site files, test nginx and reload it: whole, or put back as it was."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.errors import WbError
from wb_cli.host.web import nginx, site_files
from wb_cli.instances.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.host.web.nginx import Complaint
    from wb_cli.host.web.site_files import SiteFile
    from wb_cli.instances.host_settings.settings import Settings

QUOTED_PATH = re.compile(r'"(/[^"]+)"')
PUT_BACK = "what wb had changed was put back"


class Reload(StrEnum):
    """What became of nginx after a change of its files. The value is shown in ``--json``."""

    RELOADED = "reloaded"
    NOT_RUNNING = "not running"
    NOT_NEEDED = "not needed"


def name_reload(*, is_running: bool) -> Reload:
    """Name what a reload came to."""
    return Reload.RELOADED if is_running else Reload.NOT_RUNNING


class Change(Struct, frozen=True):
    """A change of one site. ``file`` is what was there; without ``text`` the files are removed."""

    instance: str
    file: SiteFile
    text: str | None
    server_name: str = ""

    def carry_out(self) -> None:
        """Write the file and then the link, or remove the link and then the file."""
        if self.text is None:
            site_files.remove(self.file)
            return
        if self.text != self.file.text:
            write_atomically(self.file.path, self.text.encode())
        if not self.file.is_alone and not self.file.is_linked:
            site_files.put_link(self.file)

    def put_back(self) -> None:
        """Bring back what was there, where it is not there still."""
        now = site_files.look(self.file.path.parent, self.file.link.parent, self.file.path.name)
        if now.is_linked and not self.file.is_linked:
            site_files.unlink(self.file.link)
        if self.file.text is None:
            site_files.unlink(self.file.path)
        elif now.text != self.file.text:
            write_atomically(self.file.path, self.file.text.encode())
        if self.file.is_linked and not now.is_linked:
            site_files.put_link(self.file)

    def is_meant_by(self, complaint: Complaint) -> bool:
        """Whether nginx complains of what this change wrote."""
        if complaint.file:
            return os.path.realpath(complaint.file) == os.path.realpath(self.file.path)
        if complaint.conflicting_name:
            return complaint.conflicting_name == self.server_name
        return any(path in (self.text or "") for path in QUOTED_PATH.findall(complaint.text))


class Applied(Struct):
    """What became of the changes. Those that were put back have an error."""

    reload: Reload = Reload.NOT_NEEDED
    errors: dict[str, WbError] = field(default_factory=dict)


def apply(
    changes: Sequence[Change], settings: Settings, is_cancelled: Callable[[], bool]
) -> Applied:
    """Carry out changes, test nginx's configuration, and reload nginx.

    A change that cannot be carried out, or that nginx complains of, is put back alone. If nginx
    refuses somebody else's file, or does not reload, all changes are put back.

    Raises:
        InterruptedError: the work was cancelled, and everything put back.
        WbError: everything was put back.
    """
    applied = Applied()
    done: list[Change] = []
    try:
        _carry_out(changes, done, applied)
        if done:
            _test_until_well(done, applied, settings)
        if is_cancelled():
            raise InterruptedError  # noqa: TRY301  (what follows puts everything back)
        if done:
            applied.reload = name_reload(is_running=_reload(settings))
    except BaseException as error:
        _put_all_back(done, error)
        if isinstance(error, nginx.NginxEndedError):
            nginx.ask_for_reload(settings)  # it may have taken what is no longer there
        raise
    return applied


def _carry_out(changes: Sequence[Change], done: list[Change], applied: Applied) -> None:
    for change in changes:
        done.append(change)
        try:
            change.carry_out()
        except WbError as error:
            done.pop()
            with suppress(WbError):  # what could not be written is there as it was
                change.put_back()
            applied.errors[change.instance] = error


def _test_until_well(done: list[Change], applied: Applied, settings: Settings) -> None:
    """Put back the changes that nginx complains of, one after the other.

    Raises:
        WbError: nginx complains of something else.
    """
    while complaint := _find_complaint(done, settings):
        meant = [change for change in done if change.is_meant_by(complaint)]
        if not meant:
            error = _make_neighbour_error(complaint, done, settings)
            done.clear()
            raise error
        for change in meant:
            done.remove(change)
            change.put_back()
            applied.errors[change.instance] = _make_own_error(complaint, change, settings)


def _find_complaint(done: Sequence[Change], settings: Settings) -> Complaint | None:
    """Find what keeps nginx from serving as is meant."""
    for complaint in nginx.test(settings):
        is_conflict = any(
            change.text is not None and complaint.conflicting_name == change.server_name
            for change in done
        )
        if complaint.is_fatal or is_conflict:
            return complaint
    return None


def _make_own_error(complaint: Complaint, change: Change, settings: Settings) -> WbError:
    if complaint.conflicting_name:
        others = _find_files_with(change.server_name, change.file, settings)
        where = f" in {', '.join(others)}" if others else ""
        return WbError(
            f"another site answers to {change.server_name}{where}; {PUT_BACK}",
            f"Take {change.server_name} out of the other file, or remove that file's link.",
        )
    return WbError(f"nginx refuses the site: {complaint}; {PUT_BACK}", complaint.advice)


def _make_neighbour_error(
    complaint: Complaint, done: Sequence[Change], settings: Settings
) -> WbError:
    """Put everything back, look whether nginx is well then, and name what it complains of."""
    for change in done:
        change.put_back()
    is_older = any(again.is_fatal for again in nginx.test(settings))
    whose = "it did so before" if is_older else "without wb's changes it does not"
    return WbError(
        f"nginx refuses its configuration: {complaint}; {whose}, and {PUT_BACK}",
        complaint.advice or f"`{settings.nginx_command} -t` says more.",
    )


def _reload(settings: Settings) -> bool:
    try:
        return nginx.reload(settings)
    except WbError as error:
        error.message = f"{error.message}; {PUT_BACK}"
        raise


def _put_all_back(done: Sequence[Change], error: BaseException) -> None:
    for change in done:
        try:
            change.put_back()
        except (WbError, OSError) as failure:
            error.add_note(f"{change.file.path} could not be put back: {failure}")
            if isinstance(error, WbError):
                error.message += f", but not {change.file.path}: {failure}"


def _find_files_with(server_name: str, own: SiteFile, settings: Settings) -> list[str]:
    """Find the other files that nginx reads in which a server has a name."""
    name = rf"(?<![\w.-]){re.escape(server_name)}[\s;]"
    pattern = re.compile(rf"\bserver_name\s[^;]*{name}")
    found = []
    with suppress(OSError):
        for path in sorted(Path(settings.sites_enabled).iterdir()):
            if path != own.link:
                with suppress(OSError):
                    if pattern.search(path.read_text(errors="replace")):
                        found.append(str(path))
    return found
