"""The commands that change a version, a password or the data: what must hold if one is cut off."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from backup.site import Site
from faults.deployment import Deployment
from support.services import wait_until
from support.wb_host import Host

from wb_cli.errors import ExitCode
from wb_cli.upgrade.attempts import UNFINISHED

# The rows of a table in the instance, and in its backup.
PRESENT, RESTORED = "10", "1000"
COUNTED = f"CREATE TABLE counted AS SELECT generate_series(1, {RESTORED}) AS n"
# The tags of the platform's image: two versions, and two images.
VERSIONS = ("healthy", "newer")


@dataclass
class Changing(Deployment):
    """A running instance with a row, a key and a file, and with a backup of its databases."""

    backup: str = ""

    @property
    def site(self) -> Site:
        """Its machine, which has backups."""
        return Site.at(self.host)

    @property
    def environ(self) -> dict[str, str]:
        return super().environ | self.site.environ

    @property
    def declared(self) -> dict[str, Any]:
        """Its entry in the registry file as it is now."""
        entries = json.loads(self.host.servers_file.read_text())
        return dict(next(entry for entry in entries if entry["id"] == self.id))

    @property
    def other_version(self) -> str:
        """The version that is not declared."""
        declared = str(self.declared["image"]).rpartition(":")[2]
        return next(version for version in VERSIONS if version != declared)

    def start(self) -> None:
        """Start it, write data, and back it up with more rows than it then has."""
        super().start()
        self.host.sql(self.id, COUNTED)
        self.backup = self.site.back_up(self.id)
        self.lessen()

    def replace_changing(self) -> "Changing":
        """Discard it after a failed try, and start a new instance."""
        self.discard()
        return start_changing(self.host)

    def lessen(self) -> None:
        """Have fewer rows than the backup."""
        self.host.sql(self.id, f"DELETE FROM counted WHERE n > {PRESENT}")

    def give(self, *words: str, exits: Sequence[int] = (0,), **environ: str) -> int:
        """Give a command. Return the exit code, one of the given (none given: any)."""
        done = self.host.ran(*words, **self.environ | environ)
        told = f"wb {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, told
        assert "a fault of wb" not in done.stderr, told
        assert not exits or done.returncode in exits, told
        return done.returncode

    def count(self) -> str:
        """Count the rows, of which the backup has more."""
        return self.host.sql(self.id, "SELECT count(*) FROM counted")

    def check_data(self) -> None:
        """Check that the last value is there. With restored databases begins an empty cache."""
        if self.count() == RESTORED and self.host.valkey(self.id, "EXISTS", "kept") == "0":
            self.host.valkey(self.id, "SET", "kept", self.written)
        super().check_data()

    def check_good(self) -> None:
        """Check that it runs on one of two versions and one of two states of data, whole."""
        self.remove_never_started()
        self.check_runs()
        seen = self.host.inspect(self.id)
        assert seen["Config"]["Image"] == self.declared["image"]
        assert seen["Image"] == self.host.client.images.get(self.declared["image"]).id
        assert self.read_last_attempt() not in UNFINISHED
        self._check_password(dict(each.split("=", 1) for each in seen["Config"]["Env"]))
        assert self.count() in {PRESENT, RESTORED}

    def settle(self) -> None:
        """Accept what was restored, if anything was. Nothing else may be left."""
        if ".before-restore" in self.site.hidden(self.id):
            self.give("restore", self.id, "--accept", "--yes")
            self.host.valkey(self.id, "SET", "kept", self.written)
        assert self.site.hidden(self.id) == set()
        assert not list((self.host.root / "secrets" / "handovers").glob("*"))
        wait_until(lambda: not self.site.tasks(), "the containers of tasks are gone")

    def remove_never_started(self) -> None:
        """Remove the container of a task whose wb was killed before it was started.

        The next task does that, but not every remedy has a task.
        """
        for task in self.site.tasks():
            if task.status == "created":
                task.remove()

    def read_last_attempt(self) -> str:
        """Read what became of the last upgrade; "" if there was none."""
        file = self.host.root / "upgrades" / f"{self.id}.json"
        return str(json.loads(file.read_text())[-1]["state"]) if file.exists() else ""

    def _check_password(self, variables: dict[str, str]) -> None:
        """Check that the platform has the stored password, which alone opens the database."""
        secrets = json.loads((self.host.root / "secrets" / f"{self.id}.json").read_text())
        assert set(secrets) == {"adminToken", "postgresPassword"}
        assert variables["PG_PASSWORD"] == secrets["postgresPassword"]
        words = ["sh", "-c", "psql -h $(hostname -i) -U postgres -wXAtqc '' postgres"]
        postgres = self.host.container(f"{self.id}-postgres")
        password = {"PGPASSWORD": variables["PG_PASSWORD"]}
        assert postgres.exec_run(words, environment=password).exit_code == 0


class Change(NamedTuple):
    """A command: what makes the instance ready for it, its words, and the least of its steps."""

    prepare: Callable[[Changing], object]
    make_words: Callable[[Changing], list[str]]
    steps: int


def make_upgrade(deployment: Changing) -> list[str]:
    version = deployment.other_version
    return ["upgrade", deployment.id, "--to", version, "--no-backup", "--retry"]


def make_rollback(deployment: Changing) -> list[str]:
    return ["rollback", deployment.id, "--yes"]


def make_rotation(deployment: Changing) -> list[str]:
    return ["rotate-secret", deployment.id]


def make_restore(deployment: Changing) -> list[str]:
    only = ("--only", "databases", "--no-backup", "--yes")
    return ["restore", deployment.id, "--at", deployment.backup, *only]


def stay(_: Changing) -> None:
    """Leave the instance as it is."""


def upgrade(deployment: Changing) -> None:
    """Have an upgrade that can be taken back."""
    deployment.give(*make_upgrade(deployment))


CHANGES = {
    "upgrade": Change(stay, make_upgrade, 9),
    "rollback": Change(upgrade, make_rollback, 8),
    "rotate-secret": Change(stay, make_rotation, 10),
    "restore": Change(Changing.lessen, make_restore, 14),
}


# The names of the tries in the table.
OWN_ENGINE_KILLED = "a real engine is killed in one of these"


def name_kill(verb: str) -> str:
    return f"`kill -9` of `wb {verb}` at a step, at any time, or as the engine works"


def name_loss(verb: str) -> str:
    return f"`wb {verb}` loses the engine at a call"


def name_rivals(verb: str) -> str:
    return f"two, then ten operators give `wb {verb}` at once"


FAULTS = {
    OWN_ENGINE_KILLED,
    *(name(verb) for verb in CHANGES for name in (name_kill, name_loss, name_rivals)),
}


def repair_and_run(deployment: Changing, _: list[str]) -> None:
    deployment.give("repair", deployment.id)
    deployment.give("run", deployment.id)


def run(deployment: Changing, _: list[str]) -> None:
    deployment.give("run", deployment.id)


def repeat(deployment: Changing, words: list[str]) -> None:
    """Give the same command. One that had come to its end has nothing left to take back.

    A restore that was cut off after its exchange is not begun again: it says that a run ends it.
    """
    exits = {
        "rollback": (ExitCode.OK, ExitCode.USAGE),
        "restore": (ExitCode.OK, ExitCode.FAILURE),
    }.get(words[0], (ExitCode.OK,))
    if words[0] == "rotate-secret" and not is_postgres_running(deployment):
        run(deployment, words)
    if deployment.give(*words, exits=exits) == ExitCode.FAILURE:
        run(deployment, words)


def is_postgres_running(deployment: Changing) -> bool:
    name = f"/{deployment.id}-postgres"
    listed = deployment.host.listed(deployment.id)
    return any(name in each["Names"] and each["State"] == "running" for each in listed)


REMEDIES: dict[str, Callable[[Changing, list[str]], None]] = {
    "repair, run": repair_and_run,
    "run": run,
    "the same again": repeat,
}


def start_changing(host: Host) -> Changing:
    """Start an instance on a machine."""
    deployment = Changing(host)
    deployment.start()
    return deployment
