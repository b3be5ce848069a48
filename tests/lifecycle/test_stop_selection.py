"""Which instances a stop means."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace

from wb_cli.engine.types import Observed, ObservedContainer, ObservedNetwork, State
from wb_cli.errors import UsageError, WbError
from wb_cli.host.folders import is_same_path
from wb_cli.instances.registry import Registry, judge
from wb_cli.instances.registry_text import Entry
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


def test_a_registry_file_is_the_same_by_every_path(tmp_path: Path) -> None:
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


def stop(*words: str, registry: Callable[[], Registry] = lambda: REGISTRY) -> list[str]:
    return select_to_stop(words, registry, SETTINGS, ENGINE).ids


def unreadable() -> Registry:
    raise WbError("cannot read the registry file")


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["demo"], ["demo"]),
        (["mali"], ["mali"]),  # declared, and perhaps not running
        (["@west", "demo", "demo"], ["demo", "mali"]),
        (["forgotten"], ["forgotten"]),
        (["theirs"], ["theirs"]),  # named, so meant
        (["only-a-network"], ["only-a-network"]),
        (["all"], ["demo", "forgotten", "mali"]),  # and nobody else's
    ],
)
def test_the_words_mean_what_is_declared_and_what_runs(words: list[str], ids: list[str]) -> None:
    assert stop(*words) == ids


@pytest.mark.parametrize("word", ["unheard-of", "@nowhere", "server=9", "unrelated"])
def test_a_word_that_means_nothing_is_an_error(word: str) -> None:
    with pytest.raises(WbError):
        stop(word, "demo")


@pytest.mark.parametrize(("words", "ids"), [(["demo"], ["demo"]), (["all"], ["demo", "forgotten"])])
def test_what_runs_is_found_though_the_registry_file_cannot_be_read(
    words: list[str], ids: list[str]
) -> None:
    assert stop(*words, registry=unreadable) == ids


def test_a_tag_cannot_be_looked_up_in_a_file_that_cannot_be_read() -> None:
    with pytest.raises(WbError, match="cannot read"):
        stop("@west", registry=unreadable)


NOTHING: Any = type("Nothing", (), {"observe": lambda _: Observed()})()


def test_all_of_nothing_is_nothing() -> None:
    assert select_to_stop(["all"], lambda: Registry(()), SETTINGS, NOTHING) == StopSelection([])


def test_all_of_a_file_that_cannot_be_read_is_not_nothing() -> None:
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
    ("words", "ids", "refused"),
    [
        (["all"], ["demo", "forgotten", "mali"], ["demo", "asleep"]),
        (["@west"], ["demo"], ["demo", "asleep"]),
        (["mali"], ["mali"], []),
        (["demo"], ["demo"], []),  # named, and what runs of it needs no entry
        (["demo", "asleep"], ["demo"], ["asleep"]),
    ],
)
def test_what_runs_is_stopped_and_its_refused_entry_is_named(
    words: list[str], ids: list[str], refused: list[str]
) -> None:
    found = select_to_stop(words, lambda: REFUSED, SETTINGS, ENGINE)
    assert (found.ids, [entry.title for entry in found.refused]) == (ids, refused)


def test_a_refused_entry_of_which_nothing_runs_is_an_error() -> None:
    with pytest.raises(UsageError, match="asleep: the entry is refused"):
        select_to_stop(["asleep"], lambda: REFUSED, SETTINGS, ENGINE)


def test_instances_are_found_by_label_on_containers_and_networks() -> None:
    assert find_instances(ENGINE.observe()) == {"demo", "forgotten", "theirs", "only-a-network"}
    assert find_instances(ENGINE.observe(), ELSEWHERE) == {"theirs"}
