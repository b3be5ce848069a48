"""The checks before a start. integration/test_refusals does them on the real engine."""

import os
from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import DEMO, SETTINGS, container, running, spec_of, wanted
from msgspec.structs import replace

from wb_cli.contract import FOLDERS
from wb_cli.engine.types import (
    ImageInfo,
    Observed,
    ObservedContainer,
    ObservedNetwork,
    Port,
    State,
)
from wb_cli.host import folders, listeners, mounts, ports
from wb_cli.host.listeners import Listener
from wb_cli.lifecycle.folders import describe_troubles
from wb_cli.lifecycle.guard.first_start import DataState
from wb_cli.lifecycle.guard.preflight import (
    Preflight,
    PreflightError,
    find_foreign_names,
    refuse_foreign,
)
from wb_cli.lifecycle.machine.here import THIS_MACHINE
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance

HERE = str(SETTINGS.servers_file)


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """All ports of the host are free, except those that a test adds here."""
    taken: set[int] = set()
    monkeypatch.setattr(ports, "is_free", lambda port, _address: port not in taken)
    monkeypatch.setattr(listeners, "read_listeners", lambda _: {})
    return taken


@pytest.fixture
def mount_path(tmp_path: Path) -> Path:
    for name in FOLDERS:
        (tmp_path / "demo" / name).mkdir(parents=True)
    return tmp_path


def preflight(mount_path: Path, observed: Observed | None = None, **facts: Any) -> Preflight:
    settings = replace(SETTINGS, mount_path=mount_path)
    desired = wanted(settings=settings)
    images = {spec.image: ImageInfo("sha256:x") for spec in desired.containers}
    given: dict[str, Any] = {
        "instance": DEMO,
        "settings": settings,
        "desired": desired,
        "observed": observed or Observed(),
        "current": ObservedInstance(images=images),
        "machine": THIS_MACHINE,
    } | facts
    return Preflight(**given)


def problems(mount_path: Path, observed: Observed | None = None, **facts: Any) -> list[str]:
    try:
        preflight(mount_path, observed, **facts).check()
    except PreflightError as error:
        return [problem.message for problem in error.problems if problem.remedy in error.hint]
    return []


def other(**changes: Any) -> ObservedContainer:
    listed = ObservedContainer("id-x", "somebody", State.RUNNING, "Up", "x:1", "sha256:x")
    return replace(listed, **changes)


