"""How each command treats the refused entries of the registry file."""

import json
from collections.abc import Iterator

import pytest
from support.json_answers import check
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine


@pytest.fixture
def broken(host: Host) -> Iterator[tuple[str, str]]:
    """A running instance, and another whose entry is broken while it runs. It is repaired later."""
    good, bad = host.prepare(tags=["field"]), host.prepare(tags=["field"])
    host.wb("run", good, bad)
    host.change(bad, port=str(host.entries[bad]["port"]))
    yield good, bad
    host.change(bad, port=int(host.entries[bad]["port"]))


def test_a_running_instance_whose_entry_was_broken_is_named_by_every_command(
    host: Host, broken: tuple[str, str]
) -> None:
    good, bad = broken
    remedy = f"wb config set {bad} port={host.entries[bad]['port']}"

    def told(*words: str, exits: int) -> str:
        done = host.wb(*words, exits=exits)
        assert bad in done.stderr
        assert remedy in done.stderr
        answer = check(words[0], host.wb(*words, "--json", exits=exits).stdout)
        (refused,) = answer.get("refused", [{"id": bad, "remedy": remedy}])
        assert refused["id"] == bad
        assert remedy in refused["remedy"]
        return done.stdout + done.stderr

    for words in (["run", "all"], ["run", "@field"], ["run", "server=1.6.7"], ["run", good, bad]):
        assert "refused" in told(*words, "--dry-run", exits=ExitCode.PARTIAL)
    told("restart", "all", "--dry-run", exits=ExitCode.PARTIAL)
    told("init-dirs", "all", exits=ExitCode.PARTIAL)
    told("run", "all", exits=ExitCode.PARTIAL)
    told("run", bad, exits=ExitCode.USAGE)
    # Of one instance it is the first of the reasons, and is not said twice.
    alone = host.wb("status", bad, exits=ExitCode.USAGE)
    assert remedy in alone.stdout
    assert remedy not in alone.stderr
    shown = told("status", exits=ExitCode.PARTIAL)
    assert f"{bad}: the entry is refused: port" in shown
    assert "not in the registry file" not in shown
    rows = host.json("status", exits=ExitCode.PARTIAL)["instances"]
    assert {row["id"]: row["state"] for row in rows} == {good: "running", bad: "running"}
    told("stop", "all", exits=ExitCode.PARTIAL)
    assert host.containers(bad) == []


def test_an_instance_whose_entry_is_refused_is_stopped_by_its_id(
    host: Host, broken: tuple[str, str]
) -> None:
    _, bad = broken
    assert f"{bad}: stopped" in host.wb("stop", bad).stdout


def test_an_entry_without_an_id_is_named_by_its_line(host: Host) -> None:
    good = host.prepare()
    entries = json.loads(host.servers_file.read_text())
    host.servers_file.write_text(json.dumps([*entries, {"label": "no id"}], indent=2))
    text = host.servers_file.read_text()
    line = text[: text.index('"label": "no id"')].count("\n")
    for words in (["status"], ["init-dirs", "all"], ["run", "all", "--dry-run"]):
        done = host.wb(*words, exits=ExitCode.PARTIAL)
        assert good in done.stdout
        assert "id is missing" in done.stderr
        assert f"Correct it at line {line} of the registry file" in done.stderr


def test_stop_without_anything_to_stop_succeeds(host: Host) -> None:
    done = host.wb("stop", "all")
    assert "no instance is declared, and none runs" in done.stderr
    assert check("stop", host.wb("stop", "all", "--json").stdout)["instances"] == []
    assert "No instance is declared, and none runs" in host.wb("status").stderr


def test_without_an_engine_an_empty_registry_file_does_not_mean_that_nothing_runs(
    host: Host,
) -> None:
    done = host.wb("status", exits=ExitCode.ENGINE_UNREACHABLE, DOCKER_HOST="unix:///nobody")
    assert "does not answer" in done.stderr
    assert "No instance" not in done.stderr


@pytest.mark.parametrize("command", ["run", "restart"])
def test_a_typo_in_a_field_is_told_once_by_what_applies_the_entry(host: Host, command: str) -> None:
    id_, other = host.declare(frnech=True, colour="red"), host.declare(frnech=True)
    talk = host.ran(command, id_, "--dry-run").stderr
    assert talk.count(f'{id_}: warning: unknown field "frnech". Did you mean french?') == 1
    assert "colour" not in talk
    assert other not in talk
