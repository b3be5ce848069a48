"""The real platform server as a process of its own, its log lines and its answers."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families
from support.services import free_port, wait_until

TOKEN = "a-token-for-tests-only"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
EXITS_WITHIN_S = 12


def environment_for(postgres_url: str, valkey_url: str) -> dict[str, str]:
    """What a platform container is told, for servers given by their URLs."""
    postgres = urlsplit(postgres_url)
    return {
        "INSTANCE_ID": "demo",
        "INSTANCE_NAME": "Demo",
        "PG_HOST": str(postgres.hostname),
        "PG_PORT": str(postgres.port),
        "PG_PASSWORD": str(postgres.password),
        "VALKEY_URL": valkey_url,
        "WB_ADMIN_TOKEN": TOKEN,
    }


class PlatformServer:
    """`python -m wb_cli.server` on a free loopback port."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.port = int(environment.get("PORT", 0)) or free_port()
        # A file, and no pipe: what the server wrote before it answered is there to be read.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the server)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "wb_cli.server"],
            env={**bare_environment(), **environment, "HOST": "127.0.0.1", "PORT": str(self.port)},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=AUTHORIZED, timeout=10
        )

    def metric(self, name: str, **labels: str) -> float | None:
        """The value of one sample of `/metrics`; None where there is no such sample."""
        families = text_string_to_metric_families(self.http.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples]
        return next((s.value for s in samples if (s.name, s.labels) == (name, labels)), None)

    @property
    def lines(self) -> list[str]:
        """Every whole line it has said so far."""
        written = os.pread(self._output.fileno(), os.fstat(self._output.fileno()).st_size, 0)
        return written.decode().split("\n")[:-1]

    @property
    def log(self) -> str:
        """Everything it has said so far."""
        return "\n".join(self.lines)

    def wait_for_line(self, text: str, within: float = 20, times: int = 1) -> None:
        """Until the log holds a text, so many times."""
        wait_until(
            lambda: self.has_exited() or self.log.count(text) >= times, f"log: {text}", within
        )
        assert self.log.count(text) >= times, self.log

    def wait_listening(self) -> "PlatformServer":
        """Until it accepts."""
        self.wait_for_line("[Server] Listening")
        return self

    def wait_status(self, *statuses: str, within: float = 30) -> dict[str, Any]:
        """Until `/health_check` says one of these; its whole answer."""
        try:
            wait_until(lambda: self.health()["status"] in statuses, f"status {statuses}", within)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.health()}\n{self.log}") from error
        return self.health()

    def health(self) -> dict[str, Any]:
        """The answer of `/health_check`, whatever its status."""
        return dict(self.http.get("/health_check").json())

    def json(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        return self.http.get(path).raise_for_status().json()

    def has_exited(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait_exit()

    def wait_exit(self) -> int:
        """The exit code."""
        return self.process.wait(EXITS_WITHIN_S)

    def close(self) -> None:
        """End the process, whatever state it is in."""
        self.http.close()
        if not self.has_exited():
            self.process.kill()
        self.wait_exit()
        self._output.close()


def bare_environment() -> dict[str, str]:
    """The test run's own environment, without what configures a server."""
    kept = ("PATH", "HOME", "LANG", "PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")
    return {name: os.environ[name] for name in kept if name in os.environ}
