"""The current containers of an instance, and the errors where there is none."""

import pytest
from lifecycle.examples import DEMO, SETTINGS
from support.fake_engine import FakeEngine

from wb_cli.contract import Part
from wb_cli.engine.types import ContainerSpec, NetworkSpec
from wb_cli.errors import UsageError
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.observe.current_parts import find_container, find_containers

MINE = {"wb.registry": str(SETTINGS.servers_file)}
DECLARED = Registry((DEMO,))


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine(["x:1"])
    made.create_network(NetworkSpec("demo", "10.0.0.0/29", MINE))
    return made


def add(engine: FakeEngine, part: Part, name: str = "") -> str:
    spec = ContainerSpec("demo", part, "x:1", labels=MINE)
    id_ = engine.create_container(spec, next(iter(engine.networks)))
    if name:
        engine.rename(id_, name)
    return id_


def test_the_container_of_a_part_is_the_current_one(engine: FakeEngine) -> None:
    add(engine, Part.PLATFORM, "demo-previous")
    current = add(engine, Part.PLATFORM)
    assert find_container(engine, "demo", Part.PLATFORM, Registry).id == current


def test_without_a_part_all_that_are_there_are_found_in_the_order_of_starting(
    engine: FakeEngine,
) -> None:
    for part in (Part.PLATFORM, Part.POSTGRES):
        add(engine, part)
    found = find_containers(engine, "demo", [], Registry)
    assert list(found) == [Part.POSTGRES, Part.PLATFORM]
    assert list(find_containers(engine, "demo", [Part.POSTGRES], Registry)) == [Part.POSTGRES]


def test_an_absent_part_and_an_absent_instance_have_different_errors(engine: FakeEngine) -> None:
    with pytest.raises(UsageError, match="demo has no valkey container") as caught:
        find_container(engine, "demo", Part.VALKEY, lambda: DECLARED)
    assert "`wb run demo` starts it" in caught.value.hint
    with pytest.raises(UsageError, match='there is no instance "demmo"') as caught:
        find_container(engine, "demmo", Part.VALKEY, lambda: DECLARED)
    assert caught.value.hint == "Did you mean demo?"
    add(engine, Part.PLATFORM)
    with pytest.raises(UsageError, match="demo has no valkey container"):
        find_container(engine, "demo", Part.VALKEY, Registry)


def test_an_instance_without_containers_does_not_run(engine: FakeEngine) -> None:
    with pytest.raises(UsageError, match="demo has no containers, so it does not run") as caught:
        find_containers(engine, "demo", [], lambda: DECLARED)
    assert "`wb run demo` starts it" in caught.value.hint


def test_the_hint_says_how_to_declare_an_admin_server_that_is_not_declared(
    engine: FakeEngine,
) -> None:
    add(engine, Part.PLATFORM)
    with pytest.raises(UsageError, match="demo has no admin container") as caught:
        find_container(engine, "demo", Part.ADMIN, lambda: DECLARED)
    assert "`wb config set demo adminVersion=...` declares one." in caught.value.hint


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("all", "all names several instances", "Name one id, such as: demo."),
        ("@west", "@west names several instances", "Name one id, such as: demo."),
        ("server=1", "server=1 names several instances", "Name one id, such as: demo."),
        ("demo,mali", "demo,mali names several instances", "Name one id, such as: demo."),
        ("de*", r"de\* names several instances", "Name one id, such as: demo."),
        ("demo-valkey", "demo-valkey is a container of demo", "`wb logs demo valkey`"),
    ],
)
def test_a_word_for_several_instances_or_for_a_container_is_refused(
    engine: FakeEngine, word: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        find_container(engine, word, Part.PLATFORM, lambda: DECLARED)
    assert hint in caught.value.hint
