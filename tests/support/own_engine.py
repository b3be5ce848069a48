"""A Docker Engine for a test alone, in its own network namespace. The test can end and start it."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
import pytest
from support.services import wait_until

from wb_cli.engine.docker.images import Images

CLONE_NEWNET = 0x40000000
ENDS_WITHIN_S = 60
ANSWERS_WITHIN_S = 300
NEEDED = ("ip", "iptables", "dockerd")


@contextmanager
def run_own_engine(
    folder: Path, client: docker.DockerClient, images: list[str]
) -> Iterator["OwnEngine"]:
    """Run an engine with these images, which another engine has. Skip the test where none can."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if os.geteuid() or missing:
        pytest.skip(f"an engine of one's own needs root, and {' '.join(missing or NEEDED)}")
    own = OwnEngine(folder)
    try:
        own.start()
        own.load(client, images)
        yield own
    finally:
        own.remove()


class Network:
    """A network namespace. Its loopback, ports and bridges are separate from the machine's."""

    def __init__(self) -> None:
        self.name = f"wb-test-{uuid.uuid4().hex[:8]}"
        run_command("ip", "netns", "add", self.name)
        run_command("ip", "-n", self.name, "link", "set", "lo", "up")

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Move the calling thread, and the processes that it starts, into the namespace."""
        here, there = Path("/proc/thread-self/ns/net"), Path("/run/netns", self.name)
        with here.open() as outside, there.open() as inside:
            _enter(inside.fileno())
            try:
                yield
            finally:
                _enter(outside.fileno())

    def find_processes(self) -> set[int]:
        """Find the processes in the namespace, without this one."""
        done = subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True
        )
        return {int(word) for word in done.stdout.split()} - {os.getpid()}

    def remove_bridges(self) -> None:
        """Remove every link but the loopback, as a reboot does."""
        with self.enter():
            for link in _list_bridges():
                run_command("ip", "link", "delete", link)

    def remove(self) -> None:
        run_command("ip", "netns", "delete", self.name)


class OwnEngine:
    """A real dockerd with its own data, socket and network, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.network = folder, Network()
        self.url = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the engine, and wait until it answers."""
        command = [
            *("dockerd", "--host", self.url, "--pidfile", f"{self.folder}/pid"),
            *("--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"),
        ]
        log = self.folder / "log"
        with self.network.enter(), log.open("ab") as output:
            self._process = subprocess.Popen(self.wrap(command), stdout=output, stderr=output)
        wait_until(lambda: self._listens() or not self.is_up, "the test's own engine")
        assert self.is_up, log.read_text()[-2000:]
        # It listens at once, and answers when it has brought back the containers of before.
        self.client.api.get(f"{self.client.api.base_url}/_ping", timeout=ANSWERS_WITHIN_S)

    def wrap(self, command: list[str]) -> list[str]:
        """Give the command that starts the engine, in what surroundings it runs."""
        return command

    def end(self, number: signal.Signals) -> None:
        """End the engine with a signal, and wait until it is gone."""
        assert self._process
        self._process.send_signal(number)
        self._process.wait(ENDS_WITHIN_S)
        wait_until(lambda: not self._containerd_runs(), "the end of its containerd")
        # Without an init that reaps it, the next dockerd would think that this one is alive.
        self._containerd_pid.unlink(missing_ok=True)

    def cut_power(self) -> None:
        """Kill the engine with its helpers and all containers. Clear what a reboot clears."""
        assert self._process
        listed = self.client.api.containers()
        inspected = (self.client.api.inspect_container(each["Id"]) for each in listed)
        containers = {found["State"]["Pid"] for found in inspected} - {0}
        self._process.kill()
        self._process.wait(ENDS_WITHIN_S)
        helpers = {*find_processes(self.folder), *self.network.find_processes()}
        for number in [*helpers, *containers]:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        wait_until(lambda: not find_processes(self.folder), "the end of the engine's processes")
        self.network.remove_bridges()
        for mount in self._find_mounts():
            run_command("umount", "--lazy", mount)
        shutil.rmtree(self.folder / "exec")
        (self.folder / "pid").unlink(missing_ok=True)

    @cached_property
    def client(self) -> docker.DockerClient:
        """The test's own client of the engine, in any version of the API."""
        return docker.DockerClient(self.url)

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def load(self, source: docker.DockerClient, images: list[str]) -> None:
        """Copy images from another engine."""
        Images(self.client).load(Images(source).save(images))

    def remove(self) -> None:
        """End the engine and remove everything of it from the machine."""
        if not self.is_up:
            self.start()  # only the next engine finds the containers of a killed engine
        for container in self.client.containers.list(all=True):
            container.remove(force=True, v=True)
        self.end(signal.SIGTERM)
        self.client.close()
        for shim in find_processes(self.folder):
            # A killed engine may have missed the end of a stop; the next one forgets the container.
            os.kill(shim, signal.SIGKILL)
        wait_until(lambda: not find_processes(self.folder), "the end of the engine's processes")
        self.network.remove()
        for mount in self._find_mounts():
            run_command("umount", mount)
        shutil.rmtree(self.folder)

    @property
    def _containerd_pid(self) -> Path:
        return self.folder / "exec" / "containerd" / "containerd.pid"

    def _containerd_runs(self) -> bool:
        """Whether containerd still runs. It ends with its dockerd, but may still be listed."""
        try:
            status = Path(f"/proc/{self._containerd_pid.read_text()}/status").read_text()
        except OSError:
            return False
        return "State:\tZ" not in status

    def _find_mounts(self) -> list[str]:
        """Find the mount points below its folder, the innermost first."""
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        return [mount for mount in reversed(mounts) if mount.startswith(f"{self.folder}/")]

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.folder / "docker.sock")) == 0


def find_processes(folder: Path) -> list[int]:
    """Find the processes whose command lines name a path in a folder."""
    return [
        int(path.name) for path in Path("/proc").glob("[0-9]*") if f"{folder}/" in read_words(path)
    ]


def read_words(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""  # the process has ended


def run_command(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


def _list_bridges() -> list[str]:
    """List the bridges of the network namespace that this thread is in."""
    words = ["ip", "-json", "link", "show", "type", "bridge"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [link["ifname"] for link in json.loads(done.stdout or "[]") if link]


def _enter(namespace: int) -> None:
    libc: Any = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
