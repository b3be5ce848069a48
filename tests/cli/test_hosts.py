"""Commands over instances of several hosts, each with an engine in memory."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine
from support.fake_engine import FakeEngine
from support.json_answers import check
from support.wb_host import free_pair_of_ports

from wb_cli.cli.console import Console
from wb_cli.cli.context import Wb
from wb_cli.cli.hosts import describe_left_out, list_here
from wb_cli.errors import EngineUnreachableError, ExitCode
from wb_cli.lifecycle.readiness import health, probes
from wb_cli.provision import pull
from wb_cli.provision.pull import ImageResult, PullEnding

FAR, WEST = "ssh://root@far", "context:west"
NEW = "ssh://root@new"
HOSTS = {"here": None, "far": FAR, "west": WEST}
IMAGES = {
    "WB_POSTGRES_IMAGE": "pg:1",
    "WB_VALKEY_IMAGE": "vk:1",
    "WB_PLATFORM_IMAGE": "app:{version}",
}


@dataclass
class Hosts:
    """Three hosts, and an instance on each that bears its host's name."""

    folder: Path
    wb: CommandLine
    engines: dict[str | None, FakeEngine]
    lost: set[str | None] = field(default_factory=set)
    asked: set[str | None] = field(default_factory=set)

    def declare(self, **hosts: str | None) -> None:
        port = free_pair_of_ports()
        self.write(
            {"id": id_, "label": id_, "port": port, "serverVersion": "1"}
            | ({"host": host} if host else {})
            for id_, host in hosts.items()
        )

    def write(self, entries: Any) -> None:
        (self.folder / "servers.json").write_text(json.dumps(list(entries)))

    def find(self, wb: Wb) -> FakeEngine:
        """Give the engine of a host, and note that it was asked for."""
        self.asked.add(wb.host)
        if wb.host in self.lost:
            raise EngineUnreachableError(f"{wb.host} is away", "Wait.")
        return self.engines[wb.host]

    def instances(self) -> dict[str | None, set[str | None]]:
        """The instances that each engine has containers of."""
        return {
            host: {container.instance for container in engine.observe().containers}
            for host, engine in self.engines.items()
        }

    def show(self, id_: str) -> list[dict[str, Any]]:
        values: list[dict[str, Any]] = json.loads(self.wb("config", "show", id_, "--json").answer)[
            "values"
        ]
        return values

    def json(self, *words: str, exits: int = 0) -> Any:
        code, answer, _ = self.wb(*words, "--json")
        assert code == exits, answer
        return check(words[0], answer)


