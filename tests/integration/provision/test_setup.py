"""``wb setup`` and ``wb images build`` on a real engine."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from wb_cli.errors import ExitCode
from wb_cli.instances.local_images import PLATFORM, POSTGRES, RESTIC, VALKEY

pytestmark = pytest.mark.engine

OURS = {
    "WB_POSTGRES_IMAGE": POSTGRES.reference,
    "WB_VALKEY_IMAGE": VALKEY.reference,
    "WB_PLATFORM_IMAGE": PLATFORM.reference,
}
# A registry that refuses at once, so that nothing depends on which ones can be reached.
NOWHERE = "127.0.0.1:1"


@pytest.fixture
def host(tmp_path: Path) -> "Host":
    return Host(tmp_path)


class Host:
    """A machine whose wb has its files in a folder of the test's."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config" / "config.toml"
        self.servers = folder / "data" / "servers.json"
        self.instances = folder / "data" / "instances"
        self._environment = os.environ | {
            "WB_CONFIG_DIR": str(self.config.parent),
            "SERVERS_FILE_PATH": str(self.servers),
            "MOUNT_PATH": str(self.instances),
        }

    def wb(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Run wb; give its exit code, its answer, and its talk."""
        done = subprocess.run(
            [sys.executable, "-m", "wb_cli", *arguments],
            env=self._environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        return done.returncode, done.stdout, done.stderr

    def declare(self, **fields: Any) -> None:
        self.servers.parent.mkdir(parents=True, exist_ok=True)
        entry = {"id": "x", "label": "X", "port": 9000, "serverVersion": "1.6.7", **fields}
        self.servers.write_text(json.dumps([entry]))

    def read_settings(self) -> dict[str, Any]:
        return tomllib.loads(self.config.read_text())


def test_dry_run_announces_and_changes_nothing(host: Host) -> None:
    code, answer, _ = host.wb("setup", "--dry-run", **OURS)
    assert code == ExitCode.OK
    assert f"create the folder {host.instances}" in answer
    assert f"write {host.config}" in answer
    assert not host.config.exists()
    assert not host.instances.exists()


def test_without_a_terminal_to_ask_on_nothing_is_done(host: Host) -> None:
    code, _, talk = host.wb("setup", **OURS)
    assert code == ExitCode.USAGE
    assert "--yes" in talk
    assert not host.config.exists()


def test_setup_makes_folders_and_a_commented_config_and_then_finds_nothing_to_do(
    host: Host,
) -> None:
    assert host.wb("setup", "--yes", **OURS)[0] == ExitCode.OK
    assert host.instances.is_dir()
    assert host.read_settings() == {}
    assert "# postgres_image = " in host.config.read_text()
    written = host.config.stat().st_mtime_ns
    code, answer, talk = host.wb("setup", **OURS)
    assert code == ExitCode.OK
    assert "nothing to do" in answer
    assert talk == "next: `wb config add ID` declares an instance\n"
    assert host.config.stat().st_mtime_ns == written


def test_an_image_that_no_image_registry_gives_is_replaced_by_ours(host: Host) -> None:
    stock = OURS | {"WB_POSTGRES_IMAGE": f"{NOWHERE}/postgres:17"}
    code, answer, talk = host.wb("setup", "--yes", **stock)
    assert code == ExitCode.OK, talk
    assert host.read_settings() == {"postgres_image": POSTGRES.reference}
    assert "environment WB_POSTGRES_IMAGE wins over it" in answer


def test_an_image_that_nothing_can_stand_in_for_fails_alone(host: Host) -> None:
    host.declare(image=f"{NOWHERE}/own:1")
    code, _, talk = host.wb("setup", "--yes", **OURS)
    assert code == ExitCode.PARTIAL
    assert f"{NOWHERE}/own:1" in talk
    assert host.config.exists()


def test_without_an_engine_setup_says_how_to_get_one(host: Host, tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/none.sock"
    code, _, talk = host.wb("setup", "--yes", DOCKER_HOST=nowhere)
    assert code == ExitCode.ENGINE_UNREACHABLE
    code, _, talk = host.wb("setup", "--yes", "--install-engine", DOCKER_HOST=nowhere)
    assert code == ExitCode.ENGINE_UNREACHABLE
    assert nowhere in talk
    assert not host.config.exists()


def test_images_build_makes_wb_use_the_images_that_it_built(host: Host) -> None:
    code, answer, talk = host.wb("images", "build", "--json")
    assert code == ExitCode.OK, talk
    assert {image["image"] for image in json.loads(answer)["images"]} == {
        POSTGRES.tag,
        VALKEY.tag,
        PLATFORM.tag,
        RESTIC.tag,
    }
    assert host.read_settings() == {
        "postgres_image": POSTGRES.reference,
        "valkey_image": VALKEY.reference,
        "platform_image": PLATFORM.reference,
        "restic_image": RESTIC.reference,
    }


def test_images_build_leaves_stock_platforms_as_they_are(host: Host) -> None:
    host.declare()
    code, answer, _ = host.wb("images", "build", "platform")
    assert code == ExitCode.OK
    assert not host.config.exists()
    assert "x would lose the stock image" in answer


def test_an_unknown_recipe_is_a_usage_error_that_names_the_others(host: Host) -> None:
    code, _, talk = host.wb("images", "build", "redis")
    assert code == ExitCode.USAGE
    assert "postgres, valkey, platform" in talk
