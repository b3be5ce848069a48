"""The tree of commands, and the modules that it does not import."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from wb_cli.cli import commands
from wb_cli.cli.words.tree import MODULES, Commands, load_commands

COMMANDS = Path(str(commands.__file__)).parent


@pytest.mark.parametrize("module", sorted(set(MODULES.values())))
def test_the_tree_lists_exactly_what_a_module_registers(module: str) -> None:
    listed = [name for name, where in MODULES.items() if where == module]
    assert sorted(typer.main.get_group(load_commands(module)).commands) == sorted(listed)


def test_every_module_that_registers_commands_is_in_the_tree() -> None:
    registering = {
        ".".join(path.relative_to(COMMANDS).with_suffix("").parts)
        for path in COMMANDS.rglob("*.py")
        if "\ndef register(" in path.read_text()
    }
    assert registering == set(MODULES.values())


@pytest.mark.parametrize("name", MODULES)
def test_each_command_can_be_built_alone(name: str) -> None:
    assert Commands()[name].name == name


def test_an_unknown_command_is_not_in_the_tree() -> None:
    assert "rnu" not in Commands()


# What is called with the fleet and changes no instance.
ONLY_LOOKS = {
    *("collect", "suggest_next_steps", "Survey", "Watch", "FolderRemoval"),
    *("Candidates", "Surveyor", "list_left"),
    *("find_way", "list_stretches"),
}
# What removes nothing of an instance that is declared or has containers, and takes locks itself.
TAKES_LOCKS_ITSELF = {"Remover", "held"}
TAKES_THE_LOCK = {"act_in_steps", "act_in_turn", "act_on_each", "act_with_repository", "Batch"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).split(".")[-1], node


def is_given_the_fleet(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(ast.unparse(value).endswith(".fleet") for value in given)


def test_a_command_changes_an_instance_only_while_it_holds_the_lock() -> None:
    unlocked = set()
    for path in COMMANDS.rglob("*.py"):
        tree = ast.parse(path.read_text())
        locked = {
            inner
            for name, call in calls(tree)
            if name in TAKES_THE_LOCK
            for _, inner in calls(call)
        }
        unlocked |= {
            name for name, call in calls(tree) if is_given_the_fleet(call) and call not in locked
        }
    assert unlocked == ONLY_LOOKS | TAKES_LOCKS_ITSELF


def imported_after(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom wb_cli.cli.app import run\n"
        f"run({list(arguments)!r})\nprint(*sys.modules, file=sys.stderr)"
    )
    unmeasured = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=unmeasured
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_heavy_modules_are_imported_only_when_needed(argument: str) -> None:
    heavy = {"docker", "requests", "rich", "tomlkit", "platformdirs", "http.client", "tomllib"}
    assert imported_after(argument).isdisjoint(heavy)


def test_a_command_does_not_import_other_commands() -> None:
    of_commands = {f"wb_cli.cli.commands.{module}" for module in MODULES.values()}
    assert imported_after("schema", "run") & of_commands == {"wb_cli.cli.commands.schema"}
