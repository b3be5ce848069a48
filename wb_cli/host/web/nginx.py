"""nginx on this machine: test its configuration, reload it, and learn whether it runs."""

from __future__ import annotations

import re
import shlex
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from wb_cli.errors import WbError
from wb_cli.host.engine_service import has_systemd
from wb_cli.host.process import Said, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
TEST_WITHIN_S = 60.0
RELOADED_WITHIN_S = 30.0
POLL_S = 0.02
SEVERITIES = {"emerg", "alert", "crit", "error"}
# nginx: [emerg] unknown directive "x" in /etc/nginx/sites-enabled/a:3
# 2026/11/26 19:35:08 [emerg] 7#7: unknown directive "x" in /etc/nginx/sites-enabled/a:3
COMPLAINT = re.compile(
    r"(?:nginx:|[\d/]+ [\d:]+) \[(?P<level>\w+)\] (?:\d+#\d+: )?"
    r"(?P<text>.*?)(?: in (?P<file>/[^\0]*?):(?P<line>\d+))?"
)
CONFLICT = re.compile(r'conflicting server name "(?P<name>[^"]*)"')
OPTION = re.compile(r"--(?P<name>[\w-]+)=(?P<value>\S+)")
PID = re.compile(r"^\s*pid\s+(?P<path>[^;]+);", re.MULTILINE)
ADVICE = {
    "server_names_hash_bucket_size": (
        "Write `server_names_hash_bucket_size 128;` into the http block of nginx.conf."
    ),
    "Permission denied": "Run wb as root.",
}


class NginxSettings(Protocol):
    """The settings that nginx is called with."""

    @property
    def nginx_command(self) -> str:
        """How nginx is called."""


class Complaint(Struct, frozen=True):
    """What nginx says of its configuration. The file is empty where nginx names none."""

    level: str
    text: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.text} in {self.file}, line {self.line}" if self.file else self.text

    @property
    def is_fatal(self) -> bool:
        """Whether nginx refuses the configuration for it."""
        return self.level in SEVERITIES

    @property
    def conflicting_name(self) -> str:
        """The server name that two servers have; empty if it is about something else."""
        match = CONFLICT.match(self.text)
        return match["name"] if match else ""

    @property
    def advice(self) -> str:
        """What to do about it."""
        for part, advice in ADVICE.items():
            if part in self.text:
                return advice
        return f"Correct it there: line {self.line} of {self.file}." if self.file else ""


