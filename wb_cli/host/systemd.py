"""The units of systemd: where they lie, and how it is told of them."""

from pathlib import Path

from wb_cli.host.process import run

UNITS = Path("/etc/systemd/system")
# The unit that brings a fleet back after a reboot.
AUTOSTART = "wb-autostart.service"
# The timer that backs up by the clock.
BACKUP = "wb-backup.timer"
WANTED_BY = "multi-user.target"
TIMERS = "timers.target"
WITHIN_S = 60.0


def is_enabled(unit: str, units: Path = UNITS, wanted_by: str = WANTED_BY) -> bool:
    """Whether systemd starts a unit with the machine."""
    return (units / f"{wanted_by}.wants" / unit).is_symlink()


def enable(unit: str) -> None:
    """Tell systemd of a unit that is new or has changed, and start it with the machine from now on.

    It is not started now.
    """
    run(["systemctl", "daemon-reload"], timeout=WITHIN_S)
    run(["systemctl", "enable", unit], timeout=WITHIN_S)


def start_timers(*timers: str) -> None:
    """Tell systemd of timers that are new or have changed, and let them run from now on."""
    run(["systemctl", "daemon-reload"], timeout=WITHIN_S)
    run(["systemctl", "enable", *timers], timeout=WITHIN_S)
    run(["systemctl", "restart", *timers], timeout=WITHIN_S)


def stop_timers(*timers: str) -> None:
    """Let timers run no longer. What they have started runs on."""
    run(["systemctl", "disable", "--now", *timers], timeout=WITHIN_S)


def disable(unit: str) -> None:
    """Start a unit with the machine no longer. What it has started runs on."""
    run(["systemctl", "disable", unit], timeout=WITHIN_S)


def reload() -> None:
    """Tell systemd that a unit was removed."""
    run(["systemctl", "daemon-reload"], timeout=WITHIN_S)


def quote(text: str) -> str:
    """Write a text as one word of a unit: nothing in it has a meaning for systemd."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def quote_argument(text: str) -> str:
    """Write one word of a command line of a unit, in which ``$`` would begin a variable."""
    return quote(text).replace("$", "$$")


def quote_path(path: Path) -> str:
    """Write a path where a unit takes it as it stands, without quotes."""
    return str(path).replace("%", "%%")
