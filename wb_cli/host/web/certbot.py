"""Certbot: what it has on this machine, and how it is run."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.errors import LockedError, WbError
from wb_cli.host import process
from wb_cli.host.web.site_files import make_error
from wb_cli.host.web.x509 import parse_pem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from wb_cli.host.web.x509 import Certificate

ENDS_WITHIN_S = 600.0  # of a certbot: DNS may take minutes to spread
WAITS_S = 0.2
INSTALL = (
    "Install it: `apt-get install certbot`. If it is installed elsewhere, set `certbot` in the "
    "settings to its path."
)
LOCKED = "Another instance of Certbot is already running"
FAILED_CHALLENGE = re.compile(r"(?:Domain|Identifier): *(\S+)\s+Type: *(\S+)\s+Detail: *(.+)")
REFUSED = re.compile(r"(?:An unexpected error occurred:|urn:ietf:params:acme:error:)\s*(.+)")
# In the words of Let's Encrypt. In the log of an answer the quotes have a backslash.
USED_UP = re.compile(
    r'too many certificates \(\d+\) already issued for \\?"([\w.-]+)\\?" in the last [^,]+, '
    r"retry after (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC"
)
REFERENCES = ("fullchain", "privkey")
ASIDE = "set-aside-by-wb"
# What starts certbot's renewal: a timer of systemd that is enabled, or a line for cron.
TIMERS = "/etc/systemd/system/*.wants/*certbot*.timer"
CRON_FILES = ("/etc/crontab", "/etc/cron.d/*", "/etc/cron.daily/*", "/var/spool/cron/crontabs/*")


class Lineage(Struct, frozen=True):
    """A certificate as certbot keeps it, with all its renewals.

    ``problem`` says why it cannot be used: a certbot that was killed may leave half of one.
    """

    name: str
    chain: Path
    key: Path
    certificate: Certificate | None = None
    server: str = ""
    authenticator: str = ""
    deploy_hook: str = ""
    problem: str = ""


class Issued(Struct, frozen=True):
    """A certificate that was issued to this host at some time."""

    names: frozenset[str]
    moment: float
    server: str


def read_lineages(config_folder: Path) -> tuple[Lineage, ...]:
    """Read the certificates that certbot has. It may have none, and may never have run.

    Raises:
        WbError: this user may not read them.
    """
    with _reading(config_folder):
        try:
            # Unlike glob, this fails where the folder may not be read.
            files = sorted((config_folder / "renewal").iterdir())
        except FileNotFoundError:
            return ()
        return tuple(_read_lineage(config_folder, file) for file in files if file.suffix == ".conf")


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise WbError(
            f"cannot read certbot's certificates in {folder}: permission denied",
            "Run wb as root.",
        ) from error


def _read_lineage(folder: Path, file: Path) -> Lineage:
    text = file.read_text(errors="replace")
    fields = dict(re.findall(r"^ *(\w+) *= *(.*?) *$", text, re.MULTILINE))
    live = folder / "live" / file.stem
    chain, key = (Path(fields.get(name) or live / f"{name}.pem") for name in REFERENCES)
    lineage = Lineage(
        name=file.stem,
        chain=chain,
        key=key,
        server=fields.get("server", ""),
        authenticator=fields.get("authenticator", ""),
        deploy_hook=fields.get("renew_hook", ""),
    )
    return _add_certificate(lineage, is_whole=all(name in fields for name in REFERENCES))


def _add_certificate(lineage: Lineage, *, is_whole: bool) -> Lineage:
    try:
        certificate = parse_pem(lineage.chain.read_bytes())
        lineage.key.stat()
    except (FileNotFoundError, ValueError) as error:
        return replace(lineage, problem=f"{lineage.chain.parent} is not whole: {error}")
    if not is_whole:
        return replace(lineage, problem="its renewal is not set up")
    return replace(lineage, certificate=certificate)


def read_issued(config_folder: Path, lineages: Sequence[Lineage]) -> tuple[Issued, ...]:
    """Read when certificates were issued, from the archive that certbot keeps.

    Raises:
        WbError: this user may not read them.
    """
    with _reading(config_folder):
        return tuple(
            issued
            for lineage in lineages
            for file in sorted((config_folder / "archive" / lineage.name).glob("cert*.pem"))
            for issued in _read_one_issued(file, lineage.server)
        )


def _read_one_issued(file: Path, server: str) -> Iterator[Issued]:
    try:
        certificate = parse_pem(file.read_bytes())
    except ValueError:  # certbot was killed as it wrote the file
        return
    yield Issued(frozenset(certificate.names), certificate.not_before, server)


def read_failures(
    logs_folder: Path, names: Collection[str], since: float
) -> dict[str, list[float]]:
    """Read when validations of domain names failed, from certbot's logs: one for each run."""
    failures: dict[str, list[float]] = {}
    for file in sorted(logs_folder.glob("letsencrypt.log*")):
        moment = file.stat().st_mtime
        if moment >= since:
            text = file.read_text("utf-8", "replace")
            for name in {found[0] for found in FAILED_CHALLENGE.findall(text)} & set(names):
                failures.setdefault(name, []).append(moment)
    return failures


