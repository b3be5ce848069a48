"""The Valkey of an instance, and whether all that it was given is still there."""

import signal
from pathlib import Path

from support.wb_host import Host

RDB, AOF = "rdb", "aof"
OTHER = {RDB: AOF, AOF: RDB}


class Cache:
    """The Valkey of one instance, and all keys that it has been given."""

    def __init__(self, host: Host, id_: str) -> None:
        self.host, self.id, self.written = host, id_, 0

    @property
    def name(self) -> str:
        return f"{self.id}-valkey"

    @property
    def folder(self) -> Path:
        return self.host.folder(self.id) / "valkey_data"

    def answers(self) -> bool:
        return self.host.execute(self.name, "valkey-cli", "ping") == (0, "PONG\n")

    def write(self) -> None:
        """One more key."""
        self.written += 1
        self.host.valkey(self.id, "set", f"key:{self.written}", "value")

    def keep(self, persistence: str) -> None:
        """Declare how it is kept."""
        self.host.change(self.id, cachePersistence=persistence)

    def is_whole(self, persistence: str) -> None:
        """Every key is there, and is kept as declared."""
        found = int(self.host.valkey(self.id, "dbsize"))
        assert found == self.written, f"{found} of {self.written} keys"
        is_log = self.host.valkey(self.id, "config", "get", "appendonly").split()[-1]
        assert is_log == {RDB: "no", AOF: "yes"}[persistence]

    def run(self, persistence: str, verb: str = "run") -> None:
        """Bring it up as declared; every key must be there."""
        self.keep(persistence)
        self.host.wb(verb, self.id)
        self.is_whole(persistence)

    def die(self) -> None:
        """Its process ends without a chance to save anything."""
        container = self.host.container(self.name)
        container.update(restart_policy={"Name": "no"})
        container.kill(signal.SIGKILL)
        container.wait()

    def plan(self) -> list[str]:
        """What `wb run` would do."""
        answer = self.host.json("run", self.id, "--dry-run")
        return [step["operation"] for step in answer["instances"][0]["plan"]["steps"]]

    def names(self) -> set[str]:
        return {each.name for each in self.folder.iterdir()}
