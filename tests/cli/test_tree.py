"""The command tree, and what it leaves unimported."""

import subprocess
import sys

import pytest
import typer

from wb_cli.cli.tree import MODULES, Commands, registered_by


@pytest.mark.parametrize("module", sorted(set(MODULES.values())))
def test_the_tree_lists_exactly_what_a_module_registers(module: str) -> None:
    listed = [name for name, where in MODULES.items() if where == module]
    assert sorted(typer.main.get_group(registered_by(module)).commands) == sorted(listed)


@pytest.mark.parametrize("name", MODULES)
def test_each_command_is_built_by_itself(name: str) -> None:
    assert Commands()[name].name == name


def test_an_unknown_command_is_none_of_the_tree() -> None:
    assert "rnu" not in Commands()


def imported_after(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom wb_cli.cli.app import run\n"
        f"run({list(arguments)!r})\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_nothing_heavy_is_imported_before_it_is_needed(argument: str) -> None:
    heavy = {"docker", "requests", "rich", "tomlkit", "platformdirs", "http.client", "tomllib"}
    assert imported_after(argument).isdisjoint(heavy)


def test_a_command_leaves_the_other_commands_unimported() -> None:
    of_commands = {f"wb_cli.cli.{module}" for module in MODULES.values()}
    assert imported_after("schema", "run") & of_commands == {"wb_cli.cli.schema"}