def test_nothing_is_in_the_way_of_an_instance_with_its_folders(mount_path: Path) -> None:
    assert problems(mount_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_database_that_postgres_cannot_reach_is_a_problem(mount_path: Path) -> None:
    folder = mount_path / "demo" / "databases"
    (folder / "pgdata").mkdir()
    os.chown(folder / "pgdata", 999, 999)
    folder.chmod(0)
    assert problems(mount_path) == [
        f"the folder {folder} is closed to the user who owns the database in it"
    ]


def test_each_missing_image_is_named_with_its_part(mount_path: Path) -> None:
    assert problems(mount_path, current=ObservedInstance()) == [
        "the image postgres:17.4 of postgres is not on this engine",
        "the image valkey/valkey:8 of valkey is not on this engine",
        "the image timroberton/comb:wb-fastr-server-v1.6.7 of platform is not on this engine",
    ]


def test_a_taken_port_is_a_problem(mount_path: Path, free_ports: set[int]) -> None:
    free_ports.add(19001)
    (problem,) = problems(mount_path)
    assert problem.startswith("port 19001 on 127.0.0.1 (postgres) is taken by an outgoing conn")
    assert problem.endswith("may be free again in a minute")


def test_a_taken_port_is_reported_with_the_process_that_has_it(
    mount_path: Path, free_ports: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    free_ports.add(19001)
    listener = Listener(19001, "nginx", 42)
    monkeypatch.setattr(listeners, "read_listeners", lambda _: {19001: listener})
    assert problems(mount_path) == [
        "port 19001 on 127.0.0.1 (postgres) is taken by nginx (process 42)"
    ]
    with pytest.raises(PreflightError) as caught:
        preflight(mount_path).check()
    assert caught.value.hint == "Free it, or choose another: `wb config set demo port=...`."


def test_a_taken_port_is_reported_with_the_container_that_has_it(
    mount_path: Path, free_ports: set[int]
) -> None:
    free_ports.add(9001)
    observed = Observed((other(ports=(Port(80, 9001),)),))
    assert problems(mount_path, observed) == [
        "port 9001 on 127.0.0.1 (platform) is taken by the container somebody"
    ]


def test_an_address_that_this_host_lacks_is_a_problem(
    mount_path: Path, free_ports: set[int]
) -> None:
    free_ports.add(9001)
    settings = replace(SETTINGS, mount_path=mount_path, bind_address="203.0.113.1")
    desired = wanted(settings=settings)
    assert problems(mount_path, settings=settings, desired=desired) == [
        "this host has no address 203.0.113.1 (platform)"
    ]


@pytest.mark.parametrize(
    ("state", "number"),
    [
        (State.RUNNING, 0),
        (State.PAUSED, 0),
        (State.RESTARTING, 0),
        (State.CREATED, 0),
        (State.EXITED, 1),
    ],
)
def test_a_taken_port_is_no_problem_if_the_instance_s_own_container_has_it_or_starts(
    mount_path: Path, free_ports: set[int], state: State, number: int
) -> None:
    free_ports.add(9001)
    current = running(wanted(), container(spec_of(wanted(), "demo"), state=state))
    assert len(problems(mount_path, current=current)) == number


def test_a_port_that_a_crash_loop_of_the_instance_takes_meanwhile_is_no_problem(
    mount_path: Path, free_ports: set[int]
) -> None:
    """The engine lists no ports of a container that it is about to start again."""
    free_ports.add(9001)
    looping = container(spec_of(wanted(), "demo"), state=State.RESTARTING, ports=())
    assert problems(mount_path, current=running(wanted(), looping)) == []


@pytest.mark.parametrize(
    ("mounted", "is_refused"),
    [
        ("demo/databases", True),
        ("demo/valkey_data", True),
        ("demo", True),
        ("", True),
        ("demo/databases/pgdata", True),
        ("demo/sandbox", False),
        ("demo-2/databases", False),
    ],
)
def test_a_data_folder_has_one_writer(mount_path: Path, mounted: str, is_refused: bool) -> None:
    observed = Observed((other(writes_to=(str(mount_path / mounted),)),))
    assert bool(problems(mount_path, observed)) is is_refused


@pytest.mark.parametrize(("state", "is_refused"), [(State.PAUSED, True), (State.EXITED, False)])
def test_a_paused_container_counts_as_a_writer(
    mount_path: Path, state: State, is_refused: bool
) -> None:
    writer = other(state=state, writes_to=(str(mount_path / "demo" / "databases"),))
    assert bool(problems(mount_path, Observed((writer,)))) is is_refused


def test_a_writer_that_uses_another_path_to_the_folder_counts(
    mount_path: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(mount_path / "demo" / "databases")
    assert problems(mount_path, Observed((other(writes_to=(str(link),)),)))


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.EXITED},
        {"name": "demo-postgres", "labels": {"wb.instance": "demo", "wb.role": "postgres"}},
        {"name": "demo-postgres-previous", "labels": {"wb.instance": "demo"}},
    ],
)
def test_an_ended_container_and_the_instance_s_own_may_have_the_folder(
    mount_path: Path, changes: dict[str, Any]
) -> None:
    writer = other(writes_to=(str(mount_path / "demo" / "databases"),), **changes)
    assert problems(mount_path, Observed((writer,))) == []


