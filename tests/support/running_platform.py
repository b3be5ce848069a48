"""What a user of a running instance sees and does, over HTTP."""

import http.client
import json
from pathlib import Path
from typing import Any

from support.services import wait_until
from support.wb_host import Host

WARM_WITHIN_S = 120
SMALL = ("--projects", "1", "--objects", "20", "--rows", "2000", "--seed", "7")


class Platform:
    """One instance's platform."""

    def __init__(self, host: Host, instance: str) -> None:
        self.host, self.instance, self.port = host, instance, host.port(instance)

    def load_sample(self, *arguments: str) -> None:
        """Fill the instance's database; the same arguments give the same data."""
        self.host.wb(
            "exec", self.instance, "python", "-m", "wb_cli.server.sample", *(arguments or SMALL)
        )

    def request(self, method: str, path: str, *, token: str = "") -> tuple[int, bytes]:
        """One request; ``OSError`` or ``HTTPException`` where it was not answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def health(self) -> Any:
        return self.get("/health_check")

    def wait_until_warm(self) -> Any:
        """Wait for the whole warm-up, and give its numbers."""
        wait_until(lambda: self.health()["status"] == "warm", "the warm-up", WARM_WITHIN_S)
        return self.health()["warmUp"]

    def token(self) -> str:
        """The instance's token, from where wb keeps it."""
        file = Path(self.host.environ["WB_SECRETS_DIR"], f"{self.instance}.json")
        return str(json.loads(file.read_text())["adminToken"])

    def objects(self, project: str) -> list[str]:
        return [each["id"] for each in self.get(f"/api/projects/{project}/objects")]

    def logs(self) -> list[str]:
        written: bytes = self.host.container(self.instance).logs()
        return written.decode().splitlines()
