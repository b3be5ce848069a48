"""One case of wb doctor on a real machine: provoke, look, do what the finding says, look again."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.services import VALKEY_IMAGE
from support.wb_host import Host

from wb_cli.engine.docker.client import connect
from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.instances.host_settings.settings import load
from wb_cli.instances.registry_file.store import RegistryFile
from wb_cli.instances.secrets import SecretStore
from wb_cli.observe.doctor.finding import PLACEHOLDER, Finding
from wb_cli.observe.doctor.look import look
from wb_cli.observe.doctor.table import examine

OBEDIENT = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]


@dataclass
class Case:
    """A machine with an instance that runs (``demo``) and one that does not (``idle``).

    ``answer`` is what the operator puts in the place of the ellipsis in a command. ``by_hand``
    does what the advice says, where no command can. ``replaced`` are paths of the machine's own
    files in commands, with the test's files in their place.
    """

    host: Host
    demo: str
    idle: str
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    stack: ExitStack
    environ: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    by_hand: Callable[[], Any] | None = None
    replaced: dict[str, str] = field(default_factory=dict)

    def examine(self, *selectors: str) -> list[Finding]:
        """Look at the machine as `wb doctor` does, in this process."""
        settings = load({}, self.host.environ | self.environ)
        registry = RegistryFile(settings.servers_file)
        secrets = SecretStore(settings.secrets_dir)

        def open_engine() -> DockerEngine:
            client = connect()
            self.stack.callback(client.close)
            return DockerEngine(client)

        return examine(look(selectors, registry, settings, secrets, open_engine))

    def find(self, code: str, needle: str) -> list[Finding]:
        """The findings of one check in which a text stands."""
        return [
            finding
            for finding in self.examine()
            if finding.code == code and needle in f"{finding.what} {finding.subjects}"
        ]

    def mend(self, finding: Finding) -> None:
        """Do what a finding says, to the letter."""
        if self.by_hand:
            self.by_hand()
            return
        for command in finding.commands:
            self._do(command)

    def _do(self, command: str) -> None:
        if command.startswith("unset "):
            name = command.removeprefix("unset ")
            self.environ.pop(name, None)
            self.monkeypatch.delenv(name, raising=False)
            return
        for path, own in self.replaced.items():
            command = command.replace(path, own)
        command = command.replace(PLACEHOLDER, self.answer)
        done = subprocess.run(
            ["bash", "-ec", command],
            env=self.host.environ | self.environ | {"PATH": self._put_wb_on_path()},
            cwd=self.host.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def _put_wb_on_path(self) -> str:
        program = self.folder / "bin" / "wb"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m wb_cli "$@"\n')
        program.chmod(0o755)
        return f"{program.parent}:{os.environ['PATH']}"

    # What provocations need

    def container(self, **arguments: Any) -> Any:
        """Somebody else's container, running."""
        name, value = self.host.labels.split("=")
        labels = {name: value} | arguments.pop("labels", {})
        made = self.host.client.containers.run(
            VALKEY_IMAGE, OBEDIENT, detach=True, labels=labels, **arguments
        )
        self.stack.callback(self.remove, str(made.id))
        return made

    def created(self, name: str, labels: dict[str, str]) -> Any:
        """A container that is only created."""
        own, value = self.host.labels.split("=")
        made = self.host.client.containers.create(
            VALKEY_IMAGE, OBEDIENT, name=name, labels={own: value} | labels
        )
        self.stack.callback(self.remove, str(made.id))
        return made

    def remove(self, container: str) -> None:
        """Remove a container, if it is there."""
        for listed in self.host.client.api.containers(all=True, filters={"id": container}):
            self.host.client.api.remove_container(listed["Id"], force=True, v=True)

    def data(self, id_: str, name: str) -> Path:
        """A folder of an instance."""
        return self.host.folder(id_) / name
