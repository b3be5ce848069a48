"""Which module holds which command. A module is imported when one of its commands is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import click
import typer
from typer.core import TyperGroup

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
    "pull": "images",
    "images": "images",
    "setup": "setup",
    "schema": "schema",
    "config": "config",
}


class Tree(TyperGroup):
    """The root command. Click's documentation calls this lazily loading subcommands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # nobody adds commands later


class Commands(Mapping[str, click.Command]):
    """All commands by name; each is built when it is looked up."""

    def __getitem__(self, name: str) -> click.Command:
        return registered_by(MODULES[name])[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


@cache
def registered_by(module: str) -> dict[str, click.Command]:
    """The commands that a module of this package adds to the tree."""
    part = typer.Typer(rich_markup_mode=None)
    import_module(f"wb_cli.cli.{module}").register(part)
    return dict(typer.main.get_group(part).commands)
