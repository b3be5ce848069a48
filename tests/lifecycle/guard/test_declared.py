"""An instance stays declared while it has containers."""

from pathlib import Path

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


class EngineWithOne:
    """An engine that lists one stopped container of the instance demo."""

    def __init__(self, name: str, registry_file: Path) -> None:
        self._name, self._registry_file = name, registry_file

    def observe(self) -> Observed:
        labels = {LABEL_INSTANCE: "demo", LABEL_REGISTRY: str(self._registry_file)}
        container = ObservedContainer("1", self._name, State.EXITED, "", "", "", labels=labels)
        return Observed((container,))


def test_an_instance_with_containers_is_refused(settings: Settings) -> None:
    with pytest.raises(UsageError, match="demo has containers: demo-postgres") as caught:
        refuse_while_present(
            "demo", settings, lambda: EngineWithOne("demo-postgres", settings.servers_file)
        )
    assert caught.value.hint == "Stop it first: `wb stop demo`."


def test_containers_of_another_instance_or_registry_file_are_no_reason(settings: Settings) -> None:
    elsewhere = settings.servers_file.with_name("other.json")
    refuse_while_present("demo", settings, lambda: EngineWithOne("demo-postgres", elsewhere))
    refuse_while_present("mali", settings, lambda: EngineWithOne("demo", settings.servers_file))


def test_without_an_engine_the_hint_is_force(settings: Settings) -> None:
    def fail() -> EngineWithOne:
        raise EngineUnreachableError("no answer")

    with pytest.raises(EngineUnreachableError) as caught:
        refuse_while_present("demo", settings, fail)
    assert "`wb config remove demo --force`" in caught.value.hint
