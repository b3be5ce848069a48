"""The machine loses its power: what ran is back by itself, and what was stopped stays stopped.

The engine, its helpers and all containers are killed at once, and what a reboot clears is cleared:
the engine's folder for what runs, its mounts, its bridges. Then the engine starts everything at
once, in an order of its own.
"""

import subprocess

import pytest
from support.fixtures.hosts import hosts_with
from support.own_engine import OwnEngine
from support.services import PLATFORM_IMAGE, wait_until
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults, pytest.mark.usefixtures("on_own_engine")]

RUNNING, STOPPED = 6, 2
BACK_WITHIN_S = 300


@pytest.fixture(scope="module")
def image_of_platforms() -> str:
    """The real platform: it must survive that its database comes later."""
    return PLATFORM_IMAGE


@pytest.fixture(scope="module")
def host(
    own_engine: OwnEngine,
    image_of_platforms: str,
    run_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Host:
    """An operator's machine with no other engine."""
    return hosts_with(image_of_platforms, own_engine.client, run_id)(
        tmp_path_factory.mktemp("host")
    )


@pytest.fixture(scope="module")
def ids(host: Host) -> list[str]:
    """The declared instances; the last ones are to be stopped."""
    return [host.declare() for _ in range(RUNNING + STOPPED)]


@pytest.fixture
def fleet(host: Host, ids: list[str], on_own_engine: None) -> list[str]:
    """Of the instances most run, each with a row of its own, and some were stopped."""
    del on_own_engine
    for id_ in ids:
        if not host.names(id_):
            host.wb("run", id_)
    for id_ in ids[RUNNING:]:
        host.wb("stop", id_)
    for id_ in ids[:RUNNING]:
        host.sql(id_, f"CREATE TABLE IF NOT EXISTS kept AS SELECT '{id_}' AS name")
    return ids


def test_after_a_reboot_the_engine_brings_back_what_ran_and_nothing_else(
    own_engine: OwnEngine, host: Host, fleet: list[str]
) -> None:
    before = {id_: host.ids(id_) for id_ in fleet}
    lose_power(own_engine)
    own_engine.start()
    wait_until(lambda: is_as_it_was(host, fleet), "the fleet", BACK_WITHIN_S)
    assert {id_: host.ids(id_) for id_ in fleet} == before
    assert [host.sql(id_, "TABLE kept") for id_ in fleet[:RUNNING]] == fleet[:RUNNING]
    done = host.json("run", *fleet[:RUNNING])["instances"]
    assert {ended["result"] for ended in done} == {"unchanged"}


def test_if_the_data_was_mounted_too_late_the_unit_s_command_brings_back_what_ran(
    own_engine: OwnEngine, host: Host, fleet: list[str]
) -> None:
    lose_power(own_engine)
    late = host.mount_path.rename(host.root / "not-mounted")
    own_engine.start()
    assert not is_as_it_was(host, fleet)
    late.rename(host.mount_path)
    host.wb("run", "all", "--present")
    wait_until(lambda: is_as_it_was(host, fleet), "the fleet", BACK_WITHIN_S)
    assert [host.sql(id_, "TABLE kept") for id_ in fleet[:RUNNING]] == fleet[:RUNNING]


def lose_power(own_engine: OwnEngine) -> None:
    """Kill everything on the engine's machine, and clear what a reboot clears."""
    own_engine.cut_power()
    for words in (("-F",), ("-X",), ("-t", "nat", "-F"), ("-t", "nat", "-X")):
        subprocess.run(["iptables", "-w", *words], check=True)


def is_as_it_was(host: Host, fleet: list[str]) -> bool:
    """Whether `wb status` shows those running that ran, and those stopped that were stopped."""
    done = host.ran("status", "--json")
    assert done.returncode == ExitCode.OK, done.stderr
    states = {each["id"]: each["state"] for each in host.json("status")["instances"]}
    wanted = dict.fromkeys(fleet[:RUNNING], "running") | dict.fromkeys(fleet[RUNNING:], "stopped")
    return states == wanted