@pytest.mark.parametrize("state", [State.RUNNING, State.EXITED])
def test_a_renamed_container_of_wb_is_refused_and_the_hint_gives_its_name_back(
    mount_path: Path, state: State
) -> None:
    """It counts even if it is down, because the engine may start it again at any time."""
    folder = str(mount_path / "demo" / "databases")
    labels = {"wb.instance": "demo", "wb.role": "postgres"}
    renamed = other(name="foo", state=state, writes_to=(folder,), labels=labels)
    with pytest.raises(PreflightError) as caught:
        preflight(mount_path, Observed((renamed,))).check()
    assert "foo" in caught.value.message
    assert "`docker rename foo demo-postgres`" in caught.value.hint


def test_a_container_that_was_only_created_has_the_folder(mount_path: Path) -> None:
    """Its start may be under way."""
    folder = str(mount_path / "demo" / "valkey_data")
    assert problems(mount_path, Observed((other(state=State.CREATED, writes_to=(folder,)),)))


def test_a_file_in_place_of_a_folder_is_a_problem(mount_path: Path) -> None:
    (mount_path / "demo" / "assets").rmdir()
    (mount_path / "demo" / "assets").write_text("")
    assert problems(mount_path) == [f"{mount_path}/demo/assets is not a folder"]


def test_a_full_disk_is_a_problem(mount_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "count_free_bytes", lambda _: 5 * 1024**2)
    assert problems(mount_path) == [f"only 5.0 MiB are free at {mount_path}/demo/databases"]


def test_a_read_only_disk_is_a_problem(mount_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "is_read_only", lambda _: True)
    assert problems(mount_path) == [f"the disk of {mount_path}/demo/databases is read-only"]


def test_this_host_is_not_checked_if_the_engine_is_elsewhere(
    mount_path: Path, free_ports: set[int]
) -> None:
    free_ports.add(9001)
    (mount_path / "demo").rename(mount_path / "moved")
    assert problems(mount_path, machine=None) == []


def test_each_remedy_is_given_once(mount_path: Path) -> None:
    for name in FOLDERS:
        (mount_path / "demo" / name).rmdir()
        (mount_path / "demo" / name).touch()
    settings = replace(SETTINGS, mount_path=mount_path)
    with pytest.raises(PreflightError) as caught:
        Preflight(
            DEMO, settings, wanted(), Observed(), running(wanted()), machine=THIS_MACHINE
        ).check()
    assert len(caught.value.problems) == 5
    assert caught.value.hint.count("wb init-dirs demo") == 1


def test_each_of_several_problems_has_a_line_with_its_remedy(
    mount_path: Path, free_ports: set[int]
) -> None:
    for name in FOLDERS[:2]:
        (mount_path / "demo" / name).rmdir()
    settings = replace(SETTINGS, mount_path=mount_path)
    images = {spec.image: ImageInfo("sha256:x") for spec in wanted().containers}
    there = ObservedInstance(images=images)
    free_ports.update((9001, 19001))
    with pytest.raises(PreflightError) as caught:
        Preflight(DEMO, settings, wanted(), Observed(), there, machine=THIS_MACHINE).check()
    folders, ports = caught.value.details
    assert folders.startswith("folders are missing in ")
    assert folders.endswith(": databases, sandbox. `wb init-dirs demo` creates what is missing.")
    assert ports.startswith("port 19001 on 127.0.0.1 (postgres) is taken by an outgoing connection")
    assert "; port 9001 on 127.0.0.1 (platform) is taken by" in ports
    assert "Try again, or choose another: `wb config set demo port=...`." in ports
    assert ports.endswith("`wb doctor demo` says how the kernel leaves it free.")
    assert caught.value.overview == "demo was left as it is: 3 things are in the way"


def test_a_container_with_an_instance_s_name_but_without_its_label_is_foreign() -> None:
    ours = {"wb.instance": "demo"}
    observed = Observed(
        (
            other(name="demo"),
            other(name="demo-postgres", labels=ours),
            other(name="demo-valkey", labels={"wb.instance": "another"}),
            other(name="demo-previous"),
            other(name="unrelated"),
        ),
        (ObservedNetwork("n", "demo"), ObservedNetwork("m", "demo", labels=ours)),
    )
    assert find_foreign_names("demo", observed) == [
        ("running container", "demo"),
        ("running container", "demo-valkey"),
        ("network", "demo"),
    ]
    with pytest.raises(PreflightError, match="a running container named demo is there"):
        refuse_foreign("demo", observed, HERE)
    refuse_foreign("unrelated-too", observed, HERE)


