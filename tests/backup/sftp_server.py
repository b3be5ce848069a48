"""A real ssh server that containers reach, for files alone."""

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import docker
from cluster.far_host import find_libraries, find_sshd, make_key
from support.services import wait_until
from support.wb_host import free_ports

# sshd wants a user and a folder of its own, which this machine may not have.
SURROUNDINGS = """
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
mount --bind "$1/passwd" /etc/passwd
shift
exec "$@"
"""
CONFIG = """
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/sshd.pid
Subsystem sftp internal-sftp
ForceCommand internal-sftp
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
"""
USER = "sshd:x:109:65534::/run/sshd:/usr/sbin/nologin\n"


class SftpServer:
    """Serves the files of this machine to whoever has the key."""

    def __init__(self, folder: Path, client: docker.DockerClient) -> None:
        folder.mkdir()
        self.folder = folder
        self.files = folder / "files"
        self.files.mkdir()
        (settings,) = client.networks.get("bridge").attrs["IPAM"]["Config"]
        self.address = str(settings.get("Gateway") or f"{settings['Subnet'].rsplit('.', 1)[0]}.1")
        self.port = free_ports(0)
        self.key, self.known_hosts = folder / "key", folder / "known_hosts"
        (folder / "authorized_keys").write_text(make_key(self.key))
        host_key = make_key(folder / "host_key")
        self.known_hosts.write_text(f"[{self.address}]:{self.port} {host_key}")
        users = Path("/etc/passwd").read_text()
        (folder / "passwd").write_text(users + (USER if "\nsshd:" not in users else ""))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def location(self) -> str:
        """A repository on it, as restic has it."""
        return f"sftp://root@{self.address}:{self.port}/{self.files}/backups"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "WB_BACKUP_SSH_KEY": str(self.key),
            "WB_BACKUP_KNOWN_HOSTS": str(self.known_hosts),
        }

    @property
    def number(self) -> int:
        """The number of the process that takes connections."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        config = self.folder / "sshd_config"
        config.write_text(CONFIG.format(port=self.port, address=self.address, folder=self.folder))
        sshd = find_sshd()
        inside = ["unshare", "--mount", "--propagation", "slave", "sh", "-ec", SURROUNDINGS, "sh"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*inside, str(self.folder), sshd, "-D", "-e", "-f", str(config)],
                stdout=log,
                stderr=log,
                env=find_libraries(sshd),
                start_new_session=True,
            )
        wait_until(self._answers, "the ssh server answers")

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
        with suppress(OSError), socket.create_connection((self.address, self.port), timeout=1):
            return True
        return False

    def cut(self) -> None:
        """End the server with the connections that it has, each of which is a process."""
        assert self._process
        parents = {each: read_parent(each) for each in Path("/proc").glob("[0-9]*")}
        family = {self._process.pid}
        while more := {int(each.name) for each, of in parents.items() if of in family} - family:
            family |= more
        for number in family:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def read_parent(process: Path) -> int:
    """Read the number of a process's parent; 0 if it has ended."""
    with suppress(OSError):
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def is_sshd_there() -> bool:
    return bool(find_sshd() and shutil.which("ssh-keygen"))
