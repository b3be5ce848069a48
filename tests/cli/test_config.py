"""wb config on real files, with the words that a person types."""

import json
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
from support.command_line import use_own_settings
from support.json_answers import check

from wb_cli import __version__
from wb_cli.cli.commands import config
from wb_cli.cli.commands.declaring import change as config_change
from wb_cli.cli.console import Console
from wb_cli.cli.context import Wb
from wb_cli.cli.options import complete_id
from wb_cli.engine.types import LABEL_INSTANCE, ImageInfo, Observed, ObservedContainer, State
from wb_cli.errors import EngineUnreachableError, ExitCode, UsageError, WbError
from wb_cli.host import ports
from wb_cli.instances.host_settings.table import SETTINGS
from wb_cli.instances.registry_file.fields import FIELDS
from wb_cli.instances.registry_file.new_entry import FIRST_PORT


@dataclass
class CommandLine:
    """``wb config`` on the test's own registry file."""

    path: Path
    capsys: pytest.CaptureFixture[str]
    observed: Observed = field(default_factory=Observed)
    missing_images: set[str] = field(default_factory=set)
    is_local: bool = True

    def __call__(self, *words: str, **flags: str) -> str:
        wb = Wb({"servers_file": str(self.path), **flags}, None, Console())
        wb.__dict__["engine"] = self  # this object stands in for the engine
        command = typer.main.get_command(config.app)
        self.exit_code = command.main(list(words), obj=wb, standalone_mode=False) or 0
        self.talk = self.capsys.readouterr()
        return self.talk.out

    def complete(self, incomplete: str) -> list[str]:
        context = typer.Context(typer.main.get_command(config.app))
        context.obj = Wb({"servers_file": str(self.path)}, None, Console())
        return complete_id(context, incomplete)

    def observe(self) -> Observed:
        return self.observed

    def find_image(self, reference: str) -> ImageInfo | None:
        is_here = reference not in self.missing_images
        return ImageInfo("sha256:x") if is_here else None

    def suggest_next_steps(self, *words: str) -> list[str]:
        """The next steps that `wb config set` suggests, of `demo` unless others are named."""
        self("set", *([] if "demo" in words else ["demo"]), *words)
        talk = self.talk.err.splitlines()
        return [line.removeprefix("next: ") for line in talk if line.startswith("next: ")]

    def entries(self) -> list[dict[str, Any]]:
        return json.loads(self.path.read_text())


@pytest.fixture
def wb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    use_own_settings(tmp_path, monkeypatch)
    return CommandLine(tmp_path / "servers.json", capsys)


def test_add_fills_in_label_port_version_and_the_locally_built_image(wb: CommandLine) -> None:
    wb("add", "sierra-leone")
    (entry,) = wb.entries()
    assert entry["label"] == "Sierra Leone"
    assert entry["port"] >= FIRST_PORT
    assert entry["serverVersion"] == __version__
    assert entry["image"] == f"wb-platform:{__version__}"


def test_add_names_no_image_where_the_settings_name_one(wb: CommandLine) -> None:
    wb("add", "demo", platform_image="wb-platform:{version}")
    assert "image" not in wb.entries()[0]


def test_add_takes_the_newest_version_in_use_with_its_image(wb: CommandLine) -> None:
    wb("add", "a", "--server-version", "1.9.0")
    wb("add", "b", "--server-version", "1.10.0", "--image", "team/app:1.10.0")
    wb("add", "c")
    assert wb.entries()[2]["serverVersion"] == "1.10.0"
    assert wb.entries()[2]["image"] == "team/app:1.10.0"
    assert "image" not in wb.entries()[0]


def test_add_takes_no_version_whose_image_is_missing_if_another_is_there(wb: CommandLine) -> None:
    wb("add", "a", "--server-version", "1.9.0", "--image", "team/app:1.9.0")
    wb("add", "typo", "--server-version", "9.9.9", "--image", "team/app:9.9.9")
    wb.missing_images.add("team/app:9.9.9")
    wb("add", "b")
    assert {entry["id"]: entry["image"] for entry in wb.entries()}["b"] == "team/app:1.9.0"


