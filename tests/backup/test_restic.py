"""restic's exit codes as errors, and what its container is given."""

import json
import threading
from typing import Any, cast

import pytest
from msgspec.structs import replace

from wb_cli.backup.complaints import DamagedError, judge, refuse_unread, takes_no_lock
from wb_cli.backup.repository import INSIDE, INSIDE_CACHE, INSIDE_SOURCE, Limits, Repository
from wb_cli.backup.restic import FORGOTTEN_AT_ONCE, Restic
from wb_cli.engine.task import BRIDGE, NO_NETWORK, Priority, TaskEnd, TaskMount, TaskSpec
from wb_cli.errors import LockedError, WbError
from wb_cli.secret import Secret

HERE = Repository("/srv/backups", Secret("k"), "restic:1")
ELSEWHERE = Repository("s3:https://s3/b", Secret("k"), "restic:1", {"AWS_KEY": Secret("a")})


def test_exit_code_0_is_no_error() -> None:
    judge(TaskEnd(0), "/srv/backups")


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (3, WbError, "could not read everything"),
        (10, WbError, "there is no repository at /srv/backups"),
        (11, LockedError, "another restic works on /srv/backups"),
        (12, WbError, "the key does not open the repository at /srv/backups"),
        (1, WbError, r"restic failed on /srv/backups \(exit code 1\)"),
        (99, WbError, r"restic failed on /srv/backups \(exit code 99\)"),
    ],
)
def test_every_other_exit_code_is_an_error(code: int, kind: type[WbError], said: str) -> None:
    with pytest.raises(kind, match=said):
        judge(TaskEnd(code), "/srv/backups")


@pytest.mark.parametrize(
    "complaint",
    [
        "no space left on device",
        json.dumps({"message_type": "exit_error", "message": "no space left on device"}),
        json.dumps({"message_type": "error", "error": {"message": "no space left on device"}}),
    ],
)
def test_restic_s_own_words_are_passed_on(complaint: str) -> None:
    with pytest.raises(WbError, match=r"no space left on device$"):
        judge(TaskEnd(1, (complaint,)), "/srv/backups")


def test_a_folder_is_mounted_and_needs_no_network() -> None:
    task = HERE.describe_task("backup", ("snapshots",), (TaskMount("/data", "/backup"),))
    assert task.mounts == (
        TaskMount("/srv/backups", INSIDE, is_read_only=False),
        TaskMount("/data", "/backup"),
    )
    assert (task.network, task.environment["RESTIC_REPOSITORY"]) == (NO_NETWORK, INSIDE)


SFTP = Repository(
    "sftp:me@host:/b",
    Secret("k"),
    "restic:1",
    limits=Limits(2 * 1024**2, 1, Priority.IDLE),
    ssh={"/ssh/key": b"private", "/ssh/known_hosts": b"host"},
)


def test_what_ssh_needs_travels_as_files_and_nobody_is_asked() -> None:
    task = SFTP.describe_task("backup", ("snapshots",))
    assert task.files == {"/ssh/key": b"private", "/ssh/known_hosts": b"host"}
    (option,) = (word for word in task.command if word.startswith("--option=sftp.args="))
    assert "BatchMode=yes" in option
    assert "StrictHostKeyChecking=yes" in option


def test_a_backup_takes_no_more_than_the_settings_say() -> None:
    task = SFTP.describe_task("backup", ("snapshots",))
    assert "--limit-upload=2048" in task.command
    assert (task.environment["GOMAXPROCS"], task.priority) == ("1", Priority.IDLE)
    folder = replace(HERE, limits=SFTP.limits).describe_task("backup", ("snapshots",))
    assert not any("limit" in word for word in folder.command)


def test_what_a_repository_elsewhere_lists_is_kept_on_the_engine_s_machine() -> None:
    cached = replace(ELSEWHERE, cache="/srv/cache")
    for task in (
        cached.describe_task("backup", ("snapshots",)),
        HERE.describe_task("copy", ("copy",), source=cached),
    ):
        assert TaskMount("/srv/cache", INSIDE_CACHE, is_read_only=False) in task.mounts
        assert f"--cache-dir={INSIDE_CACHE}" in task.command
    assert "--no-cache" in replace(HERE, cache="/srv/cache").describe_task("b", ()).command


def test_a_copy_sees_both_repositories_and_the_secrets_of_both() -> None:
    task = ELSEWHERE.describe_task("copy", ("copy",), source=HERE)
    assert task.mounts == (TaskMount("/srv/backups", INSIDE_SOURCE, is_read_only=False),)
    assert task.environment["RESTIC_REPOSITORY"] == "s3:https://s3/b"
    assert task.environment["RESTIC_FROM_REPOSITORY"] == INSIDE_SOURCE
    assert {"AWS_KEY", "RESTIC_PASSWORD", "RESTIC_FROM_PASSWORD"} == set(task.secrets)
    assert task.network == BRIDGE
    local = Repository("/mnt/usb", Secret("k"), "restic:1")
    assert local.describe_task("copy", ("copy",), source=HERE).network == NO_NETWORK


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("Host key verification failed.", "WB_BACKUP_KNOWN_HOSTS"),
        ("me@host: Permission denied (publickey,password).", "WB_BACKUP_SSH_KEY"),
    ],
)
def test_what_ssh_complains_of_is_told_with_its_remedy(words: str, remedy: str) -> None:
    with pytest.raises(WbError) as caught:
        judge(TaskEnd(1, (words,)), "sftp:me@host:/b")
    assert remedy in caught.value.hint


