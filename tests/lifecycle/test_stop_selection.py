"""Which instances a stop selects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace

from wb_cli.engine.types import Observed, ObservedContainer, ObservedNetwork, State
from wb_cli.errors import UsageError, WbError
from wb_cli.host.folders import is_same_path
from wb_cli.instances.registry_file.registry import Registry, judge
from wb_cli.instances.registry_file.text import Entry
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.guard.preflight import find_foreign
from wb_cli.lifecycle.stop_selection import StopSelection, find_instances, select_to_stop

HERE, ELSEWHERE = str(SETTINGS.servers_file), "/somebody/else.json"


def running(id_: str, registry: str = HERE) -> ObservedContainer:
    labels = {"wb.instance": id_, "wb.registry": registry}
    return ObservedContainer(f"c-{id_}", id_, State.RUNNING, "Up", "x", "y", labels=labels)


class Engine:
    def __init__(self, *containers: ObservedContainer) -> None:
        network = ObservedNetwork("n", "only-a-network", (), {"wb.instance": "only-a-network"})
        self.observed = Observed((*containers, replace(DOCKERS, id="x")), (network,))

    def observe(self) -> Observed:
        return self.observed


DOCKERS = ObservedContainer("d", "unrelated", State.RUNNING, "Up", "x", "y")
ENGINE: Any = Engine(running("demo"), running("forgotten"), running("theirs", ELSEWHERE))
REGISTRY = Registry((DEMO, replace(DEMO, id="mali", port=9002, tags=("west",))))


def test_a_registry_file_is_the_same_under_every_path(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    file = tmp_path / "srv" / "servers.json"
    file.write_text("[]")
    (tmp_path / "link.json").symlink_to(file)
    (tmp_path / "folder").symlink_to(tmp_path / "srv")
    paths: list[Any] = [
        file,
        tmp_path / "link.json",
        tmp_path / "folder/servers.json",
        f"{file.parent}/../srv/servers.json",
    ]
    assert all(is_same_path(str(file), str(path)) for path in paths)
    assert not is_same_path(str(file), str(tmp_path / "srv" / "other.json"))
    observed = Observed((running("demo", str(file)),))
    for path in paths:
        assert find_instances(observed, str(path)) == {"demo"}
        assert find_foreign("demo", observed, str(path)) == []
        nothing: Any = None
        fleet = Fleet(ENGINE, replace(SETTINGS, servers_file=Path(path)), nothing)
        assert fleet.locks == file.parent / "locks"


def stop(*selectors: str, registry: Callable[[], Registry] = lambda: REGISTRY) -> list[str]:
    return select_to_stop(selectors, registry, SETTINGS, ENGINE).ids


def unreadable() -> Registry:
    raise WbError("cannot read the registry file")


@pytest.mark.parametrize(
    ("selectors", "ids"),
    [
        (["demo"], ["demo"]),
        (["mali"], ["mali"]),  # it is declared, and may run or not
        (["@west", "demo", "demo"], ["demo", "mali"]),
        (["forgotten"], ["forgotten"]),
        (["theirs"], ["theirs"]),  # it belongs to another registry file, but it is named
        (["only-a-network"], ["only-a-network"]),
        (["all"], ["demo", "forgotten", "mali"]),  # without those of another registry file
    ],
)
def test_selectors_select_declared_and_running_instances(
    selectors: list[str], ids: list[str]
) -> None:
    assert stop(*selectors) == ids


@pytest.mark.parametrize("word", ["unheard-of", "@nowhere", "server=9", "unrelated"])
def test_a_selector_that_matches_nothing_is_an_error(word: str) -> None:
    with pytest.raises(WbError):
        stop(word, "demo")


@pytest.mark.parametrize(
    ("selectors", "ids"), [(["demo"], ["demo"]), (["all"], ["demo", "forgotten"])]
)
def test_running_instances_are_selected_even_if_the_registry_file_cannot_be_read(
    selectors: list[str], ids: list[str]
) -> None:
    assert stop(*selectors, registry=unreadable) == ids


def test_a_tag_cannot_be_looked_up_in_a_file_that_cannot_be_read() -> None:
    with pytest.raises(WbError, match="cannot read"):
        stop("@west", registry=unreadable)


NOTHING: Any = type("Nothing", (), {"observe": lambda _: Observed()})()


def test_all_selects_nothing_if_nothing_is_declared_or_runs() -> None:
    assert select_to_stop(["all"], lambda: Registry(()), SETTINGS, NOTHING) == StopSelection([])


def test_all_is_an_error_if_the_registry_file_cannot_be_read() -> None:
    with pytest.raises(WbError, match="cannot read"):
        select_to_stop(["all"], unreadable, SETTINGS, NOTHING)


REFUSED = judge(
    [
        Entry.of({"id": "demo", "port": "9100", "tags": ["west"]}),
        Entry.of({"id": "asleep", "port": "9101", "tags": ["west"]}),
        Entry.of({"id": "mali", "label": "Mali", "port": 9002, "serverVersion": "1"}),
    ]
)


@pytest.mark.parametrize(
    ("selectors", "ids", "refused"),
    [
        (["all"], ["demo", "forgotten", "mali"], ["demo", "asleep"]),
        (["@west"], ["demo"], ["demo", "asleep"]),
        (["mali"], ["mali"], []),
        (["demo"], ["demo"], []),  # it runs, and a running instance needs no entry
        (["demo", "asleep"], ["demo"], ["asleep"]),
    ],
)
def test_a_running_instance_is_selected_and_its_refused_entry_is_named(
    selectors: list[str], ids: list[str], refused: list[str]
) -> None:
    found = select_to_stop(selectors, lambda: REFUSED, SETTINGS, ENGINE)
    assert (found.ids, [entry.title for entry in found.refused]) == (ids, refused)


def test_a_refused_entry_without_containers_is_an_error() -> None:
    with pytest.raises(UsageError, match="asleep: the entry is refused"):
        select_to_stop(["asleep"], lambda: REFUSED, SETTINGS, ENGINE)


def test_instances_are_found_by_label_on_containers_and_networks() -> None:
    assert find_instances(ENGINE.observe()) == {"demo", "forgotten", "theirs", "only-a-network"}
    assert find_instances(ENGINE.observe(), ELSEWHERE) == {"theirs"}