def test_add_says_which_folder_it_makes_for_the_registry_file(
    wb: CommandLine, tmp_path: Path
) -> None:
    wb.path = tmp_path / "new" / "servers.json"
    wb("add", "a")
    assert f"made the folder {tmp_path}/new for the registry file" in wb.talk.err
    wb("add", "b")
    assert "made the folder" not in wb.talk.err


def test_add_takes_another_port_each_time(wb: CommandLine) -> None:
    for name in ("a", "b", "c"):
        wb("add", name)
    assert len({entry["port"] for entry in wb.entries()}) == 3


@pytest.mark.parametrize("distance", [0, 10_000])
def test_add_skips_a_port_in_use(wb: CommandLine, distance: int) -> None:
    wb("add", "probe")
    first = wb.entries()[0]["port"]
    wb("remove", "probe", "--yes")
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", first + distance))
        thief.listen()
        wb("add", "demo")
    assert wb.entries()[0]["port"] > first


def test_add_writes_every_option_and_any_other_field(wb: CommandLine) -> None:
    wb(
        "add", "mali", "--label", "Mali", "--port", "9100", "--server-version", "1.6.7",
        "--tag", "west", "--tag", "pilot", "--french", "--ethiopian", "--open-access",
        "memory=2g", "cpus=1.5", "env.ISO_COUNTRY_CODE=ML",
    )  # fmt: skip
    assert wb.entries() == [
        {
            "id": "mali",
            "label": "Mali",
            "serverVersion": "1.6.7",
            "port": 9100,
            "tags": ["west", "pilot"],
            "french": True,
            "ethiopian": True,
            "openAccess": True,
            "memory": "2g",
            "cpus": 1.5,
            "env": {"ISO_COUNTRY_CODE": "ML"},
        }
    ]


def test_add_json_answers_with_the_entry_alone(wb: CommandLine) -> None:
    answer = json.loads(wb("add", "demo", "--json"))
    assert [answer] == wb.entries()
    assert wb.talk.err == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "Demo"], 'id "Demo" must be 1 to 40 of a-z'),
        (["add", "host"], "reserved"),
        (["add", "a-valkey"], "-valkey"),
        (["add", "b", "--port", "80"], "port 80 must be"),
        (["add", "b", "--port", "9100"], "port 9100 (PostgreSQL: 19100) must be its own; a uses"),
        (["add", "b", "--port", "19100"], "must be its own; a uses 9100 and 19100"),
        (["add", "a"], "there is an instance a already"),
        (["add", "b", "instanceDir=.."], 'instanceDir ".." must be'),
        (["add", "b", "instanceDir=a"], 'instanceDir "a" must be its own'),
        (["add", "b", "memry=2g"], 'no field "memry"'),
        (["add", "b", "memory=lots"], 'memory "lots" must be a size'),
        (["add", "b", "memory"], '"memory" is not field=value'),
        (["set", "a", "port=abc"], 'port "abc" must be'),
        (["set", "a", "id=b"], "the id of a cannot change"),
        (["set", "b", "port=9000"], 'no instance "b"'),
        (["unset", "a", "port"], "port is missing"),
        (["unset", "a", "nonsense"], 'no field "nonsense"'),
        (["remove", "b", "--yes"], 'no instance "b"'),
        (["show", "b"], 'no instance "b"'),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    wb: CommandLine, words: list[str], message: str
) -> None:
    wb("add", "a", "--port", "9100")
    before = wb.path.read_bytes()
    with pytest.raises(UsageError) as caught:
        wb(*words)
    assert message in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == ExitCode.USAGE
    assert wb.path.read_bytes() == before


def test_set_changes_fields_and_shows_the_differences(wb: CommandLine) -> None:
    wb("add", "demo", "--port", "9100")
    answer = wb("set", "demo", "port=9200", "tags=a,b", "env.STATUS_API_KEY=hush", "french=true")
    entry = wb.entries()[0]
    assert (entry["port"], entry["tags"], entry["french"]) == (9200, ["a", "b"], True)
    assert entry["env"] == {"STATUS_API_KEY": "hush"}
    assert "port: 9100 -> 9200" in answer
    assert "hush" not in answer


