"""An upgrade or a rollback that was cut off is ended, and the instance runs as declared then."""

from typing import Any

import pytest
from lifecycle.world import RUNNING, World

from wb_cli.engine.types import State
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.lifecycle.options import RunOptions, Verb
from wb_cli.upgrade.attempts import Attempt, Attempts
from wb_cli.upgrade.attempts import State as Became
from wb_cli.upgrade.settling import settle_and_run
from wb_cli.upgrade.target import Version

OLD = Version("1.6.7", "app:1", "app:1", "sha256:app:1")
NEW = Version("1.7", "app:2", "app:2", "sha256:app:2")
ENTRY: dict[str, Any] = {"id": "demo", "label": "Demo", "port": 9001}
BEGAN = "2026-01-01T00:00:00Z"


class Site:
    """An instance whose upgrade, or the way back of it, was cut off."""

    def __init__(self, world: World, state: Became, declared: Version) -> None:
        self.world = world
        self.said: list[str] = []
        self.entry = self.declare_version(declared)
        self.attempts = Attempts(world.fleet.settings.servers_file, "demo")
        self.attempts.begin(Attempt(OLD, NEW, BEGAN, state=state))

    @staticmethod
    def declare_version(version: Version) -> dict[str, Any]:
        return {**ENTRY, "serverVersion": version.server_version, "image": version.own_image}

    def declare(self, change: Any) -> None:
        self.entry = change(self.entry)

    def settle(self, **how: bool) -> None:
        options = RunOptions(Verb.UPGRADE, 5.0, tell=self.said.append)
        settle_and_run(self.world.fleet, lambda: self.entry, options, self.declare, **how)

    @property
    def platform(self) -> str:
        """The image that the platform runs."""
        (found,) = (each for each in self.world.engine.containers.values() if each.name == "demo")
        return found.spec.image


@pytest.fixture
def upgrading(world: World) -> Site:
    """The new version was declared, and the old one runs still."""
    site = Site(world, Became.UNDER_WAY, NEW)
    world.run(parse_entry(Site.declare_version(OLD)))
    return site


def test_an_upgrade_that_did_not_switch_is_undone_and_the_old_version_runs(upgrading: Site) -> None:
    upgrading.settle()
    assert upgrading.entry["image"] == OLD.own_image
    assert (upgrading.platform, upgrading.world.states()) == (OLD.reference, RUNNING)
    assert upgrading.attempts.read()[-1].state is Became.CUT_OFF


def test_an_upgrade_that_switched_is_finished(upgrading: Site) -> None:
    upgrading.world.run(parse_entry(upgrading.entry))
    upgrading.settle()
    assert (upgrading.entry["image"], upgrading.platform) == (NEW.own_image, NEW.reference)
    assert upgrading.attempts.read()[-1].state is Became.UPGRADED


def test_a_platform_that_was_stopped_for_the_switch_is_started_again(upgrading: Site) -> None:
    engine = upgrading.world.engine
    (platform,) = (each.id for each in engine.containers.values() if each.name == "demo")
    engine.stop(platform, 1)
    upgrading.settle()
    assert (upgrading.platform, upgrading.world.states()) == (OLD.reference, RUNNING)


def test_an_instance_that_was_stopped_since_stays_stopped(upgrading: Site) -> None:
    upgrading.world.stop()
    upgrading.settle()
    assert upgrading.entry["image"] == OLD.own_image
    assert upgrading.world.states() == {}


def test_nothing_is_started_where_nothing_was_cut_off(world: World) -> None:
    site = Site(world, Became.UPGRADED, NEW)
    site.settle()
    assert (world.states(), site.said) == ({}, [])


@pytest.fixture
def going_back(world: World) -> Site:
    """The old version was declared again, and the new one runs still."""
    site = Site(world, Became.GOING_BACK, OLD)
    world.run(parse_entry(Site.declare_version(NEW)))
    return site


def test_a_rollback_that_did_not_switch_is_undone_and_the_new_version_runs(
    going_back: Site,
) -> None:
    going_back.settle()
    assert (going_back.entry["image"], going_back.platform) == (NEW.own_image, NEW.reference)
    assert going_back.attempts.read()[-1].state is Became.UPGRADED
    assert going_back.said == ["a rollback to app:1 was cut off; it was undone"]


def test_a_rollback_that_switched_is_finished(going_back: Site) -> None:
    going_back.world.run(parse_entry(going_back.entry))
    going_back.settle()
    assert (going_back.entry["image"], going_back.platform) == (OLD.own_image, OLD.reference)
    assert going_back.attempts.read()[-1].state is Became.ROLLED_BACK


def test_a_rollback_is_left_to_the_command_that_goes_on_with_it(going_back: Site) -> None:
    going_back.settle(leaves_rollback=True)
    assert going_back.entry["image"] == OLD.own_image
    assert going_back.attempts.read()[-1].state is Became.GOING_BACK
    assert going_back.world.states()["demo"] is State.RUNNING