def test_an_instance_of_another_registry_file_is_foreign() -> None:
    elsewhere = {"wb.instance": "demo", "wb.registry": "/else/servers.json"}
    here = elsewhere | {"wb.registry": HERE}
    network = ObservedNetwork("n", "demo", labels=elsewhere)
    with pytest.raises(PreflightError, match=r"belongs to the registry file /else/servers.json"):
        refuse_foreign("demo", Observed((other(name="demo", labels=elsewhere),)), HERE)
    with pytest.raises(PreflightError, match="belongs to the registry file"):
        refuse_foreign("demo", Observed((), (network,)), HERE)
    refuse_foreign("demo", Observed((other(name="demo", labels=here),)), HERE)
    refuse_foreign("demo", Observed((other(name="demo", labels=elsewhere),)), "/else/servers.json")


@pytest.fixture
def unmounted(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The places that fstab has and that are not mounted: none, unless a test adds one."""
    kept: set[str] = set()
    monkeypatch.setattr(mounts, "read_kept_mounts", lambda: kept)
    return kept


@pytest.mark.usefixtures("unmounted")
def test_an_instance_that_never_ran_needs_no_folders_yet(tmp_path: Path) -> None:
    assert problems(tmp_path, data=DataState.NEW) == []
    assert len(problems(tmp_path, data=DataState.THERE)) == 1


@pytest.mark.parametrize(("origin", "count"), [("default", 0), ("config.toml", 1)])
@pytest.mark.usefixtures("unmounted")
def test_only_a_mount_path_that_nobody_chose_may_be_missing(
    tmp_path: Path, origin: str, count: int
) -> None:
    checks = preflight(tmp_path / "absent", data=DataState.NEW)
    settings = replace(checks.settings, origins={"mount_path": origin})
    found = replace(checks, settings=settings).find_problems()
    assert len(found) == count
    assert all(f"`mkdir -p {tmp_path}/absent`" in problem.remedy for problem in found)


def test_the_volume_of_an_instance_whose_folder_is_gone_is_named(
    tmp_path: Path, unmounted: set[str]
) -> None:
    (problem,) = preflight(tmp_path, data=DataState.LOST).find_problems()
    assert problem.message == f"demo was started before, and its folder {tmp_path}/demo is gone"
    assert f"may not be mounted (probably {tmp_path})" in problem.remedy
    assert "`wb init-dirs demo` makes empty folders" in problem.remedy
    unmounted.add(f"{tmp_path}/demo")
    (problem,) = preflight(tmp_path, data=DataState.LOST).find_problems()
    assert f"`mount {tmp_path}/demo`" in problem.remedy


@pytest.mark.parametrize("data", [DataState.NEW, DataState.LOST])
def test_nothing_is_made_below_a_volume_that_is_not_mounted(
    tmp_path: Path, unmounted: set[str], data: DataState
) -> None:
    unmounted.add(str(tmp_path))
    (problem,) = preflight(tmp_path, data=data).find_problems()
    assert problem.message == f"the volume {tmp_path} is not mounted, and {tmp_path} lies in it"


def test_missing_folders_are_one_phrase_and_one_alone_has_its_path(tmp_path: Path) -> None:
    assert [what for what, _ in describe_troubles(tmp_path)] == [
        f"folders are missing in {tmp_path}: {', '.join(FOLDERS)}"
    ]
    for name in FOLDERS[1:]:
        (tmp_path / name).mkdir()
    (tmp_path / FOLDERS[-1]).rmdir()
    (tmp_path / FOLDERS[-1]).write_text("")
    assert [what for what, _ in describe_troubles(tmp_path)] == [
        f"the folder {tmp_path}/{FOLDERS[0]} is missing",
        f"{tmp_path}/{FOLDERS[-1]} is not a folder",
    ]