def test_unset_removes_fields_and_single_variables(wb: CommandLine) -> None:
    wb("add", "demo", "memory=2g", "env.A=1", "env.B=2")
    wb("unset", "demo", "memory", "env.A")
    assert "memory" not in wb.entries()[0]
    assert wb.entries()[0]["env"] == {"B": "2"}
    wb("unset", "demo", "env.B")
    assert "env" not in wb.entries()[0]


def test_set_that_changes_nothing_leaves_the_file_alone(wb: CommandLine) -> None:
    wb("add", "demo", "--port", "9100")
    wb.path.write_text(json.dumps(wb.entries(), separators=(",", ":")))
    before = wb.path.stat().st_ino
    assert "nothing to change" in wb("set", "demo", "port=9100")
    assert wb.path.stat().st_ino == before


RUNNING = ObservedContainer(
    "1", "demo", State.RUNNING, "Up", "image", "sha", labels={LABEL_INSTANCE: "demo"}
)


@pytest.fixture
def declared(wb: CommandLine, tmp_path: Path) -> CommandLine:
    """A running instance demo with its folder."""
    (tmp_path / "demo").mkdir()
    wb("add", "demo")
    wb.observed = Observed((RUNNING,))
    return wb


NOTHING_TO_DO = ["nothing to do: no container sees this change"]


@pytest.mark.parametrize(
    ("word", "steps"),
    [
        ("tags=a", NOTHING_TO_DO),
        ("memory=2g", ["`wb run demo` applies it"]),
        ("label=Other", ["`wb run demo` applies it"]),
        ("cachePersistence=aof", ["`wb run demo` applies it"]),
        ("bindAddress=127.0.0.2", ["`wb run demo` applies it"]),
        ("nginxUpstream=10.0.0.5", ["`wb init-nginx demo` has nginx use it"]),
        ("adminVersion=2", ["`wb run demo` applies it"]),
        (
            "instanceDir=else",
            ["`wb init-dirs demo` creates the folders", "`wb run demo` applies it"],
        ),
    ],
)
def test_set_names_the_command_that_applies_the_change(
    declared: CommandLine, word: str, steps: list[str]
) -> None:
    assert declared.suggest_next_steps(word) == steps


def test_set_on_a_stopped_instance_says_that_run_starts_it_with_the_change(
    declared: CommandLine,
) -> None:
    declared.observed = Observed()
    assert declared.suggest_next_steps("memory=2g") == ["`wb run demo` starts with it"]
    assert declared.suggest_next_steps("tags=a") == NOTHING_TO_DO


def test_set_names_an_image_that_is_not_on_the_engine(declared: CommandLine) -> None:
    declared.missing_images.add("team/app:9")
    missing, apply = declared.suggest_next_steps("image=team/app:9")
    assert missing.startswith("the image team/app:9 is not on this engine; `wb pull` fetches it")
    assert apply == "`wb run demo` applies it"


def test_an_image_that_several_instances_miss_is_named_once(declared: CommandLine) -> None:
    declared("add", "other")
    declared.missing_images.add("team/app:9")
    (missing,) = [
        step
        for step in declared.suggest_next_steps("demo", "other", "image=team/app:9")
        if "is not on this engine" in step
    ]
    assert "`wb config set demo other image=...`" in missing


@pytest.mark.parametrize("distance", [0, 10_000])
def test_set_and_add_warn_of_a_port_in_use(declared: CommandLine, distance: int) -> None:
    declared("add", "probe")
    port = declared.entries()[1]["port"]
    declared("remove", "probe", "--yes")
    busy = f"port {port + distance} is taken on this host now"
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", port + distance))
        thief.listen()
        assert declared.suggest_next_steps(f"port={port}")[0].startswith(busy)
        declared("set", "demo", "port=40000")
        declared("add", "other", "--port", str(port))
        assert f"warning: {busy}" in declared.talk.err


