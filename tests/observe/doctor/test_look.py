"""The facts are gathered from an engine in memory and from real files."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace
from support.fake_engine import FakeEngine, Program

from wb_cli.contract import FOLDERS, Part
from wb_cli.engine.types import ContainerSpec, NetworkSpec
from wb_cli.errors import EngineUnreachableError, UsageError
from wb_cli.host.folders import FolderProblem
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.instances.registry_file.store import RegistryFile
from wb_cli.instances.secrets import SecretStore
from wb_cli.observe.doctor import look as module
from wb_cli.observe.doctor.facts import Facts, Unknown
from wb_cli.observe.doctor.look import look
from wb_cli.observe.doctor.look_at_instances import ASK_DATABASE

Look = Callable[..., Facts]
DEMO = {"id": "demo", "label": "Demo", "port": 9001, "serverVersion": "1.6.7", "image": "app:1"}


class LocalEngine(FakeEngine):
    """An engine in memory, on this machine."""

    is_local = True


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in module.CHOICES_OF_ENGINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WB_CONFIG_DIR", str(tmp_path / "config"))
    return replace(
        SETTINGS,
        mount_path=tmp_path / "mnt",
        servers_file=tmp_path / "servers.json",
        secrets_dir=tmp_path / "secrets",
        config_file=tmp_path / "config" / "config.toml",
    )


@pytest.fixture
def engine() -> LocalEngine:
    made = LocalEngine(["postgres:17.4", "app:1"])
    made.create_network(NetworkSpec("demo", "10.213.0.0/26"))
    return made


@pytest.fixture
def looking(settings: Settings, engine: LocalEngine) -> Look:
    def look_now(*selectors: str, entries: Any = (DEMO,), **changes: Any) -> Facts:
        content = entries if isinstance(entries, str) else json.dumps(list(entries))
        settings.servers_file.write_text(content)
        used = replace(settings, **changes)
        registry, secrets = RegistryFile(used.servers_file), SecretStore(used.secrets_dir)
        return look(selectors, registry, used, secrets, lambda: engine)

    return look_now


def run_postgres(engine: LocalEngine, settings: Settings, answer: tuple[int, bytes]) -> str:
    engine.programs["postgres:17.4"] = Program(answers={ASK_DATABASE: answer})
    labels = {"wb.registry": str(settings.servers_file)}
    spec = ContainerSpec("demo", Part.POSTGRES, "postgres:17.4", labels=labels)
    container = engine.create_container(spec, next(iter(engine.networks)))
    engine.start(container)
    return container


def test_the_machine_and_every_instance_are_looked_at(
    looking: Look, engine: LocalEngine, settings: Settings
) -> None:
    settings.mount_path.mkdir()
    for name in FOLDERS[1:]:
        (settings.mount_path / "demo" / name).mkdir(parents=True)
    facts = looking()
    assert facts.unknown == ()
    assert facts.engine == engine.describe()
    assert facts.machine.memory
    assert facts.machine.ephemeral_ports
    assert str(settings.mount_path) in {disk.path for disk in facts.machine.disks}
    (known,) = facts.known
    problems = [folder.problem for folder in known.folders]
    assert problems == [FolderProblem.MISSING, None, None, None, None]
    assert known.images[Part.VALKEY] is None
    assert known.images[Part.PLATFORM]


def test_a_running_database_is_asked(
    looking: Look, engine: LocalEngine, settings: Settings
) -> None:
    container = run_postgres(engine, settings, (0, b"17.4 (Debian)|on|1000.5|\n"))
    (known,) = looking().known
    assert known.database
    assert (known.database.version, known.database.has_checksums) == ("17.4 (Debian)", True)
    assert known.database.clock_ahead_s < -1e9
    assert not known.database.takes_our_password
    assert container in looking().details


def test_a_database_that_says_something_else_is_unknown(
    looking: Look, engine: LocalEngine, settings: Settings
) -> None:
    run_postgres(engine, settings, (2, b"psql: FATAL: the database is starting up"))
    (unknown,) = looking().unknown
    reason = "psql in demo-postgres said: psql: FATAL: the database is starting up"
    assert unknown == Unknown("what its database says", reason, "demo")


def test_chosen_instances_are_looked_at_alone(looking: Look) -> None:
    other = DEMO | {"id": "mali", "port": 9002}
    facts = looking("mali", entries=(DEMO, other))
    assert [known.instance.id for known in facts.known] == ["mali"]
    assert not facts.chooses_all
    with pytest.raises(UsageError, match="nobody"):
        looking("nobody")


def test_an_unreadable_registry_file_is_a_fact(looking: Look) -> None:
    facts = looking(entries="[{")
    assert facts.registry_error
    assert facts.known == ()
    with pytest.raises(UsageError, match="cannot read"):
        looking("demo", entries="[{")


def test_without_an_engine_the_folders_are_looked_at(settings: Settings) -> None:
    settings.servers_file.write_text(json.dumps([DEMO]))

    def fail() -> Any:
        raise error

    error = EngineUnreachableError("no answer", "install it", is_absent=True)
    registry, secrets = RegistryFile(settings.servers_file), SecretStore(settings.secrets_dir)
    facts = look((), registry, settings, secrets, fail)
    assert facts.engine_error is error  # with its own remedy
    assert facts.machine.disks
    (known,) = facts.known
    assert known.folders[0].problem is FolderProblem.MISSING
    assert known.images == {}


def test_a_machine_elsewhere_is_seen_as_this_one_where_it_can_be_looked_at(
    looking: Look, engine: LocalEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script that looks at it runs on this machine here."""
    (settings.mount_path / "demo" / "sandbox").mkdir(parents=True)
    here = looking()
    monkeypatch.setattr(engine, "is_local", False, raising=False)
    there = looking()
    assert there.unknown == ()
    assert there.known[0].folders == here.known[0].folders
    assert there.known[0].images == here.known[0].images
    assert there.machine.memory
    assert here.machine.memory
    assert there.machine.memory.size == here.machine.memory.size
    sizes = [(disk.path, disk.size, disk.inodes) for disk in here.machine.disks]
    assert [(disk.path, disk.size, disk.inodes) for disk in there.machine.disks] == sizes
    assert there.machine.ephemeral_ports == here.machine.ephemeral_ports
    assert there.machine.routes == here.machine.routes
    assert there.machine.listeners == {}


