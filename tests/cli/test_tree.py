"""The tree of commands, and the modules that it does not import."""

import subprocess
import sys

import pytest
import typer

from wb_cli.cli.tree import MODULES, Commands, load_commands


@pytest.mark.parametrize("module", sorted(set(MODULES.values())))
def test_the_tree_lists_exactly_what_a_module_registers(module: str) -> None:
    listed = [name for name, where in MODULES.items() if where == module]
    assert sorted(typer.main.get_group(load_commands(module)).commands) == sorted(listed)


@pytest.mark.parametrize("name", MODULES)
def test_each_command_can_be_built_alone(name: str) -> None:
    assert Commands()[name].name == name


def test_an_unknown_command_is_not_in_the_tree() -> None:
    assert "rnu" not in Commands()


def imported_after(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom wb_cli.cli.app import run\n"
        f"run({list(arguments)!r})\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_heavy_modules_are_imported_only_when_needed(argument: str) -> None:
    heavy = {"docker", "requests", "rich", "tomlkit", "platformdirs", "http.client", "tomllib"}
    assert imported_after(argument).isdisjoint(heavy)


def test_a_command_does_not_import_other_commands() -> None:
    of_commands = {f"wb_cli.cli.{module}" for module in MODULES.values()}
    assert imported_after("schema", "run") & of_commands == {"wb_cli.cli.schema"}