def test_set_and_add_warn_of_a_port_of_outgoing_connections(
    declared: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    range_ = ports.PortRange(32_768, 60_999, "33000")
    monkeypatch.setattr(ports, "read_ephemeral_ports", lambda: range_)
    monkeypatch.setattr(ports, "is_free", lambda *_: True)  # whatever this machine has there now
    warning = "port 35000 lies among those of outgoing connections, 32768 to 60999"
    assert declared.suggest_next_steps("port=25000")[0].startswith(warning)
    assert declared.suggest_next_steps("port=23000") == ["`wb run demo` applies it"]
    declared("add", "other", "--port", "25000")
    assert f"warning: {warning}" in declared.talk.err
    assert "9000 to 22767 are safe" in declared.talk.err


def test_set_does_not_warn_of_the_instance_s_own_ports(
    declared: CommandLine,
) -> None:
    port = declared.entries()[0]["port"]
    with socket.socket() as own:
        own.bind(("127.0.0.1", port + 10_000))
        own.listen()
        assert declared.suggest_next_steps(f"port={port + 10_000}") == ["`wb run demo` applies it"]


def test_set_changes_the_entry_even_if_the_engine_does_not_answer(
    declared: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: CommandLine) -> Observed:
        raise EngineUnreachableError("the Docker Engine does not answer")

    monkeypatch.setattr(CommandLine, "observe", fail)
    (step,) = declared.suggest_next_steps("memory=2g")
    assert step.startswith("`wb run demo` applies it; how it stands is not known: the Docker")
    assert declared.entries()[0]["memory"] == "2g"
    with pytest.raises(EngineUnreachableError) as caught:
        declared("remove", "demo", "--yes")
    assert "`wb config remove demo --force`" in caught.value.hint


def test_set_json_answers_with_each_change_and_hides_variables(wb: CommandLine) -> None:
    wb("add", "demo", "--port", "9100", "env.A=hush")
    answer = json.loads(wb("set", "demo", "port=9200", "--json"))
    assert answer == {
        "isDryRun": False,
        "instances": [
            {
                "id": "demo",
                "changes": [{"field": "port", "old": "9100", "new": "9200"}],
                "entry": wb.entries()[0] | {"env": {"A": "***"}},
            }
        ],
    }
    assert wb.entries()[0]["env"] == {"A": "hush"}


@pytest.fixture
def three(wb: CommandLine) -> CommandLine:
    """Two instances with the tag field, and one without."""
    for number, name in enumerate(("chad", "mali", "peru")):
        wb("add", name, "--port", str(9100 + number))
    wb("set", "chad", "mali", "tags+=field")
    return wb


def test_set_changes_every_selected_instance_and_shows_each(three: CommandLine) -> None:
    answer = three("set", "@field", "memory=2g", "tags+=ministry", "tags-=field")
    assert answer.splitlines() == [
        'chad  tags: ["field"] -> ["ministry"]',
        '      memory: not set -> "2g"',
        'mali  tags: ["field"] -> ["ministry"]',
        '      memory: not set -> "2g"',
    ]
    assert [entry.get("memory") for entry in three.entries()] == ["2g", "2g", None]
    assert three.talk.err.splitlines()[-1] == "next: `wb run chad mali` starts with it"
    three("unset", "@ministry", "memory", "tags")
    assert all("memory" not in entry for entry in three.entries())


def test_the_next_step_has_the_words_of_the_command_if_they_still_hold(three: CommandLine) -> None:
    three("set", "@field", "memory=2g")
    assert three.talk.err.splitlines()[-1] == "next: `wb run @field` starts with it"


def test_a_dry_run_of_set_shows_old_and_new_and_writes_nothing(three: CommandLine) -> None:
    before = three.path.read_bytes()
    answer = three("set", "all", "tags+=field", "--dry-run")
    assert answer.splitlines() == [
        "chad  nothing to change",
        "mali  nothing to change",
        'peru  tags: not set -> ["field"]',
    ]
    assert three.talk.err == "1 of 3 would change; nothing was written\n"
    assert json.loads(three("unset", "all", "tags", "--dry-run", "--json"))["isDryRun"] is True
    assert three.path.read_bytes() == before


def test_set_on_several_writes_nothing_if_one_cannot_take_it(three: CommandLine) -> None:
    before = three.path.read_bytes()
    for words in (["@field", "port=9500"], ["all", "memory=lots"], ["chad", "nobody", "cpus=1"]):
        with pytest.raises(UsageError):
            three("set", *words)
    assert three.path.read_bytes() == before


def test_set_repairs_a_refused_entry(wb: CommandLine) -> None:
    wb.path.write_text('[{"id": "old", "label": "Old", "port": "9100", "serverVersion": "1.5"}]')
    wb("set", "old", "port=9100")
    wb("validate")
    assert wb.exit_code == ExitCode.OK


def test_list_shows_valid_entries_on_stdout_and_refused_ones_on_stderr(wb: CommandLine) -> None:
    wb("add", "demo", "--port", "9100")
    wb.path.write_text(json.dumps([*wb.entries(), {"id": "old", "port": "9100"}]))
    answer = wb("list")
    assert answer.splitlines()[1].split()[:4] == ["demo", "Demo", "9100", "19100"]
    assert "old" not in answer
    assert "label is missing" in wb.talk.err


def test_list_json_has_valid_and_refused_entries(wb: CommandLine) -> None:
    wb.path.write_text(
        '[{"id":"a","label":"A","port":9000,"serverVersion":"1.6","x":[1]}, {"id":"Bad"}]'
    )
    answer = json.loads(wb("list", "--json"))
    assert answer["instances"][0]["x"] == [1]
    assert answer["refused"][0]["entry"] == {"id": "Bad"}
    assert "must be 1 to 40" in answer["refused"][0]["problem"]


def test_show_says_of_every_value_where_it_comes_from(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wb("add", "demo", "--port", "9100", "memory=2g")
    monkeypatch.setenv("WB_BIND_ADDRESS", "127.0.0.2")
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in wb("show", "demo").splitlines()}
    assert rows["memory"] == ["2g", "declared"]
    assert rows["french"] == ["false", "default"]
    assert rows["bindAddress"] == [
        "127.0.0.2",
        "setting: bind_address (environment WB_BIND_ADDRESS)",
    ]
    assert rows["platformAddress"] == ["127.0.0.2:9100", "derived: bindAddress and port"]
    assert rows["postgresPort"][0] == "19100"


@pytest.mark.parametrize("words", [["show", "demo"], ["list"]])
def test_the_values_of_variables_are_hidden_unless_revealed(
    wb: CommandLine, words: list[str]
) -> None:
    wb("add", "demo", "env.STATUS_API_KEY=hush")
    wb.path.write_text(json.dumps([*wb.entries(), {"id": "old", "env": {"K": "hush"}}]))
    for form in ([], ["--json"]):
        assert "hush" not in wb(*words, *form)
    assert "STATUS_API_KEY" in wb(*words, "--json")
    assert "hush" in wb(*words, "--json", "--reveal")
    assert "STATUS_API_KEY=hush" in wb("show", "demo", "--reveal")


def test_show_json_has_every_value_and_the_entry_of_the_file(wb: CommandLine) -> None:
    wb("add", "demo", "env.STATUS_API_KEY=hush")
    answer = check("config show", wb("show", "demo", "--json", "--reveal"))
    assert answer["entry"] == wb.entries()[0]
    values = {value["name"]: value for value in answer["values"]}
    assert values["restart"] == {
        "name": "restart", "value": "always", "from": "default", "detail": None,
    }  # fmt: skip
    assert values["env"]["value"] == {"STATUS_API_KEY": "hush"}


def test_remove_removes_one_entry(wb: CommandLine) -> None:
    wb("add", "a")
    wb("add", "b")
    assert "folders" in wb("remove", "a", "--yes")
    assert [entry["id"] for entry in wb.entries()] == ["b"]


def test_remove_names_the_folders_that_stay(wb: CommandLine, tmp_path: Path) -> None:
    mounted = str(tmp_path)
    for name in ("a", "b"):
        wb("add", name)
    (tmp_path / "a").mkdir()
    said = wb("remove", "a", "--yes", mount_path=mounted)
    assert said == f"removed a; its folders and its password stay ({tmp_path}/a)\n"
    assert wb("remove", "b", "--yes", mount_path=mounted) == "removed b; it has no folders\n"


def test_remove_without_yes_and_without_a_terminal_changes_nothing(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wb("add", "a")
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        with pytest.raises(UsageError, match="Remove a") as caught:
            wb("remove", "a")
    assert "`wb remove-dirs a` removes them, before this" in caught.value.message
    assert len(wb.entries()) == 1


def test_remove_refuses_an_instance_that_has_containers(wb: CommandLine) -> None:
    wb("add", "demo")
    wb.observed = Observed(
        (
            ObservedContainer(
                "1", "demo", State.EXITED, "", "image", "sha", labels={LABEL_INSTANCE: "demo"}
            ),
        )
    )
    with pytest.raises(UsageError, match="demo has containers: demo") as caught:
        wb("remove", "demo", "--yes")
    assert "wb stop demo" in caught.value.hint
    assert len(wb.entries()) == 1
    wb("remove", "demo", "--yes", "--force")
    assert wb.entries() == []


def test_remove_removes_a_refused_entry_too(wb: CommandLine) -> None:
    wb.path.write_text('[{"id": "Bad One"}]')
    wb("remove", "Bad One", "--yes")
    assert wb.entries() == []


def test_validate_names_every_problem_and_exits_2(wb: CommandLine) -> None:
    wb.path.write_text('[{"id": "a", "port": "9100"}, 7]')
    answer = wb("validate")
    assert wb.exit_code == ExitCode.USAGE
    for part in (
        "label is missing",
        'port "9100"',
        "serverVersion is missing",
        "line 1 (an entry)",
    ):
        assert part in answer


def test_validate_names_the_line_of_each_problem(wb: CommandLine) -> None:
    wb.path.write_text('[\n {"id": "a",\n  "port": "9100",\n  "cpus": 0\n }\n]')
    assert wb("validate").splitlines() == [
        "line 2 (a): label is missing",
        'line 3 (a): port "9100" must be a whole number from 1000 to 55535, without quotes',
        "line 2 (a): serverVersion is missing",
        "line 4 (a): cpus 0 must be a number of processors from 0.01 to 1024, such as 1.5",
        "  `wb config set a label=... port=9100 serverVersion=... cpus=...` corrects it.",
    ]
    (refused,) = check("config validate", wb("validate", "--json"))["refused"]
    assert [problem["line"] for problem in refused["problems"]] == [2, 3, 2, 4]


def test_validate_json_lists_valid_and_refused(wb: CommandLine) -> None:
    wb("add", "demo")
    assert json.loads(wb("validate", "--json")) == {
        "valid": ["demo"],
        "refused": [],
        "warnings": [],
    }
    assert wb.exit_code == ExitCode.OK


def test_validate_warns_of_probable_mistakes(wb: CommandLine) -> None:
    wb("add", "demo")
    entry = wb.entries()[0] | {"frnech": True, "colour": "x", "env": {"PG_HOST": "x", "A-B": "y"}}
    wb.path.write_text(json.dumps([entry], indent=2))
    lines = wb("validate").splitlines()
    assert wb.exit_code == ExitCode.OK
    assert lines[0] == ('line 8 (demo): warning: unknown field "frnech". Did you mean french?')
    assert lines[1].endswith('unknown field "colour". It is kept, and means nothing to wb.')
    assert "env.PG_HOST: wb sets this variable itself" in lines[2]
    assert "env.A-B: the name of a variable" in lines[3]
    assert "1 valid, 0 refused, 4 warnings" in wb.talk.err
    warnings = json.loads(wb("validate", "--json"))["warnings"]
    assert [warning["line"] for warning in warnings] == [8, 9, 11, 12]


@pytest.mark.parametrize("name", ["PG_HOST", "VALKEY_URL", "INSTANCE_NAME", "PORT", "FOO-X", "1A"])
@pytest.mark.parametrize("form", ["env.NAME=x", 'env={"NAME": "x"}'])
def test_variables_that_wb_sets_or_no_program_can_read_are_refused(
    wb: CommandLine, name: str, form: str
) -> None:
    wb("add", "demo")
    before = wb.path.read_bytes()
    with pytest.raises(UsageError, match=f"^env.{name}: "):
        wb("set", "demo", form.replace("NAME", name))
    assert wb.path.read_bytes() == before


def test_such_a_variable_in_the_file_stays_and_can_be_removed(wb: CommandLine) -> None:
    wb("add", "demo")
    wb.path.write_text(json.dumps([wb.entries()[0] | {"env": {"PG_HOST": "x"}}]))
    wb("set", "demo", "label=Demo", "env.A=b")
    assert wb.entries()[0]["env"] == {"PG_HOST": "x", "A": "b"}
    assert "env.PG_HOST: removed" in wb("unset", "demo", "env.PG_HOST")


@pytest.mark.parametrize("words", [["list"], ["validate"], ["add", "x"], ["remove", "x", "--yes"]])
def test_no_command_replaces_an_unreadable_registry_file(wb: CommandLine, words: list[str]) -> None:
    wb.path.write_text('[{"id": "a",')
    with pytest.raises(WbError, match="line 1, column 13") as caught:
        wb(*words)
    assert caught.value.exit_code == ExitCode.USAGE
    assert wb.path.read_text() == '[{"id": "a",'


def test_settings_show_the_origin_of_each_value_and_hide_secrets(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "hush")
    monkeypatch.setenv("DOMAIN", "example.org")
    monkeypatch.delenv("MOUNT_PATH")
    answer = wb("settings")
    assert "hush" not in answer
    rows = {line.split()[0]: line for line in answer.splitlines()}
    assert rows["domain"].endswith("environment DOMAIN")
    assert "***" in rows["postgres_password"]
    assert rows["servers_file"].endswith("flag")
    assert rows["mount_path"].endswith("default")


def test_settings_json_has_every_setting(wb: CommandLine) -> None:
    rows = json.loads(wb("settings", "--json"))["settings"]
    assert [row["name"] for row in rows] == [setting.name for setting in SETTINGS]
    assert set(rows[0]) == {"name", "environment", "value", "from"}


def test_fields_lists_values_default_and_meaning_of_each_field(wb: CommandLine) -> None:
    lines = {line.split()[0]: line for line in wb("fields").splitlines()}
    assert "rdb or aof" in lines["cachePersistence"]
    assert "setting cache_persistence" in lines["cachePersistence"]
    assert lines["port"].split()[1:5] == ["1000", "to", "55535", "required"]
    fields = check("config fields", wb("fields", "--json"))["fields"]
    assert [field["name"] for field in fields] == [field.name for field in FIELDS]
    by_name = {field["name"]: field for field in fields}
    assert by_name["restart"]["choices"] == ["always", "no"]
    assert by_name["port"]["isRequired"] is True
    assert by_name["image"]["setting"] == "platform_image"


def test_a_command_that_only_reads_makes_no_file(wb: CommandLine, tmp_path: Path) -> None:
    for words in (["list"], ["validate"], ["settings"], ["fields"]):
        wb(*words)
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_may_read_a_new_registry_file(wb: CommandLine) -> None:
    wb("add", "demo")
    assert stat.S_IMODE(wb.path.stat().st_mode) == 0o600


def test_ids_are_completed_and_an_unreadable_file_completes_nothing(wb: CommandLine) -> None:
    wb("add", "mali")
    wb("add", "malawi")
    wb("add", "kenya")
    assert wb.complete("mal") == ["malawi", "mali"]
    wb.path.write_text("[")
    assert wb.complete("mal") == []


@pytest.mark.parametrize(
    ("incomplete", "words"),
    [
        ("ma", ["mali"]),
        ("mem", ["memory="]),
        ("cachePersistence=", ["cachePersistence=rdb", "cachePersistence=aof"]),
        ("french=t", ["french=true"]),
        ("port=", []),
        ("@f", ["@field"]),
    ],
)
def test_selectors_fields_and_their_values_are_completed(
    wb: CommandLine, incomplete: str, words: list[str]
) -> None:
    wb("add", "mali", "--tag", "field")
    context = typer.Context(typer.main.get_command(config.app))
    context.obj = Wb({"servers_file": str(wb.path)}, None, Console())
    assert config_change.complete_set_word(context, incomplete) == words


def test_only_fields_that_can_be_taken_away_are_completed_for_unset(wb: CommandLine) -> None:
    wb("add", "mali")
    context = typer.Context(typer.main.get_command(config.app))
    context.obj = Wb({"servers_file": str(wb.path)}, None, Console())
    assert config_change.complete_unset_word(context, "m") == ["mali", "mountDatabases", "memory"]
    assert config_change.complete_unset_word(context, "port") == []


def _commands() -> dict[str, Callable[..., Any]]:
    return dict(typer.main.get_command(config.app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(_commands()))
def test_every_command_has_help_and_an_example(name: str) -> None:
    command: Any = _commands()[name]
    assert command.help
    assert f"wb config {name}" in command.epilog
    for parameter in command.params:
        assert getattr(parameter, "help", None), parameter.name