def test_a_repository_elsewhere_gets_a_network_and_its_keys_as_secrets() -> None:
    task = ELSEWHERE.describe_task("backup", ("snapshots",))
    assert (task.network, task.environment["RESTIC_REPOSITORY"]) == (BRIDGE, "s3:https://s3/b")
    assert set(task.secrets) == {"AWS_KEY", "RESTIC_PASSWORD"}


class Engine:
    """Writes down what restic is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def run_task(self, spec: TaskSpec, *_: Any) -> TaskEnd:
        self.told.append(spec.command[spec.command.index("--json") + 1 :])
        return TaskEnd(0)


def test_forgetting_waits_for_others_as_long_as_it_is_told_and_at_least_for_a_while() -> None:
    engine = Engine()
    restic = Restic(cast("Any", engine), HERE, threading.Event())
    restic.forget(("a", "b"))
    restic.forget(("a",), 14_400)
    restic.prune(14_400)
    assert engine.told == [
        ("--retry-lock=120s", "forget", "a", "b"),
        ("--retry-lock=14400s", "forget", "a"),
        ("--retry-lock=14400s", "prune"),
    ]


def test_more_ids_than_a_command_line_has_room_for_are_forgotten_in_turns() -> None:
    engine = Engine()
    ids = tuple(map(str, range(FORGOTTEN_AT_ONCE + 1)))
    Restic(cast("Any", engine), HERE, threading.Event()).forget(ids)
    assert [len(words) - 2 for words in engine.told] == [FORGOTTEN_AT_ONCE, 1]


def test_only_the_files_of_a_folder_that_match_are_restored() -> None:
    engine = Engine()
    target = TaskMount("/proof", "/restored", is_read_only=False)
    restic = Restic(cast("Any", engine), HERE, threading.Event())
    restic.restore("aa1:/backup", target, lambda _: None, ("/a/b",))
    assert engine.told[0][1:] == ("restore", "aa1:/backup", "--target=/restored", "--include=/a/b")


@pytest.mark.parametrize(
    "said",
    [
        "decrypting blob <data/4dddb1b1> from cf2cfd5b failed: ciphertext verification failed",
        "ReadFull(<data/cf2cfd5b1c>): file is too short",
        "LoadRaw(<index/01185bed59>): invalid data returned",
        f"id {'ab' * 32} not found in repository",
        "ReadFull(<data/cf2cfd5b1c>): open /repository/data/cf/cf2c: no such file or directory",
        "Load(<data/cf2cfd5b1c>, 233201, 0) failed: file does not exist",
        "Fatal: repository contains errors",
    ],
)
def test_damaged_data_is_told_from_data_that_could_not_be_read(said: str) -> None:
    complaint = json.dumps({"message_type": "error", "error": {"message": said}})
    with pytest.raises(DamagedError, match="is damaged"):
        judge(TaskEnd(1, (complaint,)), "/srv/backups")


@pytest.mark.parametrize(
    "said",
    [
        "ReadFull(<data/cf2cfd5b1c>): connection lost",
        "Load(<data/cf2cfd5b1c>, 233201, 0) failed: context deadline exceeded",
        "ReadFull(<data/cf2cfd5b1c>): read /repository/data/cf/cf2c: input/output error",
        "open /restored/base/1: no such file or directory",
    ],
)
def test_what_may_be_read_another_time_is_not_called_damaged(said: str) -> None:
    with pytest.raises(WbError) as raised:
        judge(TaskEnd(1, (said,)), "/srv/backups")
    assert not isinstance(raised.value, DamagedError)


def test_a_restic_that_was_killed_is_said_to_be() -> None:
    with pytest.raises(WbError, match="was ended from outside"):
        judge(TaskEnd(137), "/srv/backups")


def test_a_snapshot_that_restic_leaves_out_is_named_with_its_file() -> None:
    line = f'Ignoring "{"ab" * 32}": failed to load snapshot abababab: invalid data returned'
    refuse_unread(TaskEnd(0, ("repository opened",)), "/srv/backups")
    with pytest.raises(DamagedError) as raised:
        refuse_unread(TaskEnd(0, (line,)), "/srv/backups")
    assert f"snapshots/{'ab' * 32}" in raised.value.hint


@pytest.mark.parametrize(
    ("said", "takes_none"),
    [
        ("Save(<lock/c7d6c6a2e4>) failed: open /locks/c7d6: no space left on device", True),
        ("unable to create lock in backend: open /locks/1: read-only file system", True),
        ("write /restored/base/1: no space left on device", False),
        ("unable to create lock in backend: repository is already locked by PID 7", False),
    ],
)
def test_a_disk_that_takes_no_lock_is_told_from_other_trouble(said: str, takes_none: bool) -> None:
    assert takes_no_lock(TaskEnd(1, (said,))) is takes_none


class SilentEngine:
    """An engine on which restic asks again and again, until it is told to end."""

    def run_task(self, _task: TaskSpec, _on_line: Any, cancelled: threading.Event) -> TaskEnd:
        cancelled.wait()
        raise InterruptedError


def test_a_repository_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wb_cli.backup.restic.ANSWERS_WITHIN_S", 0.01)
    restic = Restic(cast("Any", SilentEngine()), ELSEWHERE, threading.Event())
    for ask in (restic.is_there, restic.list_snapshots):
        with pytest.raises(WbError, match="did not answer") as refused:
            ask()
        assert "bucket" in refused.value.hint
