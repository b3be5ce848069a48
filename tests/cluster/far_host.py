"""A machine elsewhere: a Docker Engine behind a real ssh server, in a network of its own.

Its network namespace hangs on a bridge by a pair of veth, so it can be cut off. Its mount namespace
gives it a mount path, a folder of locks and a /run that no other machine sees.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from support.own_engine import OwnEngine, find_processes, run_command
from support.services import wait_until

NEEDED = ("ip", "iptables", "dockerd", "ssh", "ssh-keygen")
SSH_PORT, TLS_PORT = 2222, 2376
# Everything that starts on the machine sees these instead of the folders of all machines.
SURROUNDINGS = """
folder=$1
shift
mount --bind "$folder/srv" /srv
mount --bind "$folder/share" /usr/local/share
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
for file in docker.sock authorized_keys; do
    if [ -e "$folder/$file" ]; then
        touch "/run/$file"
        mount --bind "$folder/$file" "/run/$file"
    fi
done
mount --bind "$folder/passwd" /etc/passwd
exec "$@"
"""
# A user who may log in, and may not use the engine.
GUEST = "guest:*:54321:54321::/:/bin/sh\n"
SSHD_CONFIG = """
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile /run/authorized_keys
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


def find_sshd() -> str:
    """Find the ssh server. It may be unpacked for these tests, so it looks beside the programs."""
    beside = [f"{Path(folder).parent}/sbin" for folder in os.environ["PATH"].split(os.pathsep)]
    return shutil.which("sshd", path=os.pathsep.join(["/usr/sbin", *beside])) or ""


def find_libraries(program: str) -> dict[str, str]:
    """Find the libraries that were unpacked with a program, as variables for its start."""
    root = Path(program).parents[2]
    found = {str(path.parent) for path in (root / "usr" / "lib").glob("*/libwrap.so.0")}
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(found)}


class Wires:
    """A bridge on this machine, with a cable to each machine elsewhere."""

    def __init__(self) -> None:
        self.mark = secrets.token_hex(3)
        self.bridge = f"wbt{self.mark}"
        self.subnet = f"10.{200 + secrets.randbelow(16)}.{secrets.randbelow(256)}"
        run_command("ip", "link", "add", self.bridge, "type", "bridge")
        run_command("ip", "address", "add", f"{self.subnet}.1/24", "dev", self.bridge)
        run_command("ip", "link", "set", self.bridge, "up")

    def connect(self, number: int, namespace: str) -> tuple[str, str]:
        """Lay a cable into a namespace. Give its name here, and the address there."""
        here, there = f"v{self.mark}{number}a", f"v{self.mark}{number}b"
        address = f"{self.subnet}.{10 + number}"
        run_command("ip", "link", "add", here, "type", "veth", "peer", "name", there)
        run_command("ip", "link", "set", here, "master", self.bridge, "up")
        run_command("ip", "link", "set", there, "netns", namespace)
        run_command("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", there)
        run_command("ip", "-n", namespace, "link", "set", there, "up")
        return here, address

    def remove(self) -> None:
        run_command("ip", "link", "delete", self.bridge)


