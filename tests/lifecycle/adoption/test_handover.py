"""What is needed to bring older containers back is written down, for its owner alone."""

import stat
from pathlib import Path

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.engine.docker.keeping import Kept
from wb_cli.engine.types import ObservedContainer, ObservedNetwork, Port, State
from wb_cli.errors import WbError
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.lifecycle.adoption import handover
from wb_cli.lifecycle.adoption.handover import Handover

CONTAINER = ObservedContainer(
    "1", "demo", State.RUNNING, "Up", "app:1", "sha256:a", {"a": "b"}, (Port(8000, 9001),)
)
KEPT = Kept("demo", {"Config": {"Env": ["PG_PASSWORD=sesame"]}}, b"archive")
LEFT = Handover(
    {"id": "demo", "port": 9001},
    True,
    (CONTAINER,),
    ObservedNetwork("n", "demo", ("10.0.0.0/29",)),
    {"demo": KEPT.dump()},
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(SETTINGS, secrets_dir=tmp_path / "secrets")


def test_what_was_written_is_read_and_then_forgotten(settings: Settings) -> None:
    assert handover.read(settings, "demo") is None
    assert handover.list_all(settings) == []
    handover.write(settings, LEFT)
    assert handover.read(settings, "demo") == LEFT
    assert handover.list_all(settings) == ["demo"]
    kept = LEFT.load_kept()["demo"]
    assert (kept.configuration, kept.secrets) == (KEPT.configuration, b"archive")
    for _ in range(2):
        handover.remove(settings, "demo")
    assert handover.read(settings, "demo") is None


def test_only_its_owner_may_read_it_and_it_does_not_show_its_secrets(settings: Settings) -> None:
    handover.write(settings, LEFT)
    path = handover.path_of(settings, "demo")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "sesame" not in repr(LEFT)


def test_a_damaged_one_is_named_and_not_taken_for_none(settings: Settings) -> None:
    handover.write(settings, LEFT)
    path = handover.path_of(settings, "demo")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(WbError, match=str(path)) as caught:
        handover.read(settings, "demo")
    assert "backups" in caught.value.hint
