"""The black box: what is kept of a bad end, when, how much of it, and without which secrets."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lifecycle.world import BROKEN, LOOK, PLATFORM, VALKEY, World
from msgspec.structs import replace
from support.fake_engine import Program

from wb_cli.engine.types import State
from wb_cli.errors import EngineError, StartFailedError
from wb_cli.lifecycle.guard.preflight import PreflightError
from wb_cli.lifecycle.record import black_box
from wb_cli.lifecycle.record.black_box import BlackBox, Crash

FAILED = Program("listening\nno such dialect\n", exits=7)


def records(world: World) -> list[Crash]:
    folder = black_box.folder_of(world.fleet.settings, "demo")
    found = sorted(folder.glob("*.json")) if folder.exists() else []
    return [msgspec.json.decode(path.read_bytes(), type=Crash) for path in found]


def only_record(world: World) -> Crash:
    (crash,) = records(world)
    return crash


def text_of_log(crash: Crash) -> str:
    return "".join(line.partition(" ")[2] for line in crash.log.splitlines(keepends=True))


def test_nothing_is_kept_and_no_call_is_made_where_nothing_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a call of the engine that nothing asked for")

    monkeypatch.setattr(world.engine, "read_remains", refuse)
    monkeypatch.setattr(world.engine, "recall_events", refuse)
    world.run()
    world.run(replace(LOOK, label="New"))
    world.restart()
    world.stop()
    assert records(world) == []


def test_a_start_that_fails_is_kept_before_it_is_undone(world: World) -> None:
    world.engine.programs[PLATFORM] = FAILED
    with pytest.raises(StartFailedError):
        world.run()
    crash = only_record(world)
    assert "demo" not in world.states()
    assert (crash.container, crash.part, crash.exit_code, crash.how) == (
        "demo",
        "platform",
        7,
        "exited 7",
    )
    assert crash.reason == "demo exited with code 7 while starting"
    assert text_of_log(crash) == "listening\nno such dialect\n"
    assert crash.environment["PG_HOST"] == "demo-postgres"


def test_a_start_that_the_engine_refuses_is_kept_with_the_reason(world: World) -> None:
    def refuse(call: str, arguments: tuple[Any, ...]) -> None:
        if call == "start" and world.engine.containers[arguments[0]].name == "demo":
            raise EngineError("port is already allocated")

    world.engine.before_call = refuse
    with pytest.raises(EngineError):
        world.run()
    crash = only_record(world)
    assert (crash.state, crash.exit_code, crash.how) == (
        State.CREATED,
        None,
        "port is already allocated",
    )


def test_a_valkey_that_fails_is_kept_although_the_instance_runs(world: World) -> None:
    world.engine.programs[VALKEY] = BROKEN
    world.run()
    assert (only_record(world).part, only_record(world).exit_code) == ("valkey", 7)


@pytest.mark.parametrize(
    "act", [World.run, World.restart, World.stop], ids=lambda act: act.__name__
)
def test_a_crash_is_kept_once_by_whatever_command_finds_it(
    world: World, act: Callable[[World], Any]
) -> None:
    world.run()
    world.engine.crash("demo", 3)
    act(world)
    world.stop()
    assert (only_record(world).exit_code, only_record(world).reason) == (3, "")


def test_a_crash_is_kept_where_the_command_itself_is_refused(world: World) -> None:
    world.run()
    world.engine.crash("demo", 3)
    world.fleet.settings = replace(world.fleet.settings, platform_image="gone:1")
    with pytest.raises(PreflightError):
        world.run(replace(LOOK, image=None))
    assert only_record(world).exit_code == 3


def test_a_dry_run_keeps_nothing(world: World) -> None:
    world.run()
    world.engine.crash("demo", 3)
    world.run(dry_run=True)
    world.stop(dry_run=True)
    assert records(world) == []


def test_two_ends_of_a_container_are_two_records(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run()
    world.engine.crash("demo", 3)
    world.run()
    monkeypatch.setattr("support.fake_engine.FINISHED_AT", "2026-01-02T00:00:00.5Z")
    world.engine.crash("demo", 4)
    world.run()
    assert [crash.exit_code for crash in records(world)] == [3, 4]


@pytest.mark.parametrize("code", [0, 130, 143])
def test_an_orderly_end_is_not_kept(world: World, code: int) -> None:
    world.run()
    world.engine.crash("demo", code)
    world.stop()
    assert records(world) == []


def test_what_is_out_of_memory_is_called_so(world: World) -> None:
    world.run()
    world.engine.crash("demo", 137)
    world.engine.named("demo").oom_killed = True
    world.stop()
    assert (only_record(world).oom_killed, only_record(world).how) == (True, "out of memory")


def test_what_is_unhealthy_is_kept_with_its_checks_before_it_is_stopped(world: World) -> None:
    world.run()
    world.engine.named("demo").is_unhealthy = True
    world.restart()
    crash = only_record(world)
    assert crash.state == State.RUNNING
    assert crash.exit_code is None
    assert crash.how == "the health check of its image called it unhealthy"
    assert crash.health_log[0].output == "no answer\n"


def test_a_bad_end_on_being_told_to_stop_is_kept(world: World) -> None:
    world.engine.programs[PLATFORM] = Program(stops_with=3)
    world.run()
    world.stop()
    assert only_record(world).reason == "it ended with code 3 when it was told to stop"


def test_a_bad_end_of_what_removes_itself_is_kept_with_what_it_wrote_before(world: World) -> None:
    unsupervised = replace(LOOK, restart="no")
    world.engine.programs[VALKEY] = Program("cannot save\n", stops_with=1)
    world.run(unsupervised)
    world.restart(unsupervised)
    crash = only_record(world)
    assert (crash.container, crash.exit_code) == ("demo-valkey", 1)
    assert crash.reason == "it ended with code 1 when it was told to stop"
    assert text_of_log(crash) == "cannot save\n"


def test_what_wb_had_to_kill_is_not_called_a_crash(world: World) -> None:
    world.engine.programs[PLATFORM] = Program(stops_with=None)
    world.run()
    world.stop()
    assert records(world) == []


def test_what_crashed_and_runs_again_is_kept_with_the_code_that_the_engine_remembers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run()
    container = world.engine.named("demo")
    world.engine.crash("demo", 9)
    container.state = State.RUNNING
    inspect = world.engine.inspect

    def inspect_restarted(id_: str) -> Any:
        restarted = {"restart_count": 1, "finished_at": "2026-01-03T00:00:00.5Z"}
        return replace(inspect(id_), **restarted if id_ == container.id else {})

    monkeypatch.setattr(world.engine, "inspect", inspect_restarted)
    observed = tuple(
        replace(found, has_crashed=found.name == "demo")
        for found in world.engine.observe().containers
    )
    for _ in range(2):
        BlackBox(world.fleet, "demo", world.reports.append).keep_dead(observed)
    assert (only_record(world).exit_code, only_record(world).restart_count) == (9, 1)


def test_a_folder_that_cannot_be_written_is_told_once_and_the_work_goes_on(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "crashes").write_text("no folder")
    world.run()
    world.engine.crash("demo", 3)
    world.engine.crash("demo-valkey", 3)
    world.stop(tell=world.reports.append)
    assert world.states() == {}
    told = [text for text in world.reports if "cannot be kept" in text]
    where = tmp_path / "crashes" / "demo"
    assert told == [f"why demo failed cannot be kept: {where}: not a directory"]


def test_ten_records_are_kept_and_the_latest_are_among_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run()
    for day in range(1, 13):
        monkeypatch.setattr("support.fake_engine.FINISHED_AT", f"2026-02-{day:02}T00:00:00.5Z")
        world.engine.crash("demo", day)
        world.run()
    assert [crash.exit_code for crash in records(world)] == list(range(3, 13))


def test_a_record_has_a_bounded_size_and_the_end_of_the_log(world: World) -> None:
    filler = "\x01" * 700
    lines = "".join(f"line {number} {filler}\n" for number in range(400))
    world.engine.programs[PLATFORM] = Program(lines, exits=1)
    with pytest.raises(StartFailedError):
        world.run()
    crash = only_record(world)
    assert len(black_box.encode(crash)) <= black_box.BYTES_AT_MOST
    assert crash.log_is_cut
    assert crash.log.splitlines()[-1].startswith("2026-01-01T00:00:00.5Z line 399 ")


def test_a_record_belongs_to_its_owner_alone(world: World) -> None:
    world.engine.programs[PLATFORM] = FAILED
    with pytest.raises(StartFailedError):
        world.run()
    folder = black_box.folder_of(world.fleet.settings, "demo")
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_uid == folder.parent.stat().st_uid == os.getuid()


def test_no_secret_is_in_a_record(world: World) -> None:
    stored = world.fleet.secrets.create("demo")
    assert stored.postgres_password is not None
    password = stored.postgres_password.reveal()
    own = {"API": "open/ sesame", "MODE": "1", "DSN": "mysql://u:pass-w0rd@db/x", "A_KEY": "k3y"}
    said = f"{password} open/ sesame open%2F%20sesame pass-w0rd k3y 1 redis://me:other@h\n"
    world.engine.programs[PLATFORM] = Program(said, exits=1)
    with pytest.raises(StartFailedError):
        world.run(replace(LOOK, env=own))
    crash = only_record(world)
    assert text_of_log(crash) == "*** *** *** *** *** 1 redis://me:***@h\n"
    assert {crash.environment[name] for name in (*own, "PG_PASSWORD", "WB_ADMIN_TOKEN")} == {None}
    written = black_box.encode(crash).decode()
    secrets = (password, stored.admin_token.reveal(), "sesame", "pass-w0rd", "k3y")
    assert not any(secret in written for secret in secrets)