def read_used_up(logs_folder: Path, server: str, since: float) -> dict[str, float]:
    """Read for which registered domains the server gave no more certificates, and until when.

    It counts for all hosts, and it alone knows what a registered domain is.
    """
    until: dict[str, float] = {}
    for file in sorted(logs_folder.glob("letsencrypt.log*")):
        if file.stat().st_mtime >= since:
            text = file.read_text("utf-8", "replace")
            found = USED_UP.findall(text) if server in text else []
            for domain, moment in found:
                told = datetime.fromisoformat(f"{moment}+00:00").timestamp()
                until[domain] = max(told, until.get(domain, told))
    return until


def has_timer(root: Path = Path("/")) -> bool:
    """Whether something on this machine renews certificates: systemd, or cron."""
    if any(root.glob(TIMERS.lstrip("/"))):
        return True
    files = (file for pattern in CRON_FILES for file in root.glob(pattern.lstrip("/")))
    return any("certbot" in _read_lines(file) for file in files)


def _read_lines(file: Path) -> str:
    """Read the lines of a file that are no comments. A file that cannot be read has none."""
    with suppress(OSError):
        lines = file.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return ""


def find_lock_holder(config_folder: Path) -> int | None:
    """Find the process that holds certbot's lock. The lock is looked at, and not taken."""
    try:
        descriptor = os.open(config_folder / ".certbot.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        asked = struct.pack("@hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer = struct.unpack("@hhqqi", fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    finally:
        os.close(descriptor)
    return None if answer[0] == fcntl.F_UNLCK else int(answer[4])


class Certbot(Struct, frozen=True):
    """Runs certbot.

    ``environment`` is added to its environment. It waits up to ``wait_s`` seconds for another
    certbot on this machine, and tells so. ``pause`` waits; it raises an error where a signal ends
    the wait. A certbot that was begun is never interrupted.
    """

    config_folder: Path
    environment: Mapping[str, str]
    wait_s: float
    tell: Callable[[str], None]
    pause: Callable[[float], object] = time.sleep

    def run(self, argv: Sequence[str]) -> None:
        """Run a command of certbot to its end.

        Raises:
            LockedError: another certbot runs for too long.
            WbError: certbot is not installed, or failed. The error has the server's own reason.
        """
        deadline = time.monotonic() + self.wait_s
        while True:
            self._wait_for_others(deadline)
            try:
                ended = process.ask(argv, timeout=ENDS_WITHIN_S, env=self.environment)
            except process.NotInstalledError:
                missing = f"certbot is not installed: there is no {argv[0]}"
                raise WbError(missing, INSTALL) from None
            if not ended.exit_code:
                return
            output = f"{ended.stdout}\n{ended.stderr}"
            if LOCKED not in output:  # else another one began between the look and the start
                raise describe_failure(output, ended.exit_code)
            self.pause(WAITS_S)

    def set_aside(self, name: str) -> None:
        """Move away what a certbot that was killed left of a certificate. Certbot cannot remove it.

        Raises:
            LockedError: another certbot runs for too long.
            WbError: it cannot be moved.
        """
        self._wait_for_others(time.monotonic() + self.wait_s)
        # The certbot that was waited for may have been the one that was making it.
        if any(found.name == name and found.problem for found in read_lineages(self.config_folder)):
            aside = self.config_folder / ASIDE / f"{name}-{time.time_ns()}"
            try:
                aside.mkdir(parents=True, mode=0o700)
                for kind, there in _list_places(self.config_folder, name):
                    with suppress(FileNotFoundError):
                        there.rename(aside / kind)
            except OSError as error:
                raise make_error(error, "write", aside) from error

    def _wait_for_others(self, deadline: float) -> None:
        told = 0
        while holder := find_lock_holder(self.config_folder):
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"another certbot still runs (pid {holder})",
                    "Repeat the command when it has ended, or wait longer: `--wait SECONDS`.",
                )
            if holder != told:
                self.tell(f"waiting for another certbot (pid {holder})")
                told = holder
            self.pause(WAITS_S)


def _list_places(config_folder: Path, name: str) -> list[tuple[str, Path]]:
    """List what belongs to a certificate. The file that makes it one goes first."""
    return [
        ("renewal.conf", config_folder / "renewal" / f"{name}.conf"),
        ("live", config_folder / "live" / name),
        ("archive", config_folder / "archive" / name),
    ]


def describe_failure(output: str, exit_code: int) -> WbError:
    """Make the error of a certbot that failed, out of what it wrote."""
    failed = FAILED_CHALLENGE.findall(output)
    if failed:
        reasons = "; ".join(f"{name}: {detail.strip()} ({kind})" for name, kind, detail in failed)
        return WbError(
            f"the ACME server could not validate {reasons}",
            "Correct what it names. Five failures within an hour close the name for a while.",
        )
    refused = REFUSED.search(output)
    if refused:
        return WbError(f"certbot failed: {refused[1].strip()}", "Its log says more.")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Saving debug log", "Ask for help"))]
    last = "\n".join(told[-process.LAST_LINES :]) or "it said nothing"
    return WbError(f"certbot failed (exit code {exit_code}): {last}", "Its log says more.")
