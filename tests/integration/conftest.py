"""Operators' machines on the real engine, and platform images that behave as a test needs."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from conftest import RUN_LABEL
from support.wb_host import Host

from wb_cli import __version__

BASE = f"wb-platform:{__version__}"
# A real server in a real container: it answers, stops on SIGTERM, and does what MODE says.
STAND_IN = r"""
import http.server, os, signal, sys, time
mode = os.environ['MODE']
print('stand-in', mode, flush=True)
if mode == 'exits':
    print('ConfigError: no such dialect', flush=True)
    sys.exit(7)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if mode == 'never-ready' else 200)
        self.end_headers()
        self.wfile.write(mode.encode())
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('', 8000), Handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.serve_forever()
"""

HEALTHCHECKS = {"called-unhealthy": "--interval=1s --retries=1 CMD exit 1"}


@pytest.fixture(scope="session")
def platforms(docker_client: docker.DockerClient, run_id: str) -> Iterator[Callable[[str], str]]:
    """Gives the image of a platform stand-in: `healthy`, `newer`, `exits`, `never-ready`,
    `called-unhealthy` (by its own HEALTHCHECK, though it answers).
    """
    built: dict[str, str] = {}

    def platform(mode: str) -> str:
        if mode not in built:
            built[mode] = f"wb-test-platform-{run_id}:{mode}"
            recipe = "\n".join(
                [
                    f"FROM {BASE}",
                    f"LABEL {RUN_LABEL}={run_id}",
                    f"ENV MODE={mode}",
                    f"HEALTHCHECK {HEALTHCHECKS.get(mode, 'NONE')}",
                    f"ENTRYPOINT {_as_json('python', '-c', STAND_IN)}",
                    "CMD []",
                ]
            )
            docker_client.images.build(
                fileobj=io.BytesIO(recipe.encode()), tag=built[mode], rm=True
            )
        return built[mode]

    yield platform
    for image in built.values():
        docker_client.images.remove(image, force=True)


def _as_json(*words: str) -> str:
    import json

    return json.dumps(words)


@pytest.fixture(scope="session")
def new_host(
    docker_client: docker.DockerClient, run_id: str, platforms: Callable[[str], str]
) -> Callable[[Path], Host]:
    """Makes an operator's machine in a folder."""

    def make(root: Path) -> Host:
        host = Host(root, docker_client, f"{RUN_LABEL}={run_id}", platforms("healthy"))
        host.mount_path.mkdir()
        return host

    return make


@pytest.fixture
def host(new_host: Callable[[Path], Host], tmp_path: Path) -> Iterator[Host]:
    """A machine for one test, on which nothing may be left."""
    made = new_host(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_host(
    new_host: Callable[[Path], Host], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """A machine that a module's tests share."""
    made = new_host(tmp_path_factory.mktemp("host"))
    yield made
    made.close()
