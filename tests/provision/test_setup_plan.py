"""The steps that set-up announces for each state of a machine, as text."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from wb_cli.errors import EngineUnreachableError
from wb_cli.instances.local_images import PLATFORM, POSTGRES
from wb_cli.provision.needs import NeededImage
from wb_cli.provision.setup_plan import Machine, plan_setup

READY = Machine(
    engine="Docker Engine 28 at unix:///run/docker.sock",
    problem="",
    remedy="",
    is_absent=False,
    has_engine_installed=True,
    missing_folders=(),
    missing_config=None,
    missing_images=(),
)
BARE = Machine(
    engine="",
    problem="the Docker Engine does not answer: no such file",
    remedy="`wb setup --install-engine` installs it",
    is_absent=True,
    has_engine_installed=False,
    missing_folders=(Path("/data"),),
    missing_config=Path("/etc/wb/config.toml"),
    missing_images=(
        NeededImage("postgres:17.4", POSTGRES),
        NeededImage("stock:1"),
        NeededImage(PLATFORM.tag, PLATFORM),
    ),
)


def in_words(machine: Machine, *, install_engine: bool = True) -> list[str]:
    return [str(step) for step in plan_setup(machine, install_engine=install_engine)]


def test_a_ready_machine_has_nothing_to_do() -> None:
    assert in_words(READY, install_engine=False) == []


def test_a_bare_machine_gets_everything_in_order() -> None:
    assert in_words(BARE) == [
        "install the Docker Engine",
        "start the Docker Engine",
        "create the folder /data",
        "write /etc/wb/config.toml",
        "get the image postgres:17.4 (pull it, else build wb-postgres:17)",
        "get the image stock:1",
        f"build the image {PLATFORM.tag}",
    ]


def test_an_installed_engine_is_only_started() -> None:
    assert in_words(replace(BARE, has_engine_installed=True))[0] == "start the Docker Engine"


def test_an_engine_is_installed_only_if_the_operator_asks() -> None:
    with pytest.raises(EngineUnreachableError, match="does not answer") as failure:
        in_words(BARE, install_engine=False)
    assert "--install-engine" in failure.value.hint


def test_an_engine_that_exists_here_or_elsewhere_is_not_replaced() -> None:
    machine = replace(BARE, is_absent=False, problem="Permission denied", remedy="Run wb as root.")
    with pytest.raises(EngineUnreachableError, match="Permission denied") as failure:
        in_words(machine)
    assert failure.value.hint == "Run wb as root."
