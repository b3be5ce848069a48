"""An instance stays declared while it has containers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wb_cli.engine.types import LABEL_INSTANCE, LABEL_REGISTRY, Observed, ObservedContainer, State
from wb_cli.errors import EngineUnreachableError, UsageError
from wb_cli.instances import settings as settings_module
from wb_cli.instances.settings import Settings
from wb_cli.lifecycle.guard.declared import refuse_while_present


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
