"""The unit of systemd that brings a fleet back after a reboot. The text and the verdict are pure.

The engine itself starts the containers that ran. The unit then looks after what the engine could
not start, because a disk was not mounted yet, and after what runs with ``--rm``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.errors import WbError
from wb_cli.host import systemd
from wb_cli.host.engine_service import has_systemd
from wb_cli.instances.files import write_atomically
from wb_cli.instances.host_settings.setting import ENV_FILE
from wb_cli.instances.selectors import HERE, ON
from wb_cli.provision import own_files
from wb_cli.provision.own_files import REGISTRY, Caller, Found, judge

if TYPE_CHECKING:
    from pathlib import Path

UNIT = systemd.AUTOSTART
ENGINE_UNIT = "docker.service"
MARK = "# Made by `wb autostart install`; `wb autostart remove` removes it."
NO_SYSTEMD = "systemd does not run this machine, so nothing would start the unit"


class Autostart(Caller, frozen=True):
    """What the unit shall do. With ``starts_all`` it starts every declared instance.

    Else it starts those that have containers: what was stopped stays stopped.
    """

    starts_all: bool = False

    def describe(self) -> str:
        """Write the text of the unit."""
        # A reboot of this machine is no matter of the others.
        words = self.make_command("run", f"{ON}{HERE}", *([] if self.starts_all else ["--present"]))
        mounts = dict.fromkeys(map(str, self.list_folders()))
        needs = [] if self.list_engine_choices() else [f"Requires={ENGINE_UNIT}"]
        lines = [
            MARK,
            f"{REGISTRY}{self.settings.servers_file}",
            "[Unit]",
            "Description=Start the instances of wb",
            *needs,
            f"After={ENGINE_UNIT}",
            f"RequiresMountsFor={' '.join(systemd.quote(path) for path in mounts)}",
            "",
            "[Service]",
            "Type=oneshot",
            "RemainAfterExit=yes",
            *(f"Environment={systemd.quote(text)}" for text in self.list_variables()),
            f"ExecStart={' '.join(systemd.quote_argument(word) for word in words)}",
            "# Degraded counts as started. A large fleet takes its time.",
            "SuccessExitStatus=4",
            "TimeoutStartSec=1h",
            "",
            "[Install]",
            f"WantedBy={systemd.WANTED_BY}",
        ]
        return "\n".join(lines) + "\n"


def look(autostart: Autostart) -> Found:
    """Look how the unit on this machine stands."""
    return judge(
        own_files.read(path()),
        autostart.describe(),
        is_enabled=systemd.is_enabled(UNIT, systemd.UNITS),
    )


def install(autostart: Autostart, *, dry_run: bool) -> Found:
    """Write the unit and enable it. It is safe to repeat. Return how it stood before.

    Raises:
        WbError: systemd does not run this machine, the user is not root, or a file of somebody
            else has the unit's name.
    """
    _require_systemd()
    found = look(autostart)
    _refuse_others(found)
    own_files.refuse_lost_secrets(
        autostart.find_lost_secrets(),
        autostart.settings.config_file.parent / ENV_FILE,
        "at a reboot",
    )
    if not dry_run and found is not Found.CURRENT:
        own_files.require_root(path())
        write_atomically(path(), autostart.describe().encode())
        systemd.enable(UNIT)
    return found


def remove(autostart: Autostart, *, dry_run: bool) -> Found:
    """Disable the unit and remove it. What runs goes on. Return how it stood before.

    Raises: as :func:`install`.
    """
    found = look(autostart)
    if found is Found.ABSENT:
        return found
    _require_systemd()
    _refuse_others(found)
    if not dry_run:
        own_files.require_root(path())
        systemd.disable(UNIT)
        own_files.unlink(path())
        systemd.reload()
    return found


def path() -> Path:
    """The path of the unit."""
    return systemd.UNITS / UNIT


def _require_systemd() -> None:
    if not has_systemd():
        raise WbError(
            NO_SYSTEMD, "`wb autostart install --print` writes the unit, to be used elsewhere."
        )


def _refuse_others(found: Found) -> None:
    own_files.refuse_others(path(), found, f"systemctl cat {UNIT}", "autostart remove")
