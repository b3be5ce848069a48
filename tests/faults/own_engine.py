"""A Docker Engine of a test's own, in a network namespace of its own: to be ended and started."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
from support.services import wait_until

from wb_cli.engine.images import Images

CLONE_NEWNET = 0x40000000
ENDS_WITHIN_S = 60
NEEDED = ("ip", "iptables", "dockerd")


class Network:
    """A network namespace: its loopback, ports and bridges are none of the machine's."""

    def __init__(self) -> None:
        self.name = f"wb-test-{uuid.uuid4().hex[:8]}"
        _command("ip", "netns", "add", self.name)
        _command("ip", "-n", self.name, "link", "set", "lo", "up")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Put the calling thread inside, and with it the processes that it starts."""
        here, there = Path("/proc/thread-self/ns/net"), Path("/run/netns", self.name)
        with here.open() as outside, there.open() as inside:
            _enter(inside.fileno())
            try:
                yield
            finally:
                _enter(outside.fileno())

    def remove(self) -> None:
        _command("ip", "netns", "delete", self.name)


class OwnEngine:
    """A real dockerd with data, socket and network of its own in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.network = folder, Network()
        self.url = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [
            *("dockerd", "--host", self.url, "--pidfile", f"{self.folder}/pid"),
            *("--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"),
        ]
        log = self.folder / "log"
        with self.network.entered(), log.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        wait_until(lambda: self._listens() or not self.is_up, "the test's own engine")
        assert self.is_up, log.read_text()[-2000:]
        self.client.ping()

    def end(self, number: signal.Signals) -> None:
        """End it by a signal; wait until it is gone."""
        assert self._process
        self._process.send_signal(number)
        self._process.wait(ENDS_WITHIN_S)
        wait_until(lambda: not self._containerd_runs(), "the end of its containerd")
        # Where no init buries the dead, a dockerd takes this one for alive.
        self._containerd_pid.unlink(missing_ok=True)

    @cached_property
    def client(self) -> docker.DockerClient:
        """The test's own eye on it, whatever version of the API it speaks."""
        return docker.DockerClient(self.url)

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def load(self, source: docker.DockerClient, images: list[str]) -> None:
        """Bring images over from another engine."""
        Images(self.client).load(Images(source).save(images))

    def remove(self) -> None:
        """End it with all that it has; nothing of it stays on the machine."""
        if not self.is_up:
            self.start()  # a killed engine's containers are found by its successor alone
        for container in self.client.containers.list(all=True):
            container.remove(force=True, v=True)
        self.end(signal.SIGTERM)
        self.client.close()
        for shim in processes_below(self.folder):
            # A killed engine may not have seen the end of a stop; its successor forgets that one.
            os.kill(shim, signal.SIGKILL)
        wait_until(lambda: not processes_below(self.folder), "the end of the engine's processes")
        self.network.remove()
        for mount in self._mounts():
            _command("umount", mount)
        shutil.rmtree(self.folder)

    @property
    def _containerd_pid(self) -> Path:
        return self.folder / "exec" / "containerd" / "containerd.pid"

    def _containerd_runs(self) -> bool:
        """It dies with its dockerd; a dead one may still be listed."""
        try:
            status = Path(f"/proc/{self._containerd_pid.read_text()}/status").read_text()
        except OSError:
            return False
        return "State:\tZ" not in status

    def _mounts(self) -> list[str]:
        """What is mounted below its folder, the innermost first."""
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        return [mount for mount in reversed(mounts) if mount.startswith(f"{self.folder}/")]

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.folder / "docker.sock")) == 0


def processes_below(folder: Path) -> list[int]:
    """The processes whose command lines name something in a folder."""
    return [
        int(each.name) for each in Path("/proc").glob("[0-9]*") if f"{folder}/" in words_of(each)
    ]


def words_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""  # it has ended


def _command(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


def _enter(namespace: int) -> None:
    libc: Any = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
