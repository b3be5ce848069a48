"""What an older tool left running is told in one line, with the command that takes it over."""

from pathlib import Path

from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace
from support.fake_engine import FakeEngine

from wb_cli.contract import Part
from wb_cli.engine.types import (
    ContainerSpec,
    NetworkSpec,
    Observed,
    ObservedContainer,
    State,
)
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.adoption import handover
from wb_cli.lifecycle.adoption.handover import Handover
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.observe.status.look import look_at_all
from wb_cli.observe.status.reasons import describe_older
from wb_cli.observe.status.survey import Survey

IMAGE = "x:1"


class Older(FakeEngine):
    """An engine with instances of an older tool, and how often it was asked about a container."""

    asked = 0

    def __init__(self, *ids: str) -> None:
        super().__init__([IMAGE])
        network = self.create_network(NetworkSpec("any", "10.0.0.0/29", {}))
        for id_ in ids:
            environment = {"INSTANCE_ID": id_ if id_ != "shop" else "another"}
            for part in (Part.POSTGRES, Part.PLATFORM):
                spec = ContainerSpec(id_, part, IMAGE, environment=environment)
                self.start(self.create_container(spec, network))

    def observe(self) -> Observed:
        return Observed(tuple(_undress(c) for c in super().observe().containers))

    def read_configuration(self, container: str) -> object:  # type: ignore[override]
        self.asked += 1
        return super().read_configuration(container)


def _undress(container: ObservedContainer) -> ObservedContainer:
    return replace(container, labels={}, state=State.RUNNING)


def survey(engine: FakeEngine, tmp_path: Path) -> Survey:
    settings = replace(SETTINGS, secrets_dir=tmp_path)
    return Survey(Fleet(engine, settings, SecretStore(tmp_path)), [DEMO], orphans=True)


def test_what_no_entry_declares_is_found_and_a_neighbours_is_not(tmp_path: Path) -> None:
    engine = Older("demo", "mali", "niger", "shop")
    assert survey(engine, tmp_path).find_older() == ["mali", "niger"]
    assert engine.asked == 3  # demo is declared, and its line names `wb adopt`


def test_an_engine_without_strangers_is_not_asked(tmp_path: Path) -> None:
    engine = Older()
    assert survey(engine, tmp_path).find_older() == []
    assert engine.asked == 0


def test_a_takeover_that_was_interrupted_is_told_with_the_command_that_ends_it(
    tmp_path: Path,
) -> None:
    for id_ in ("demo", "mali"):
        settings = replace(SETTINGS, secrets_dir=tmp_path)
        handover.write(settings, Handover({"id": id_}, True, (), None, {}))
    found = survey(Older(), tmp_path)
    assert found.find_older() == ["mali"]
    (demo,) = look_at_all(found)
    assert demo.notes[0] == "its takeover was interrupted; `wb adopt demo` ends it"


def test_the_line_names_the_command() -> None:
    assert describe_older(["mali"]) == (
        "An older tool left mali; `wb adopt mali --dry-run` shows how wb takes over"
    )
    many = [f"id{number}" for number in range(8)]
    assert describe_older(many) == (
        "An older tool left id0, id1, id2, id3, id4 and 3 more; "
        "`wb adopt` shows what wb can take over"
    )