class FarHost(OwnEngine):
    """An engine on a machine that is reached by ssh alone."""

    def __init__(self, folder: Path, wires: Wires, number: int) -> None:
        folder.mkdir(parents=True)
        super().__init__(folder)
        self.name = f"far{number}"
        self.cable, self.address = wires.connect(number, self.network.name)
        (folder / "srv" / "instances").mkdir(parents=True)
        (folder / "share").mkdir()
        users = Path("/etc/passwd").read_text()
        missing = "" if "\nsshd:" in users else "sshd:x:109:65534::/run/sshd:/usr/sbin/nologin\n"
        (folder / "passwd").write_text(users + missing + GUEST)
        self.let_in("")
        make_key(folder / "host_key")
        self._sshd: subprocess.Popen[bytes] | None = None

    @property
    def host_url(self) -> str:
        """The address that an operator gives to wb."""
        return f"ssh://root@{self.name}"

    @property
    def instances(self) -> Path:
        """Its mount path, as this test sees it. On the machine it is /srv/instances."""
        return self.folder / "srv" / "instances"

    @property
    def known_key(self) -> str:
        """Its line of the file of known hosts."""
        key = (self.folder / "host_key.pub").read_text()
        return f"[{self.address}]:{SSH_PORT} {key}"

    def wrap(self, command: list[str]) -> list[str]:
        """Let a command run with the machine's own folders."""
        inside = ["unshare", "--mount", "--propagation", "slave", "sh", "-ec", SURROUNDINGS, "sh"]
        tls = self._listen_with_tls() if command[0] == "dockerd" else []
        return [*inside, str(self.folder), *command, *tls]

    def _listen_with_tls(self) -> list[str]:
        """Let the engine listen on TCP, too, for those who have a certificate."""
        files = {"ca": "tlscacert", "cert": "tlscert", "key": "tlskey"}
        if not (self.certificates / "ca.pem").exists():
            make_certificates(self.certificates, self.address)
        flags = [f"--{flag}={self.certificates}/{name}.pem" for name, flag in files.items()]
        return [f"--host=tcp://{self.address}:{TLS_PORT}", "--tlsverify", *flags]

    @property
    def certificates(self) -> Path:
        """The folder that DOCKER_CERT_PATH names."""
        return self.folder / "certificates"

    def let_in(self, public_key: str) -> None:
        """Accept a key, and only that."""
        (self.folder / "authorized_keys").write_text(public_key)

    def start_ssh(self, more: str = "") -> None:
        """Start the ssh server, with more lines of configuration."""
        config = self.folder / "sshd_config"
        text = SSHD_CONFIG.format(port=SSH_PORT, address=self.address, folder=self.folder)
        config.write_text(more + text)
        command = self.wrap([find_sshd(), "-D", "-e", "-f", str(config)])
        with self.network.enter(), (self.folder / "sshd.log").open("ab") as log:
            environment = find_libraries(find_sshd())
            self._sshd = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_until(self._has_ssh, "the ssh server")

    def _has_ssh(self) -> bool:
        assert self._sshd
        assert self._sshd.poll() is None, (self.folder / "sshd.log").read_text()[-2000:]
        with suppress(OSError), socket.create_connection((self.address, SSH_PORT), timeout=1):
            return True
        return False

    def stop_ssh(self) -> None:
        """End the ssh server with all its connections."""
        if self._sshd:
            for process in self._find_ssh_processes():
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self._sshd.wait()

    def _find_ssh_processes(self) -> list[int]:
        assert self._sshd
        return [self._sshd.pid, *find_children(self._sshd.pid)]

    def cut_connections(self) -> None:
        """End every connection of its ssh server. New ones are let in."""
        assert self._sshd
        for process in find_children(self._sshd.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    @property
    def ssh_connections(self) -> int:
        """How many connections its ssh server has now."""
        assert self._sshd
        return len(list(find_children(self._sshd.pid, deep=False)))

    @contextmanager
    def without_ssh(self) -> Iterator[None]:
        """End the ssh server with all its connections, and start it again later."""
        self.stop_ssh()
        try:
            yield
        finally:
            self.start_ssh()

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Pull the cable. Nothing tells either side."""
        run_command("ip", "link", "set", self.cable, "down")
        try:
            yield
        finally:
            run_command("ip", "link", "set", self.cable, "up")

    @contextmanager
    def small_disk(self, path: str, size: str) -> Iterator[Path]:
        """Mount a small disk on a folder of the machine. Give its content as this test sees it."""
        assert self._process
        inside = ("nsenter", "--mount", f"--target={self._process.pid}")
        run_command(*inside, "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path)
        try:
            yield Path(f"/proc/{self._process.pid}/root{path}")
        finally:
            run_command(*inside, "umount", "--lazy", path)

    def sees(self, path: str) -> Path:
        """Where this test finds a path that lies below /srv on the machine."""
        return self.folder / path.removeprefix("/")

    def listed(self, id_: str) -> dict[str, str]:
        """The containers of an instance, with their states."""
        containers = self.client.api.containers(all=True, filters={"label": f"wb.instance={id_}"})
        return {each["Names"][0].removeprefix("/"): each["State"] for each in containers}

    def inspect(self, name: str) -> dict[str, Any]:
        return dict(self.client.api.inspect_container(name))

    def forget(self) -> None:
        """Remove what a test left of instances."""
        for container in self.client.containers.list(all=True, filters={"label": "wb.instance"}):
            container.remove(force=True, v=True)
        for network in self.client.networks.list(filters={"label": "wb.instance"}):
            network.remove()

    def remove(self) -> None:
        self.stop_ssh()
        super().remove()


def find_children(process: int, *, deep: bool = True) -> Iterator[int]:
    """Find the processes that a process started, and with ``deep`` those that they started."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError, IndexError):
            parent = status.read_text().split("\nPPid:\t")[1].split("\n")[0]
            if int(parent) == process:
                child = int(status.parent.name)
                yield child
                if deep:
                    yield from find_children(child)


def make_key(path: Path) -> str:
    """Make a key without a passphrase, and give its public half."""
    run_command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))
    return path.with_suffix(".pub").read_text()


def make_certificates(folder: Path, address: str) -> None:
    """Make an authority, and one certificate of it that serves both sides."""
    folder.mkdir()
    (folder / "more").write_text(f"subjectAltName=IP:{address}\n")
    ca, key, asked = (str(folder / name) for name in ("ca.pem", "key.pem", "asked"))
    new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj")
    run_command(*new, "/CN=test-ca", "-x509", "-keyout", f"{ca}.key", "-out", ca)
    run_command(*new, f"/CN={address}", "-keyout", key, "-out", asked)
    sign = ("openssl", "x509", "-req", "-in", asked, "-CA", ca, "-CAkey", f"{ca}.key")
    more = ("-extfile", str(folder / "more"), "-out", str(folder / "cert.pem"))
    run_command(*sign, "-CAcreateserial", *more)


__all__ = ["NEEDED", "FarHost", "Wires", "find_processes", "find_sshd", "make_key"]
