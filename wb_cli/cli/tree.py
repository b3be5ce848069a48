"""Which module holds which command. A module is imported when one of its commands is used."""

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
    "pull": "images",
    "images": "images",
    "setup": "setup",
    "schema": "schema",
    "config": "config",
}


class Tree(Group):
    """The root command. Click's documentation calls this lazily loading subcommands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # nobody adds commands later


class Commands(Mapping[str, click.Command]):
    """All commands by name; each is built when it is looked up."""

    def __getitem__(self, name: str) -> click.Command:
        return built(name)

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


@cache
def built(name: str) -> click.Command:
    """One command. Typer reads the signatures of all that it is given, so it is given this one."""
    part = registered_by(MODULES[name])
    part.registered_groups = [each for each in part.registered_groups if each.name == name]
    part.registered_commands = [
        each for each in part.registered_commands if (each.name or _named_after(each)) == name
    ]
    return typer.main.get_group(part).commands[name]


def _named_after(info: CommandInfo) -> str:
    return typer.main.get_command_name(info.callback.__name__) if info.callback else ""


def registered_by(module: str) -> typer.Typer:
    """What a module of this package adds to the tree."""
    part = typer.Typer(rich_markup_mode=None)
    import_module(f"wb_cli.cli.{module}").register(part)
    return part
