"""The README names everything that a user can type or set."""

import ast
import re
from enum import StrEnum
from itertools import takewhile
from pathlib import Path

import click
import pytest
from faults import changes, kills
from faults.engine.faulty_engine import How
from faults.tally import TWO_WRITERS, name_fault
from support.command_line import every_command
from support.readme_table import put_table_into

import wb_cli
from wb_cli.errors import ExitCode
from wb_cli.instances.host_settings.setting import Setting
from wb_cli.instances.host_settings.table import SETTINGS
from wb_cli.instances.registry_file.field import Field
from wb_cli.instances.registry_file.fields import FIELDS
from wb_cli.observe.status.instance_state import EXIT_CODES, Condition, InstanceState

README_PATH = Path(__file__).parent.parent / "README.md"
README = README_PATH.read_text()


COMMANDS = {
    path: command
    for path, command in every_command().items()
    if not isinstance(command, click.Group) and not command.hidden
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_readme(command: str) -> None:
    # `wb remove-dirs` is not a mention of `wb remove`.
    assert re.search(rf"`{command}[` ]", README)


def test_the_table_of_commands_is_the_one_that_the_help_gives() -> None:
    assert put_table_into(README) == README


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str) -> None:
    assert COMMANDS[command].help


@pytest.mark.parametrize(
    "option",
    [
        pytest.param(parameter, id=f"{path} {parameter.name}")
        for path, command in COMMANDS.items()
        for parameter in command.params
        if isinstance(parameter, click.Option)
    ],
)
def test_every_option_says_what_it_does(option: click.Option) -> None:
    assert option.help


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_stands_in_the_readme(setting: Setting) -> None:
    assert f"`{setting.env}`" in README


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_of_the_registry_file_stands_in_the_readme(field: Field) -> None:
    assert f"`{field.name}`" in README


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_stands_in_the_readme(code: ExitCode) -> None:
    assert f"| {int(code)}" in README or f"{int(code)} |" in README


TRAVELS = README.split("## How `wb run demo` travels")[1].split("\n## ")[0]
PLACES = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", TRAVELS)


def test_the_walk_through_the_code_names_places() -> None:
    assert len(PLACES) > 10


@pytest.mark.parametrize(("file", "name"), PLACES, ids=lambda text: text)
def test_every_place_on_the_walk_through_the_code_is_there(file: str, name: str) -> None:
    source = Path(wb_cli.__file__).parent.joinpath(file).read_text()
    defined = {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert not name or name in defined


@pytest.mark.parametrize(
    ("heading", "states"), [("instance", InstanceState), ("container", Condition)]
)
def test_the_readme_s_tables_of_states_have_exactly_those_that_there_are(
    heading: str, states: type[StrEnum]
) -> None:
    assert words_of_table(heading) == list(states)


def test_the_readme_gives_the_exit_code_of_each_state() -> None:
    states = README.split("\n### States\n")[1].split("\n#")[0]
    given = dict(re.findall(r"^\| `(\w+)` \| .* \| (\d+) \|$", states, re.MULTILINE))
    assert given == {state: str(int(code)) for state, code in EXIT_CODES.items()}


def words_of_table(heading: str) -> list[str]:
    """The words in the first column of the table with that heading."""
    _, _, table = README.partition(f"| {heading} | meaning |")
    _, _, table = table.partition("\n| --- | --- |")
    _, _, table = table.partition("\n")
    rows = takewhile(lambda line: line.startswith("| "), table.splitlines())
    return [row.split("`")[1] for row in rows]


FAULTS = Path(__file__).with_name("faults")


def test_the_readme_s_table_of_faults_has_the_names_that_the_tally_prints() -> None:
    _, _, table = README.partition(
        "| fault | tries | held | lost |\n| --- | ---: | ---: | ---: |\n"
    )
    rows = takewhile(lambda line: line.startswith("| "), table.splitlines())
    counted_by_try = {how.value for how in How if how is not How.DELAYED}
    counted_by_try |= {kills.FAULT, *changes.FAULTS}
    texts = [path.read_text() for path in FAULTS.glob("test_*.py")]
    counted_by_test = {
        name_fault(ast.get_docstring(ast.parse(text)) or "")
        for text in texts
        if "pytest.mark.faults" in text and "tries: Tries" not in text
    }
    assert {row.split(" | ")[0].removeprefix("| ") for row in rows} == {
        *counted_by_try, *counted_by_test, TWO_WRITERS
    }  # fmt: skip


CONTRIBUTING = README_PATH.with_name("CONTRIBUTING.md").read_text()


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:wb_cli|tests)/[\w/.]*)`", CONTRIBUTING)))
)
def test_every_place_that_a_recipe_names_is_there(path: str) -> None:
    assert README_PATH.parent.joinpath(path).exists()


@pytest.mark.parametrize(
    ("name", "path"),
    re.findall(r"`(\w+)` (?:in|of) `((?:wb_cli|tests)/[\w/]+\.py)`", CONTRIBUTING),
)
def test_every_name_that_a_recipe_gives_is_in_its_file(name: str, path: str) -> None:
    assert re.search(rf"\b{name}\b", README_PATH.parent.joinpath(path).read_text())
