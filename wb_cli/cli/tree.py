"""The module of each command. A module is imported when one of its commands is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
import typer

from wb_cli.cli.group import Group

if TYPE_CHECKING:
    from typer.models import CommandInfo

# In the order of the help.
MODULES = {
    "run": "lifecycle",
    "start": "lifecycle",
    "stop": "lifecycle",
    "restart": "lifecycle",
    "status": "observe",
    "logs": "observe",
    "exec": "observe",
    "init-dirs": "host",
    "dirs": "host",
    "remove-dirs": "removal",
    "pull": "pull",
    "images": "images",
    "setup": "setup",
    "schema": "schema",
    "config": "config",
}


class Tree(Group):
    """The root command. Click's documentation calls this lazily loading subcommands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # no command is added later


class Commands(Mapping[str, click.Command]):
    """All commands by name; each is built when it is looked up."""

    def __getitem__(self, name: str) -> click.Command:
        return build_command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


@cache
def build_command(name: str) -> click.Command:
    """Build one command. Typer gets no other command, as it reads the signature of each."""
    commands = load_commands(MODULES[name])
    commands.registered_groups = [
        group for group in commands.registered_groups if group.name == name
    ]
    commands.registered_commands = [
        info for info in commands.registered_commands if (info.name or _find_name(info)) == name
    ]
    return typer.main.get_group(commands).commands[name]


def _find_name(info: CommandInfo) -> str:
    return typer.main.get_command_name(info.callback.__name__) if info.callback else ""


def load_commands(module: str) -> typer.Typer:
    """Load the commands that a module of this package adds to the tree."""
    commands = typer.Typer(rich_markup_mode=None)
    import_module(f"wb_cli.cli.{module}").register(commands)
    return commands