class NginxRefusesError(WbError):
    """nginx refuses its configuration. ``complaint`` says why."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(f"nginx refuses its configuration: {complaint}", complaint.advice)
        self.complaint = complaint


class NginxEndedError(WbError):
    """nginx runs no more, or did not take its new configuration."""


def test_and_reload(settings: NginxSettings) -> bool:
    """Test the configuration, then reload it. ``False`` means that nginx does not run.

    Raises:
        NginxRefusesError: the test failed, so nothing was reloaded.
        NginxEndedError: nginx did not take the configuration.
        WbError: nginx is not installed.
    """
    for complaint in test(settings):
        if complaint.is_fatal:
            raise NginxRefusesError(complaint)
    return reload(settings)


def test(settings: NginxSettings) -> list[Complaint]:
    """Test the configuration. Give what nginx complains of, the fatal first; nothing if it is well.

    Raises:
        WbError: nginx is not installed, or the test took too long.
    """
    said = _call(settings, "-t")
    complaints = read_complaints(said.stderr)
    complaints.sort(key=lambda complaint: not complaint.is_fatal)
    if said.exit_code == 0:
        return [complaint for complaint in complaints if not complaint.is_fatal]
    if not complaints or not complaints[0].is_fatal:
        last = (said.stderr.strip() or "it said nothing").splitlines()[-1]
        complaints.insert(0, Complaint("emerg", last))
    return complaints


def read_complaints(text: str) -> list[Complaint]:
    """Read what ``nginx -t`` wrote."""
    matches = (COMPLAINT.fullmatch(line) for line in text.splitlines())
    return [
        Complaint(match["level"], match["text"], match["file"] or "", int(match["line"] or 0))
        for match in matches
        if match
    ]


def reload(settings: NginxSettings) -> bool:
    """Let nginx take its new configuration, and wait until it has. ``False``: it does not run.

    Raises:
        NginxEndedError: nginx ended meanwhile, or did not take the configuration.
        WbError: the user may not signal nginx.
    """
    master = find_master(settings)
    if master is None:
        return False
    before = _find_children(master)
    said = _call(settings, "-s", "reload")
    if said.exit_code != 0 and _is_nginx(master):
        last = (said.stderr.strip() or "it said nothing").splitlines()[-1]
        raise WbError(f"cannot reload nginx: {last}", "Run wb as root.")
    _wait_for_workers(settings, master, before)
    return True


def ask_for_reload(settings: NginxSettings) -> None:
    """Ask nginx to take its configuration again, without waiting. It may not run."""
    with suppress(WbError):
        _call(settings, "-s", "reload")


def is_running(settings: NginxSettings) -> bool:
    """Whether nginx runs with this configuration."""
    return find_master(settings) is not None


def suggest_start(settings: NginxSettings) -> str:
    """Give the command that starts nginx."""
    if settings.nginx_command == "nginx" and has_systemd():
        return "systemctl start nginx"
    return settings.nginx_command


def find_master(settings: NginxSettings) -> int | None:
    """Find the process number of the nginx that has this configuration."""
    try:
        number = int(_find_pid_file(settings).read_text())
    except (OSError, ValueError):
        return None
    return number if _is_nginx(number) else None


def _call(settings: NginxSettings, *words: str) -> Said:
    command = shlex.split(settings.nginx_command)
    try:
        return ask([*command, *words], timeout=TEST_WITHIN_S)
    except WbError as error:
        if "not installed" in error.message:
            error.hint = (
                "`apt-get install nginx` installs it. If it is elsewhere: "
                "`wb config settings set nginx_command=<path>`."
            )
        raise


def _find_pid_file(settings: NginxSettings) -> Path:
    """Find where nginx keeps its process number: by its options, its file, or how it was built."""
    words = shlex.split(settings.nginx_command)
    given = dict(pairwise(words))
    built = dict(OPTION.findall(_call(settings, "-V").stderr))
    prefix = Path(given.get("-p") or built.get("prefix") or "/")
    main = prefix / (given.get("-c") or built.get("conf-path") or "conf/nginx.conf")
    texts = [given.get("-g", "")]
    with suppress(OSError):
        texts.append(main.read_text(errors="replace"))
    for text in texts:
        if match := PID.search(text):
            return prefix / match["path"].strip().strip("\"'")
    return prefix / (built.get("pid-path") or "logs/nginx.pid")


def _is_nginx(number: int) -> bool:
    return _read_title(number).startswith("nginx: master")


def _is_at_work(number: int) -> bool:
    title = _read_title(number)
    return title.startswith("nginx: worker") and "shutting down" not in title


def _read_title(number: int) -> str:
    """Read how a process calls itself; empty if there is none of that number."""
    try:
        return (PROC / str(number) / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _wait_for_workers(settings: NginxSettings, master: int, before: set[int]) -> None:
    """Wait for new workers, which have the new configuration, and for the end of the old ones.

    An old worker that is shutting down takes no new connection.
    """
    deadline = time.monotonic() + RELOADED_WITHIN_S
    while not _find_children(master) - before or any(map(_is_at_work, before)):
        if not _is_nginx(master):
            start = suggest_start(settings)
            raise NginxEndedError("nginx ended while it was reloaded", f"`{start}` starts it.")
        if time.monotonic() > deadline:
            raise NginxEndedError(
                "nginx does not take its new configuration, and goes on with the old one",
                "Its error log says why; it may be unable to listen on a port.",
            )
        time.sleep(POLL_S)


def _find_children(master: int) -> set[int]:
    return {number for number, parent in list_parents() if parent == master}


def list_parents() -> Iterator[tuple[int, int]]:
    """List each process with its parent."""
    for entry in PROC.glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            # The name of a program, in brackets, may have spaces and brackets itself.
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            yield int(entry.name), int(fields[1])


def has_ipv6() -> bool:
    """Whether this machine has IPv6. Without it nginx cannot listen on an IPv6 address."""
    return (PROC / "net" / "if_inet6").exists()
