"""Hosts with an engine in memory."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lifecycle.examples import SETTINGS
from lifecycle.world import ADMIN, PLATFORM, POSTGRES, VALKEY, World
from msgspec.structs import replace
from support.fake_engine import FakeEngine

from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.readiness import health, probes


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> SecretStore:
    return SecretStore(tmp_path_factory.mktemp("secrets"))


@pytest.fixture
def new_world(
    secrets: SecretStore, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], World]:
    """Makes hosts that reach no container over the network, so probes run inside containers."""
    unreachable = probes.Answer(probes.Verdict.UNREACHABLE)
    monkeypatch.setattr(probes, "ask_http", lambda *_: unreachable)
    monkeypatch.setattr(health, "EXEC_INTERVAL_S", 0.01)

    def make() -> World:
        engine = FakeEngine([POSTGRES, VALKEY, PLATFORM, ADMIN, "app:2", "pg:2", "vk:2"])
        settings = replace(
            SETTINGS,
            servers_file=tmp_path / "servers.json",
            mount_path=folders,
            postgres_image=POSTGRES,
            valkey_image=VALKEY,
            admin_image="admin:{version}",
        )
        return World(engine, Fleet(engine, settings, secrets))

    return make


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mnt")
    for name in ("databases", "sandbox", "exports", "assets", "valkey_data"):
        (root / "demo" / name).mkdir(parents=True)
    return root


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    return new_world()
