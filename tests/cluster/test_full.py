"""A machine elsewhere is full: wb says what is full and where, and goes on after space is freed."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cluster.far_deployment import FarDeployment, FarSide, make_far_side
from cluster.far_host import FarHost
from cluster.operator import Operator

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
MIB = 1024**2


@pytest.fixture
def side(operator: Operator, far: FarHost) -> FarSide:
    return make_far_side(operator, far)


def fill(disk: Path, but_for: int = 0) -> Callable[[], None]:
    """Fill a disk, but for so many bytes. Give what frees the space again."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb") as file:
        while file.write(bytes(64 * 1024)):
            file.flush()
    with ballast.open("r+b") as file:
        file.truncate(max(0, ballast.stat().st_size - but_for))
    return ballast.unlink


def test_folders_that_do_not_fit_are_named_and_made_after_space_is_freed(
    side: FarSide, far: FarHost
) -> None:
    id_ = side.declare()
    with far.small_disk("/srv/instances", "64k,nr_inodes=4") as disk:
        done = side.wb("init-dirs", id_, exits=ExitCode.FAILURE)
        assert f"cannot create /srv/instances/{id_}/" in done.stderr
        assert "No space left on device" in done.stderr
        assert "on that machine is full" in done.stderr
        made = {path.name for path in (disk / id_).iterdir()}
    with far.small_disk("/srv/instances", "64k"):
        side.wb("init-dirs", id_)
    assert len(made) < 5


def test_a_start_on_a_full_disk_is_refused_and_works_after_space_is_freed(
    side: FarSide, far: FarHost
) -> None:
    with far.small_disk("/srv/instances", "250m") as disk:
        id_ = side.prepare()
        free = fill(disk, but_for=20 * MIB)
        done = side.wb("run", id_, exits=ExitCode.FAILURE)
        assert f"MiB are free at /srv/instances/{id_}/databases" in done.stderr
        assert "free some space" in done.stderr
        assert far.listed(id_) == {}
        free()
        side.wb("run", id_)
        assert set(far.listed(id_).values()) == {"running"}
        side.wb("stop", id_)


def test_a_running_instance_keeps_its_data_on_a_disk_that_fills_up(
    side: FarSide, far: FarHost
) -> None:
    with far.small_disk("/srv/instances", "300m") as disk:
        side.disk = disk
        deployment = FarDeployment(side)
        deployment.start()
        free = fill(disk, but_for=10 * MIB)
        before = far.listed(deployment.id)
        done = side.wb("restart", deployment.id, exits=ExitCode.FAILURE)
        assert "MiB are free at" in done.stderr
        assert far.listed(deployment.id) == before
        free()
        deployment.wb("restart")
        deployment.check_runs()
        deployment.wb("stop")
        deployment.check_gone()


def test_an_engine_without_room_for_a_container_is_named_and_works_after_space_is_freed(
    side: FarSide, far: FarHost
) -> None:
    id_ = side.prepare()
    with far.small_disk(f"{far.folder}/data/containers", "256k") as disk:
        free = fill(disk)
        done = side.wb("run", id_, exits=ExitCode.FAILURE)
        assert f"{far.folder}/data/containers/" in done.stderr
        assert "no space left on device" in done.stderr
        assert "engine's own data is full" in done.stderr
        assert far.listed(id_) == {}
        free()
        side.wb("run", id_)
        side.wb("stop", id_)
        assert far.listed(id_) == {}
