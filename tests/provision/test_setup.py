"""Making a machine ready, with engines in memory."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from support.fake_engine import FakeEngine
from support.fake_images import FakeImages

from wb_cli.errors import EngineUnreachableError, WbError
from wb_cli.instances.host_settings.settings import load
from wb_cli.instances.local_images import POSTGRES, VALKEY
from wb_cli.instances.model import Instance
from wb_cli.provision.recipes import BASE
from wb_cli.provision.setup import Setup
from wb_cli.provision.setup_plan import plan_setup

FAR_PLATFORM = "registry:5000/app:1"
INSTANCE = Instance("demo", "Demo", 9001, "1.6.7", image=FAR_PLATFORM)


class LocalEngine(FakeEngine):
    """An engine in memory, on this machine."""

    is_local = True


@pytest.fixture
def images() -> FakeImages:
    images = FakeImages()
    images.have(BASE)
    for reference in ("postgres:17.4", "valkey/valkey:8", FAR_PLATFORM):
        images.publish(reference)
    return images


@pytest.fixture
def machine(images: FakeImages, tmp_path: Path) -> Setup:
    environment = {
        "WB_CONFIG_DIR": str(tmp_path / "config"),
        "SERVERS_FILE_PATH": str(tmp_path / "registry" / "servers.json"),
        "MOUNT_PATH": str(tmp_path / "instances"),
    }
    return Setup(load({}, environment), (INSTANCE,), lambda: LocalEngine([]), lambda: images)


def done(machine: Setup) -> dict[str, str]:
    """Set the machine up. Give the remark or error of each step."""
    steps = plan_setup(machine.look(), install_engine=False)
    return {
        str(step): outcome.message if isinstance(outcome, WbError) else outcome
        for step, outcome in machine.do(steps, lambda *_: None)
    }


def test_a_machine_gets_folders_and_a_config_and_images_and_is_then_ready(
    machine: Setup, images: FakeImages, tmp_path: Path
) -> None:
    assert set(done(machine).values()) == {""}
    assert (tmp_path / "instances").is_dir()
    assert (tmp_path / "registry").is_dir()
    assert (tmp_path / "config" / "config.toml").is_file()
    assert {"postgres:17.4", "valkey/valkey:8", FAR_PLATFORM} <= set(images.local)
    assert plan_setup(machine.look(), install_engine=False) == ()


def test_for_an_engine_elsewhere_images_are_got_there_and_no_mount_path_is_made_here(
    machine: Setup, images: FakeImages, tmp_path: Path
) -> None:
    elsewhere = replace(machine, open_engine=lambda: FakeEngine([]))
    assert set(done(elsewhere).values()) == {""}
    assert not (tmp_path / "instances").exists()
    assert FAR_PLATFORM in images.local
    assert plan_setup(elsewhere.look(), install_engine=False) == ()


def test_an_image_that_no_registry_has_is_built_and_wb_is_set_to_use_it(
    machine: Setup, images: FakeImages
) -> None:
    del images.registry["postgres:17.4"], images.registry["valkey/valkey:8"]
    said = "; ".join(done(machine).values())
    assert {POSTGRES.tag, VALKEY.tag} <= set(images.local)
    assert f"postgres_image is now {POSTGRES.reference}" in said


def test_an_image_that_cannot_be_replaced_fails_alone(machine: Setup, images: FakeImages) -> None:
    del images.registry[FAR_PLATFORM]
    ended = done(machine)
    assert ended[f"get the image {FAR_PLATFORM}"] == f"manifest for {FAR_PLATFORM} not found"
    assert {"postgres:17.4", "valkey/valkey:8"} <= set(images.local)


def test_an_engine_that_does_not_answer_is_reported_with_the_reason(
    images: FakeImages, machine: Setup
) -> None:
    def no_engine() -> FakeEngine:
        raise EngineUnreachableError("the Docker Engine does not answer: no such file")

    found = Setup(machine.settings, (INSTANCE,), no_engine, lambda: images).look()
    assert (found.engine, found.problem) == ("", "the Docker Engine does not answer: no such file")
    assert len(found.missing_images) == 3
