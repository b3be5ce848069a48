"""run and restart keep the site of an instance as it should be, and nobody else's."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lifecycle.world import LOOK, World
from msgspec.structs import replace
from support.web.nginx_stand_in import make_nginx

from wb_cli.errors import ExitCode
from wb_cli.lifecycle.actions import Ending, Result
from wb_cli.lifecycle.sites.actions import SiteEnding, SiteOptions, init_sites
from wb_cli.lifecycle.sites.refresh import list_sites_that_stay

OTHER = replace(LOOK, label="Other")
Act = Callable[..., Result]


@pytest.fixture
def front(world: World, tmp_path: Path) -> Path:
    """The file of an instance's site, on a host with nginx."""
    environ = make_nginx(tmp_path / "nginx")
    world.fleet = replace_settings(world, environ)
    return tmp_path / "nginx" / "available" / "wb-demo.conf"


def replace_settings(world: World, environ: dict[str, str]):
    settings = replace(
        world.fleet.settings,
        domain=environ["DOMAIN"],
        sites_available=Path(environ["SITES_AVAILABLE_PATH"]),
        sites_enabled=Path(environ["SITES_ENABLED_PATH"]),
        nginx_command=environ["WB_NGINX_COMMAND"],
        origins={"domain": "config.toml"},
    )
    return replace(world.fleet, settings=settings)


def put_behind_nginx(world: World) -> None:
    (result,) = init_sites([LOOK], world.fleet.settings, SiteOptions()).results
    assert result.ending is SiteEnding.WRITTEN


@pytest.mark.parametrize("act", [World.run, World.restart])
def test_a_site_that_differs_is_written_once_the_instance_is_ready(
    world: World, front: Path, act: Act
) -> None:
    world.run()
    put_behind_nginx(world)
    result = act(world, OTHER)
    assert "Other" in front.read_text()
    assert result.outcome.site_written
    assert (result.ending, result.exit_code) == (Ending.READY, ExitCode.OK)


def test_another_domain_alone_is_a_change_of_the_site(world: World, front: Path) -> None:
    world.run()
    put_behind_nginx(world)
    settings = replace(world.fleet.settings, nginx_timeout=77)
    world.fleet = replace(world.fleet, settings=settings)
    result = world.run()
    assert result.plan.is_empty
    assert result.ending is Ending.READY
    assert "proxy_read_timeout 77s;" in front.read_text()
    assert world.run().ending is Ending.UNCHANGED


def test_an_instance_without_a_site_gets_none(world: World, front: Path) -> None:
    result = world.run()
    assert not front.exists()
    assert not result.outcome.site_written


def test_somebody_else_s_file_is_left_alone(world: World, front: Path) -> None:
    front.write_text("# mine\n")
    result = world.run()
    assert (front.read_text(), result.exit_code) == ("# mine\n", ExitCode.OK)


def test_a_site_that_cannot_be_written_leaves_the_instance_up_and_degraded(
    world: World, front: Path
) -> None:
    world.run()
    put_behind_nginx(world)
    before = front.read_text()
    neighbour = world.fleet.settings.sites_enabled / "neighbour"
    neighbour.write_text("\nnonsense on;\n")
    result = world.run(OTHER)
    assert (result.ending, result.exit_code) == (Ending.DEGRADED, ExitCode.DEGRADED)
    (note,) = result.outcome.degraded
    assert f"{neighbour}, line 2" in note
    assert "`wb init-nginx demo` tries again" in note
    assert front.read_text() == before
    assert len(world.states()) == 3


def test_without_a_domain_the_site_stays_and_the_instance_is_degraded(
    world: World, front: Path
) -> None:
    world.run()
    put_behind_nginx(world)
    before = front.read_text()
    settings = replace(world.fleet.settings, origins={})
    world.fleet = replace(world.fleet, settings=settings)
    result = world.run()
    assert "no domain is set" in result.outcome.degraded[0]
    assert front.read_text() == before


def test_a_dry_run_says_that_the_site_would_be_written(world: World, front: Path) -> None:
    world.run()
    put_behind_nginx(world)
    before = front.read_text()
    told: list[str] = []
    world.run(OTHER, dry_run=True, tell=told.append)
    assert told == ["its nginx site would be written anew"]
    assert front.read_text() == before


def test_the_sites_that_stay_are_those_of_wb(world: World, front: Path) -> None:
    put_behind_nginx(world)
    settings = world.fleet.settings
    (settings.sites_available / "wb-mine.conf").write_text("# not wb's\n")
    assert list_sites_that_stay(["demo", "mine", "none"], settings) == ["demo"]
    front.unlink()
    assert list_sites_that_stay(["demo"], settings) == []
