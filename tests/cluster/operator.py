"""An operator's machine, from which machines elsewhere are reached by ssh."""

import itertools
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.far_host import SSH_PORT, FarHost, make_key
from support.command_line import environment_without_settings
from support.services import POSTGRES_IMAGE, VALKEY_IMAGE

COMMAND_S = 180
MOUNT_PATH = "/srv/instances"
PORTS = itertools.count(12_000)
SSH_CONFIG = """
Host {name}
    HostName {address}
    Port {port}
    IdentityFile {root}/key
    IdentitiesOnly yes
    UserKnownHostsFile {root}/known_hosts
    StrictHostKeyChecking yes
"""


class Operator:
    """Runs `wb` as an operator does who has a registry file, secrets and a key of his own."""

    def __init__(self, root: Path, hosts: Sequence[FarHost], platform: str) -> None:
        self.root, self.platform = root, platform
        self.entries: dict[str, dict[str, Any]] = {}
        root.mkdir(parents=True)
        self.public_key = make_key(root / "key")
        config = "".join(
            SSH_CONFIG.format(name=host.name, address=host.address, port=SSH_PORT, root=root)
            for host in hosts
        )
        (root / "ssh_config").write_text(config)
        (root / "known_hosts").write_text("".join(host.known_key for host in hosts))
        (root / "bin").mkdir()
        ssh = root / "bin" / "ssh"
        ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {root}/ssh_config "$@"\n')
        ssh.chmod(0o755)

    @property
    def servers_file(self) -> Path:
        return self.root / "servers.json"

    @property
    def environ(self) -> dict[str, str]:
        inherited = environment_without_settings()
        for name in ("COLUMNS", "LINES"):
            inherited.pop(name, None)
        return inherited | {
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "WB_CONFIG_DIR": str(self.root / "config"),
            "SERVERS_FILE_PATH": str(self.servers_file),
            "MOUNT_PATH": MOUNT_PATH,
            "WB_SECRETS_DIR": str(self.root / "secrets"),
            "WB_POSTGRES_IMAGE": POSTGRES_IMAGE,
            "WB_VALKEY_IMAGE": VALKEY_IMAGE,
            "WB_SUBNET_POOL": "10.231.0.0/24",
            "WB_SUBNET_PREFIX": "29",
        }

    def declare(self, **fields: Any) -> str:
        """Declare a new instance with an id and a port of its own."""
        id_ = f"t{uuid.uuid4().hex[:8]}"
        port = fields.pop("port", None) or next(PORTS)
        entry = {"id": id_, "label": "Test", "port": port}
        self.entries[id_] = entry | {"serverVersion": "1.6.7", "image": self.platform} | fields
        self.servers_file.write_text(json.dumps(list(self.entries.values())))
        return id_

    def wb(self, *words: str, exits: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command line to its end, which must be the given exit code."""
        with self.running(*words, **environ) as process:
            stdout, stderr = process.communicate(timeout=COMMAND_S)
        assert process.returncode == exits, f"{words}: {process.returncode}\n{stdout}{stderr}"
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    @contextmanager
    def running(self, *words: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command line; at the end it is gone."""
        process = subprocess.Popen(
            [sys.executable, "-m", "wb_cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ | environ,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()
