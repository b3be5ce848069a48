"""An instance stays declared while it has containers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wb_cli.engine.types import LABEL_INSTANCE, LABEL_REGISTRY, Observed, ObservedContainer, State
from wb_cli.errors import EngineUnreachableError, UsageError
from wb_cli.instances.host_settings import settings as settings_module
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.refused import RefusedEntry
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.lifecycle.guard.declared import find_undeclared, refuse_move, refuse_while_present


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environ = {"WB_CONFIG_DIR": str(tmp_path)}
    return settings_module.load({"servers_file": str(tmp_path / "servers.json")}, environ)


def engine_with(name: str, registry_file: Path) -> Any:
    """An engine that lists one stopped container of the instance demo."""
    labels = {LABEL_INSTANCE: "demo", LABEL_REGISTRY: str(registry_file)}
    container = ObservedContainer("1", name, State.EXITED, "", "", "", labels=labels)
    return SimpleNamespace(observe=lambda: Observed((container,)))


def test_an_instance_with_containers_is_refused(settings: Settings) -> None:
    with pytest.raises(UsageError, match="demo has containers: demo-postgres") as caught:
        refuse_while_present(
            "demo", settings, lambda: engine_with("demo-postgres", settings.servers_file)
        )
    assert caught.value.hint == "Stop it first: `wb stop demo`."


def test_containers_of_another_instance_or_registry_file_are_no_reason(settings: Settings) -> None:
    elsewhere = settings.servers_file.with_name("other.json")
    refuse_while_present("demo", settings, lambda: engine_with("demo-postgres", elsewhere))
    refuse_while_present("mali", settings, lambda: engine_with("demo", settings.servers_file))


def test_without_an_engine_the_hint_is_force(settings: Settings) -> None:
    def fail() -> Any:
        raise EngineUnreachableError("no answer")

    with pytest.raises(EngineUnreachableError) as caught:
        refuse_while_present("demo", settings, fail)
    assert "`wb config remove demo --force`" in caught.value.hint


def test_instances_with_containers_and_without_an_entry_are_found(settings: Settings) -> None:
    ours = settings.servers_file
    observed = engine_with("demo", ours).observe()
    assert find_undeclared(Registry(), observed, settings) == ["demo"]
    assert (
        find_undeclared(Registry((Instance("demo", "Demo", 9000, "1"),)), observed, settings) == []
    )
    refused = RefusedEntry(0, "demo", (), {"id": "demo"})
    assert find_undeclared(Registry((), (refused,)), observed, settings) == []
    elsewhere = engine_with("demo", ours.with_name("other.json")).observe()
    assert find_undeclared(Registry(), elsewhere, settings) == []


HERE, FAR = (Instance("demo", "Demo", 9000, "1", host=host) for host in (None, "ssh://root@far"))


def test_an_instance_with_containers_stays_on_its_host(settings: Settings) -> None:
    engine = engine_with("demo-postgres", settings.servers_file)
    with pytest.raises(UsageError) as caught:
        refuse_move(HERE, FAR, settings, lambda: engine)
    assert "demo has containers on the engine of this command: demo-postgres" in str(caught.value)
    assert "does not move it to ssh://root@far" in str(caught.value)
    assert "`wb stop demo`" in caught.value.hint


def test_an_instance_without_containers_may_go_to_another_host(settings: Settings) -> None:
    refuse_move(FAR, HERE, settings, lambda: SimpleNamespace(observe=Observed))


def test_an_instance_of_which_nothing_is_known_stays_on_its_host(settings: Settings) -> None:
    def fail(**more: Any) -> Any:
        raise EngineUnreachableError("no answer", **more)

    with pytest.raises(EngineUnreachableError) as caught:
        refuse_move(FAR, HERE, settings, lambda: fail(is_absent=True))
    assert "Whether demo has containers on ssh://root@far is not known" in caught.value.hint
    with pytest.raises(EngineUnreachableError):
        refuse_move(HERE, FAR, settings, fail)


def test_on_a_machine_without_an_engine_nothing_can_have_containers(settings: Settings) -> None:
    def fail() -> Any:
        raise EngineUnreachableError("no engine", is_absent=True)

    refuse_move(HERE, FAR, settings, fail)