def test_what_cannot_be_looked_at_on_a_machine_elsewhere_is_unknown(
    looking: Look, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "is_local", False, raising=False)
    monkeypatch.setattr(engine, "images", {})
    facts = looking()
    assert {unknown.what for unknown in facts.unknown} >= {"how much memory is free"}
    assert "is not there" in facts.unknown[0].reason
    assert facts.known[0].folders == ()


def test_an_engine_that_hangs_is_told_in_time(
    looking: Look, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()
    monkeypatch.setattr(module, "ENGINE_WITHIN_S", 0.2)
    monkeypatch.setattr(engine, "observe", hangs.wait, raising=False)
    facts = looking()
    hangs.set()
    assert str(facts.engine_error) == "the Docker Engine gives no answer within 0.2 s"
    assert facts.engine is None  # nothing may be concluded from a listing that is not there
    assert facts.machine.memory


def test_the_files_that_hold_secrets_are_those_with_secrets_in_them(
    looking: Look, settings: Settings
) -> None:
    settings.secrets_dir.mkdir(mode=0o700)
    (settings.secrets_dir / "demo.json").touch(0o640)
    plain = [os.fspath(settings.secrets_dir), os.fspath(settings.secrets_dir / "demo.json")]
    assert [file.path for file in looking().machine.private_files] == plain
    with_key = DEMO | {"env": {"KEY": "sesame"}}
    found = [file.path for file in looking(entries=(with_key,)).machine.private_files]
    assert found == [*plain, str(settings.servers_file)]


def test_a_password_in_config_toml_makes_it_private(looking: Look, settings: Settings) -> None:
    settings.config_file.parent.mkdir()
    settings.config_file.write_text('postgres_password = "sesame"\n')
    facts = looking(origins={"postgres_password": "config.toml"})
    assert [file.path for file in facts.machine.private_files] == [str(settings.config_file)]
    assert "sesame" not in repr(facts)
