"""A real registry on loopback, with a folder of its own."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.services import free_port, speaks, wait_until

CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}/storage}}
http: {{addr: "{host}"}}
"""


class LocalRegistry:
    """Debian's docker-registry, started for one test and ended with it."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("docker-registry")
        assert program, "Debian's package docker-registry is missing; `make test` unpacks it"
        self.folder = folder
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        config = folder / "registry.yml"
        config.write_text(CONFIG.format(folder=folder, host=self.host))
        with (folder / "registry.log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, "serve", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def __enter__(self) -> Self:
        request = b"GET /v2/ HTTP/1.0\r\n\r\n"
        wait_until(lambda: speaks(self.port, request, b"HTTP/1.0 200"), "the registry", 20)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.resume()
        self._process.kill()
        self._process.wait()

    def fall_silent(self) -> None:
        """Accept connections, and answer none."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again."""
        os.kill(self._process.pid, signal.SIGCONT)

    def cut_largest_layer(self) -> None:
        """Keep half of a layer, as a full disk or a broken link does."""
        blob = max(self.folder.glob("storage/**/blobs/**/data"), key=lambda p: p.stat().st_size)
        shutil.copyfile(blob, self.folder / "whole")
        os.truncate(blob, blob.stat().st_size // 2)
        self._cut = blob

    def mend_layer(self) -> None:
        """Have the cut layer whole again."""
        shutil.copyfile(self.folder / "whole", self._cut)


def push(client: Any, reference: str) -> None:
    """Push an image; what the registry says against it is raised."""
    for event in client.api.push(reference, stream=True, decode=True):
        assert "error" not in event, event