@pytest.fixture
def hosts(tmp_path: Path, wb: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    for name, image in IMAGES.items():
        monkeypatch.setenv(name, image)
    monkeypatch.setenv("DOCKER_HOST", "")  # `--host` sets it; after the test it is as before
    unreachable = probes.Answer(probes.Verdict.UNREACHABLE)
    monkeypatch.setattr(probes, "ask_http", lambda *_: unreachable)
    monkeypatch.setattr(health, "EXEC_INTERVAL_S", 0.01)
    engines = {host: FakeEngine(["pg:1", "vk:1", "app:1"]) for host in HOSTS.values()}
    hosts = Hosts(tmp_path, wb, engines)
    monkeypatch.setattr(Wb, "engine", property(hosts.find))
    hosts.declare(**HOSTS)
    return hosts


@pytest.fixture
def running(hosts: Hosts) -> Hosts:
    """All three run."""
    assert hosts.wb("run", "all").code == ExitCode.OK
    return hosts


EACH: dict[str | None, set[str | None]] = {host: {id_} for id_, host in HOSTS.items()}
NONE: dict[str | None, set[str | None]] = {host: set() for host in HOSTS.values()}


def test_each_instance_is_run_restarted_and_stopped_on_its_own_host(hosts: Hosts) -> None:
    assert "3 ready" in hosts.wb("run", "all").answer
    assert hosts.instances() == EACH
    assert "3 ready" in hosts.wb("restart", "all").answer
    assert hosts.instances() == EACH
    assert "3 stopped" in hosts.wb("stop", "all").answer
    assert hosts.instances() == NONE


def test_a_url_is_told_with_the_host_on_which_it_is_one(hosts: Hosts) -> None:
    port = json.loads((hosts.folder / "servers.json").read_text())[0]["port"]
    url = f"http://127.0.0.1:{port}"
    answer = hosts.wb("run", "all").answer
    assert f"far: ready: {url} on {FAR} (" in answer
    assert f"here: ready: {url} (" in answer
    assert f"far: unchanged: {url} on {FAR}\n" in hosts.wb("run", "far").answer


def test_only_the_hosts_of_the_chosen_instances_are_asked(hosts: Hosts) -> None:
    hosts.lost = {None, WEST}
    assert hosts.wb("run", "far").code == ExitCode.OK
    assert hosts.asked == {FAR}
    assert hosts.wb("run", f"on={FAR}", "--present").code == ExitCode.OK
    assert hosts.asked == {FAR}


def test_a_host_that_is_away_is_told_once_and_the_others_go_on(hosts: Hosts) -> None:
    hosts.declare(**HOSTS, niger="context:west")
    entries = json.loads((hosts.folder / "servers.json").read_text())
    entries[-1]["port"] += 1
    hosts.write(entries)
    hosts.lost = {WEST}
    code, answer, talk = hosts.wb("run", "all")
    assert code == ExitCode.PARTIAL
    assert "2 ready, 2 failed: niger, west" in answer
    assert talk.count(f"{WEST} is away") == 1
    assert "niger, west: " in talk
    assert hosts.instances() == {None: {"here"}, FAR: {"far"}, WEST: set()}
    code, answer, _ = hosts.wb("stop", "all")
    assert code == ExitCode.PARTIAL
    assert "2 stopped" in answer
    assert hosts.instances() == NONE


def test_of_present_instances_those_of_a_host_that_is_away_are_not_forgotten(
    running: Hosts,
) -> None:
    running.wb("stop", "here")
    running.lost = {WEST}
    code, answer, _ = running.wb("run", "all", "--present")
    assert code == ExitCode.PARTIAL
    assert "1 unchanged, 1 failed: west" in answer
    assert running.instances()[None] == set()


def test_status_shows_each_instance_with_its_host(running: Hosts) -> None:
    told = running.json("status")["instances"]
    assert {each["id"]: each["host"] for each in told} == HOSTS
    assert {each["state"] for each in told} == {"running"}
    table = running.wb("status").answer
    assert "HOST" in table
    assert FAR in table
    assert running.wb("status", "-q").answer.split() == ["far", "here", "west"]
    assert running.wb("status", "--exit-code", "-q").code == ExitCode.OK


def test_without_another_host_the_table_has_no_column_for_it(hosts: Hosts) -> None:
    hosts.declare(here=None)
    assert "HOST" not in hosts.wb("status").answer
    assert "HOST" not in hosts.wb("config", "list").answer
    hosts.declare(far=FAR)
    assert FAR in hosts.wb("config", "list").answer


def test_of_a_host_that_is_away_the_state_is_unknown_and_of_the_others_it_is_right(
    running: Hosts,
) -> None:
    running.lost = {FAR}
    told = running.json("status", exits=ExitCode.ENGINE_UNREACHABLE)["instances"]
    states = {each["id"]: each["state"] for each in told}
    assert states == {"here": "running", "far": "unknown", "west": "running"}
    (note,) = next(each["notes"] for each in told if each["id"] == "far")
    assert note == f"{FAR} is away"
    code, answer, talk = running.wb("status")
    assert code == ExitCode.ENGINE_UNREACHABLE
    assert "unknown" in answer
    assert talk.count("error: ") == 1
    assert running.wb("status", "--exit-code", "-q").code == ExitCode.ENGINE_UNREACHABLE
    listed = running.wb("status", "-q")
    assert listed.answer.split() == ["far", "here", "west"]
    assert listed.code == ExitCode.ENGINE_UNREACHABLE


@pytest.fixture
def silent(running: Hosts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    """A host that takes the question, and never answers."""
    monkeypatch.setenv("WB_HOST_TIMEOUT", "1")
    answer = threading.Event()
    monkeypatch.setattr(running.engines[WEST], "observe", answer.wait)
    yield running
    answer.set()


def test_a_host_that_does_not_answer_in_time_is_unknown_and_waited_for_no_longer(
    silent: Hosts,
) -> None:
    code, answer, talk = silent.wb("status")
    assert code == ExitCode.ENGINE_UNREACHABLE
    states = {line.split()[0]: line.split()[1] for line in answer.splitlines()[1:]}
    assert states == {"far": "running", "here": "running", "west": "unknown"}
    assert f"{WEST} did not answer within 1 s" in talk
    assert "host_timeout" in talk


def test_what_only_an_engine_elsewhere_has_is_shown_and_stopped(running: Hosts) -> None:
    running.declare(here=None, other=FAR)
    rows = {each["id"]: each for each in running.json("status")["instances"]}
    assert rows["far"]["host"] == FAR
    assert rows["far"]["notes"][0].startswith("is not in the registry file")
    assert running.wb("stop", "far").code == ExitCode.OK
    assert running.instances()[FAR] == set()
    running.declare(here=None, west=WEST, other=FAR)
    assert running.wb("run", "other").code == ExitCode.OK
    running.declare(west=WEST, more=FAR)
    assert running.wb("stop", "all").code == ExitCode.OK
    assert running.instances() == {None: {"here"}, FAR: set(), WEST: set()}


def test_containers_on_another_host_than_the_declared_one_are_told_in_its_line(
    running: Hosts,
) -> None:
    running.declare(here=None, far=WEST, other=FAR)
    row = next(each for each in running.json("status")["instances"] if each["id"] == "far")
    assert row["host"] == WEST
    assert row["state"] == "stopped"
    assert f"it has containers on {FAR}, too" in row["notes"][-1]
    assert f"wb config set far host={FAR}" in row["notes"][-1]


@pytest.mark.parametrize(
    "line",
    ["run far", "stop far", "restart all", "status far", "logs far", "exec far true", "psql far",
     "why far", "history far", "init-dirs far", "remove-dirs far", "config diff far"],
)  # fmt: skip
def test_an_instance_that_is_declared_on_another_host_than_the_given_one_is_refused(
    running: Hosts, line: str
) -> None:
    running.asked.clear()
    code, _, talk = running.wb("--host", "ssh://root@other", *line.split())
    assert code == ExitCode.USAGE
    assert f"far is declared on {FAR}" in talk
    assert "ssh://root@other" in talk
    assert running.instances() == EACH
    assert not running.asked & {FAR, WEST}


def test_the_given_host_may_be_the_declared_one(running: Hosts) -> None:
    running.engines[None] = running.engines[FAR]
    assert "unchanged" in running.wb("--host", f"{FAR}/", "run", "far").answer
    shown = running.wb("--host", FAR, "status").answer
    assert [line.split()[0] for line in shown.splitlines()[1:]] == ["far", "here"]


@pytest.mark.parametrize("line", ["exec far true", "why far", "logs far"])
def test_a_command_on_one_instance_goes_to_its_host(running: Hosts, line: str) -> None:
    running.asked.clear()
    running.wb(*line.split())
    assert running.asked == {FAR}


def test_a_rehearsal_on_several_hosts_is_refused_before_any_image_is_looked_for(
    running: Hosts,
) -> None:
    code, _, talk = running.wb("upgrade", "all", "--to", "nowhere:1", "--rehearse")
    assert code == ExitCode.USAGE
    assert "works on one host at a time" in talk


def test_a_command_that_works_on_one_host_at_a_time_says_how_to_go_on(running: Hosts) -> None:
    running.wb("stop", "all")
    code, _, talk = running.wb("remove-dirs", "all", "--yes")
    assert code == ExitCode.USAGE
    assert "works on one host at a time" in talk
    assert f"`on={FAR}`" in talk
    assert (running.folder / "here" / "databases").is_dir()


def test_folders_are_made_on_each_host(hosts: Hosts) -> None:
    hosts.lost = {WEST}
    told = hosts.json("init-dirs", "all", exits=ExitCode.PARTIAL)["instances"]
    made = {each["id"]: len(each["folders"]) for each in told}
    assert made == {"here": 5, "far": 5, "west": 0}
    assert "error" in next(each for each in told if each["id"] == "west")
    code, answer, talk = hosts.wb("init-dirs", "all")
    assert code == ExitCode.PARTIAL
    assert "2 of 2 instances: nothing to do" in answer
    assert f"{WEST} is away" in talk


def test_each_host_pulls_the_images_of_its_own_instances(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = json.loads((hosts.folder / "servers.json").read_text())
    hosts.write({**entry, "serverVersion": entry["id"]} for entry in entries)

    def find_images(wb: Wb) -> str | None:
        hosts.find(wb)
        return wb.host

    def pull_all(_: Any, references: tuple[str, ...], *__: Any, **___: Any) -> Iterator[Any]:
        yield from (ImageResult(image, PullEnding.UNCHANGED) for image in references)

    monkeypatch.setattr(Wb, "images", property(find_images))
    monkeypatch.setattr(pull, "pull_all", pull_all)
    hosts.lost = {WEST}
    told = hosts.json("pull", exits=ExitCode.PARTIAL)["images"]
    platforms = {(each["host"], each["image"], each["result"]) for each in told
                 if each["image"].startswith("app:")}  # fmt: skip
    assert platforms == {
        ("here", "app:here", "unchanged"),
        (FAR, "app:far", "unchanged"),
        (WEST, "app:west", "failed"),
    }
    code, answer, talk = hosts.wb("pull")
    assert code == ExitCode.PARTIAL
    assert FAR in answer
    assert talk.count(f"{WEST} is away") == 1


def test_a_difference_is_found_on_each_host(running: Hosts) -> None:
    running.wb("config", "set", "all", "label=New")
    code, answer, _ = running.wb("config", "diff", "--exit-code")
    assert code == ExitCode.DIFFERS
    assert "3 to replace" in answer
    running.lost = {FAR}
    code, answer, talk = running.wb("config", "diff", "--exit-code")
    assert code == ExitCode.PARTIAL
    assert "2 to replace" in answer
    assert "1 cannot be planned: far" in answer
    assert f"{FAR} is away" in talk


def test_the_host_of_an_instance_that_runs_is_not_changed(running: Hosts) -> None:
    running.engines[NEW] = FakeEngine([])
    code, _, talk = running.wb("config", "set", "far", f"host={NEW}")
    assert code == ExitCode.USAGE
    assert f"far has containers on {FAR}: " in talk
    assert "wb does not move it" in talk
    assert "`wb stop far`" in talk
    running.wb("stop", "far")
    code, _, talk = running.wb("config", "set", "far", f"host={NEW}")
    assert code == ExitCode.OK
    assert "nothing was moved: its folders stay in" in talk
    assert FAR in talk


def test_the_host_is_not_changed_where_it_is_not_known_whether_it_runs(running: Hosts) -> None:
    running.lost = {FAR}
    code, _, talk = running.wb("config", "set", "far", f"host={NEW}")
    assert code == ExitCode.ENGINE_UNREACHABLE
    assert f"Whether far has containers on {FAR} is not known" in talk
    assert json.loads((running.folder / "servers.json").read_text())[1]["host"] == FAR


def test_a_new_instance_may_have_the_port_of_one_on_another_host(hosts: Hosts) -> None:
    port = json.loads((hosts.folder / "servers.json").read_text())[0]["port"]
    line = ("config", "add", "new", f"port={port}", f"host={NEW}")
    hosts.engines[NEW] = FakeEngine([])
    assert f", on {NEW}" in hosts.wb(*line).answer
    code, _, talk = hosts.wb("config", "add", "newer", f"port={port}", f"host={FAR}")
    assert code == ExitCode.USAGE
    assert "must be its own; far uses" in talk


def test_a_removed_entry_is_looked_for_on_its_host(running: Hosts) -> None:
    running.asked.clear()
    code, _, talk = running.wb("config", "remove", "far", "--yes")
    assert code == ExitCode.USAGE
    assert "far has containers" in talk
    assert running.asked == {FAR}


def test_config_show_names_the_host_and_where_it_comes_from(hosts: Hosts) -> None:
    values = {each["name"]: each for each in hosts.show("far")}
    assert (values["host"]["value"], values["host"]["from"]) == (FAR, "declared")
    values = {each["name"]: each for each in hosts.show("here")}
    assert (values["host"]["value"], values["host"]["from"]) == (None, "default")


def move_by_hand(hosts: Hosts, id_: str, host: str | None) -> None:
    """Change a host in the file, as an operator may do who does not ask wb."""
    entries = json.loads((hosts.folder / "servers.json").read_text())
    hosts.write(entry | ({"host": host} if entry["id"] == id_ else {}) for entry in entries)
    hosts.engines[host] = FakeEngine(["pg:1", "vk:1", "app:1"])


def test_what_runs_on_one_host_is_not_started_on_another(running: Hosts) -> None:
    move_by_hand(running, "far", NEW)
    for verb in ("run", "restart"):
        code, _, talk = running.wb(verb, "far")
        assert code == ExitCode.USAGE
        assert f"far has containers on {FAR}, where it was started" in talk
        assert f"`wb config set far host={FAR}`" in talk
    assert running.instances()[NEW] == set()
    assert running.instances()[FAR] == {"far"}


def test_what_ran_on_this_machine_is_looked_for_there(running: Hosts) -> None:
    running.engines["context:default"] = running.engines[None]
    move_by_hand(running, "here", NEW)
    code, _, talk = running.wb("run", "here")
    assert code == ExitCode.USAGE
    assert "here has containers on this machine" in talk
    assert "`wb config unset here host`" in talk


def test_where_it_is_not_known_whether_it_runs_it_is_not_started_elsewhere(running: Hosts) -> None:
    move_by_hand(running, "far", NEW)
    running.lost = {FAR}
    code, _, talk = running.wb("run", "far")
    assert code == ExitCode.ENGINE_UNREACHABLE
    assert "whether it still runs there is not known" in talk
    assert str(running.folder / "places" / "far") in talk
    (running.folder / "places" / "far").unlink()
    assert running.wb("run", "far").code == ExitCode.OK


def test_what_was_stopped_may_start_elsewhere_and_its_old_host_is_not_asked(running: Hosts) -> None:
    running.wb("stop", "far")
    move_by_hand(running, "far", NEW)
    running.lost = {FAR}
    assert running.wb("run", "far").code == ExitCode.OK
    assert running.instances()[NEW] == {"far"}


def test_two_names_of_one_engine_are_one_place(running: Hosts) -> None:
    move_by_hand(running, "far", NEW)
    running.engines[NEW] = running.engines[FAR]
    assert "unchanged" in running.wb("run", "far").answer
    assert (running.folder / "places" / "far").read_text() == f"{NEW}\n"


def test_a_command_on_the_chosen_engine_alone_names_the_way_to_the_others(hosts: Hosts) -> None:
    near = Wb({}, None, Console())
    assert [instance.id for instance in list_here(near)] == ["here"]
    said = describe_left_out(near, "doctor")
    assert f"`wb --host {FAR} doctor`" in said
    assert "`wb --context west doctor`" in said
    far = Wb({}, None, Console(), chosen=FAR)
    assert {instance.id for instance in list_here(far)} == {"here", "far"}
    assert FAR not in describe_left_out(far, "doctor")
    hosts.declare(here=None)
    assert describe_left_out(Wb({}, None, Console()), "doctor") == ""
