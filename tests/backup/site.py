"""A machine with backups: what the operator does there, and what the test sees."""

import subprocess
import sys
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import Any

from support.wb_host import COMMAND_S, Host

from wb_cli.engine.task import LABEL_TASK

LAUNCHER = Path(__file__).with_name("faults") / "killed_at.py"
RESTIC = "wb-restic:0.18"
ROWS = "create table kept as select generate_series(1, 1000) as n"


class Site(Host):
    """A machine with backups. ``more`` are further variables of its commands."""

    more: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def at(cls, host: Host) -> "Site":
        """The site of a machine."""
        return cls(host.root, host.client, host.labels, host.platform, host.entries)

    def under(self, more: Mapping[str, str]) -> "Site":
        """The same machine, whose commands have further variables."""
        site = copy(self)
        site.more = {**self.more, **more}
        return site

    @property
    def repository(self) -> Path:
        return self.root / "backups"

    @property
    def environ(self) -> dict[str, str]:
        return super().environ | {
            "WB_RESTIC_IMAGE": RESTIC,
            "WB_BACKUP_REPOSITORY": str(self.repository),
            **self.more,
        }

    def start(self, **fields: Any) -> str:
        """A running instance with a table of 1,000 rows."""
        id_ = self.prepare(**fields)
        self.wb("run", id_)
        self.sql(id_, ROWS)
        return id_

    def count(self, id_: str) -> str:
        return self.sql(id_, "select count(*) from kept")

    def launch(self, how: str, what: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to which something happens: see killed_at.py."""
        return subprocess.run(
            [sys.executable, str(LAUNCHER), how, what, *words],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def list_copies(self) -> list[str]:
        """The folders in which copies of databases lie for a while."""
        return [path.name for path in (self.mount_path / ".wb-backup").glob("*")]

    def back_up(self, id_: str) -> str:
        (ended,) = self.json("backup", id_)["instances"]
        return str(ended["manifest"]["snapshot"])

    def backups(self) -> list[str]:
        return [each["id"] for each in self.json("backup", "list")["backups"]]

    def restic(self, *words: str) -> bytes:
        """Ask restic itself."""
        key = (self.root / "secrets" / "backup-key").read_text().strip()
        output = self.client.containers.run(
            RESTIC,
            ["-r", str(self.repository), *words],
            environment={"RESTIC_PASSWORD": key},
            volumes=[f"{self.repository}:{self.repository}"],
            network_mode="none",
            remove=True,
        )
        return bytes(output)

    def tasks(self) -> list[Any]:
        """The containers of tasks that are still there."""
        listed = self.client.containers.list(
            all=True, filters={"label": [LABEL_TASK, self.labels]}, ignore_removed=True
        )
        return list(listed)

    def states_of_tasks(self) -> list[str]:
        """The states of those containers."""
        return [task.status for task in self.tasks()]

    def hidden(self, id_: str) -> set[str]:
        """What a restore has left in the instance's folder."""
        return {path.name for path in self.folder(id_).glob(".*")}
