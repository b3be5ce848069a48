"""An instance with data, and checks of its state that do not use wb."""

import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.made import made
from support.services import wait_until
from support.wb_host import Host

from wb_cli.contract import Part

# The value, or words that say that it is not there.
LAST_ROW = "SELECT coalesce(max(what), 'no row') FROM kept WHERE what = {}"
LAST_KEY = "return redis.call('GET', KEYS[1]) or 'no key'"
ASKED_AGAIN = 5
BASE_PARTS = frozenset({"postgres", "valkey", "platform"})
ANSWERS_WITHIN_S = 20


@dataclass(frozen=True)
class Kind:
    """A kind of instance: its fields, how slowly Valkey saves, and the exit codes of its stop."""

    fields: dict[str, Any] = field(default_factory=dict)
    save_s: int = 0
    exits: tuple[int, ...] = (0,)
    admin_image: str = ""


@dataclass
class Deployment:
    """An instance. A row in PostgreSQL, a key in Valkey and a file in the sandbox hold a value."""

    host: Host
    kind: Kind = field(default_factory=Kind)
    id: str = ""
    written: str = ""

    def __post_init__(self) -> None:
        self.id = self.host.prepare(**self.kind.fields)

    @property
    def entry(self) -> dict[str, Any]:
        return self.host.entries[self.id]

    @property
    def parts(self) -> frozenset[str]:
        return BASE_PARTS | ({"admin"} if "adminVersion" in self.entry else set())

    @property
    def environ(self) -> dict[str, str]:
        """The settings of every command."""
        return {"WB_ADMIN_IMAGE": self.kind.admin_image or self.host.platform}

    def wb(self, verb: str, exits: tuple[int, ...] | None = None, **environ: str) -> int:
        """Run `wb VERB`. Return the exit code, which must be one of the given (none given: any)."""
        done = self.host.ran(verb, self.id, **self.environ, **environ)
        allowed = self.kind.exits if exits is None else exits
        told = f"wb {verb} {self.id}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, told
        assert "a fault of wb" not in done.stderr, told
        assert not allowed or done.returncode in allowed, told
        return done.returncode

    def slow_down(self) -> None:
        """Make the running Valkey save slowly, as a Valkey full of data does."""
        if self.kind.save_s:
            fill = "for i=1,10 do server.call('set','filler'..i,i) end"
            self.host.valkey(self.id, "EVAL", fill, "0")
            delay = self.kind.save_s * 10**6 // 10
            self.host.valkey(self.id, "CONFIG", "SET", "rdb-key-save-delay", str(delay))

    def start(self) -> None:
        """Start the instance and write data."""
        self.wb("run")
        self.host.sql(self.id, "CREATE TABLE IF NOT EXISTS kept (what text)")
        self.write("first")

    def write(self, what: str) -> None:
        """Write a new value to the database, to Valkey and to the sandbox."""
        self.host.sql(self.id, f"INSERT INTO kept VALUES ({quote(what)})")
        self.host.valkey(self.id, "SET", "kept", what)
        self.host.folder(self.id).joinpath("sandbox", "kept").write_text(what)
        self.written = what

    def replace(self) -> "Deployment":
        """Discard it after a failed try, and start a new instance of the same kind."""
        self.discard()
        other = Deployment(self.host, self.kind)
        other.start()
        return other

    def discard(self) -> None:
        """Remove its containers by force, and its entry in the registry file."""
        made(self.host.client, "wb.instance", lambda id_: id_ == self.id).remove()
        self.host.forget(self.id)

    def check_data(self) -> None:
        """Check that the last value is there."""
        assert self.written, "nothing was written yet"
        found = {
            "row": self._read(self.host.sql, LAST_ROW.format(quote(self.written))),
            "key": self._read(self.host.valkey, "EVAL", LAST_KEY, "1", "kept"),
            "file": self.host.folder(self.id).joinpath("sandbox", "kept").read_text(),
        }
        assert found == dict.fromkeys(found, self.written)

    def _read(self, ask: Callable[..., str], *words: str) -> str:
        """Ask for a value. The answer is never empty, but a busy engine may lose it."""
        answers = (ask(self.id, *words) for _ in range(ASKED_AGAIN))
        return next((answer for answer in answers if answer), "no answer")

    def check_runs(self) -> None:
        """Check that all parts run as declared and answer, and that nothing else is there."""
        seen = self.inspect_containers()
        assert set(seen) == {Part(part).container_name(self.id) for part in self.parts}
        (network,) = self.host.client.networks.list(names=[f"^{self.id}$"])
        for name, container in seen.items():
            self._check_part(name, container, network.id)
        wait_until(self._answers, f"{self.id} to answer", ANSWERS_WITHIN_S)
        self.check_data()

    def check_gone(self) -> None:
        """Check that nothing of it is on the engine."""
        assert self.inspect_containers() == {}
        assert self.host.client.networks.list(names=[f"^{self.id}$"]) == []

    def inspect_containers(self) -> dict[str, Any]:
        """Inspect its containers, also those with other names. Give them by name."""
        listed = self.host.listed(self.id)
        inspected = [self.host.inspect(container["Id"]) for container in listed]
        return {container["Name"].removeprefix("/"): container for container in inspected}

    def _check_part(self, name: str, container: dict[str, Any], network: str) -> None:
        state = {key: container["State"][key] for key in ("Status", "Restarting", "Paused")}
        assert state == {"Status": "running", "Restarting": False, "Paused": False}, name
        settings = container["HostConfig"]
        removes_itself = self.entry.get("restart") == "no" and name.endswith(
            ("-postgres", "-valkey")
        )
        policy = "no" if removes_itself else "always"
        assert settings["RestartPolicy"]["Name"] == policy, name
        assert settings["AutoRemove"] == removes_itself, name
        networks = container["NetworkSettings"]["Networks"].values()
        assert [endpoint["NetworkID"] for endpoint in networks] == [network], name

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.host.port(self.id)}/") as answer:
                return bool(answer.status < 500)
        except OSError:
            return False


def quote(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"
