"""A real server of restic's REST protocol, which asks for a name and a password."""

import shutil
import socket
import subprocess
from pathlib import Path

import docker
from support.services import wait_until
from support.wb_host import free_ports

NAME, PASSWORD = "keeper", "quiet-word"


class RestServer:
    """Serves a folder of this machine to whoever has the password."""

    def __init__(self, folder: Path, client: docker.DockerClient) -> None:
        folder.mkdir()
        self.files = folder
        (settings,) = client.networks.get("bridge").attrs["IPAM"]["Config"]
        self._address = settings.get("Gateway") or f"{settings['Subnet'].rsplit('.', 1)[0]}.1"
        self._port = free_ports(0)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def location(self) -> str:
        return f"rest:http://{self._address}:{self._port}/"

    @property
    def environ(self) -> dict[str, str]:
        """What an operator sets to reach it."""
        return {
            "WB_BACKUP_REPOSITORY": self.location,
            "RESTIC_REST_USERNAME": NAME,
            "RESTIC_REST_PASSWORD": PASSWORD,
        }

    def start(self) -> None:
        assert shutil.which("rclone"), "rclone is missing"
        command = ["rclone", "serve", "restic", "--addr", f"{self._address}:{self._port}"]
        command += ["--user", NAME, "--pass", PASSWORD, "--config", "/dev/null", str(self.files)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._listens, "the REST server")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self._address, self._port)) == 0
