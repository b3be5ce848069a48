"""The module of each command. A module is imported when one of its commands is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
import typer

from wb_cli.cli.words.group import Group
from wb_cli.cli.words.help_texts import arrange_help, summarise

if TYPE_CHECKING:
    from typer.models import CommandInfo

# The groups of the help, each with its commands and their modules, in the order of the help.
GROUPS = {
    "Instances": {
        "run": "lifecycle",
        "start": "lifecycle",
        "stop": "lifecycle",
        "restart": "lifecycle",
        "plan": "planning",
        "apply": "planning",
        "init-dirs": "folders",
        "dirs": "folders",
        "remove-dirs": "removal",
        "upgrade": "upgrading.upgrade",
        "rollback": "upgrading.rollback",
        "repair": "repairing",
        "adopt": "adopt",
    },
    "Look": {
        "status": "status",
        "doctor": "doctor",
        "logs": "logs",
        "why": "why",
        "history": "history",
    },
    "Data": {
        "psql": "inside.programs",
        "valkey": "inside.programs",
        "shell": "inside.programs",
        "open": "inside.programs",
        "token": "token",
        "rotate-secret": "rotating",
        "exec": "inside.programs",
        "backup": "backups.group",
        "restore": "backups.restore",
        "clone": "backups.clone",
        "upgrade-postgres": "backups.upgrade_postgres",
        "export": "backups.dump",
        "import": "backups.dump",
    },
    "Edge": {
        "init-nginx": "edge.nginx",
        "remove-nginx": "edge.nginx",
        "list-nginx": "edge.nginx",
        "init-ssl": "edge.ssl",
        "remove-ssl": "edge.ssl",
        "list-ssl": "edge.ssl",
        "reload-nginx": "edge.ssl",
    },
    "Configuration": {
        "config": "config",
        "schema": "schema",
    },
    "Machine": {
        "setup": "setup",
        "autostart": "autostart",
        "pull": "images.pull",
        "images": "images.group",
        "prune": "images.prune",
        "completion": "completion",
        "help": "help",
    },
}
MODULES = {name: module for group in GROUPS.values() for name, module in group.items()}


class Tree(Group):
    """The root command. Click's documentation calls this lazily loading subcommands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # no command is added later

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of each group below its name."""
        del ctx
        width = max(len(name) for name in MODULES)
        for group, names in GROUPS.items():
            shown = [name for name in names if not self.commands[name].hidden]
            rows = [(name.ljust(width), summarise(self.commands[name])) for name in shown]
            with formatter.section(group):
                formatter.write_dl(rows)


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
    return arrange_help(typer.main.get_group(commands).commands[name])


def _find_name(info: CommandInfo) -> str:
    return typer.main.get_command_name(info.callback.__name__) if info.callback else ""


def load_commands(module: str) -> typer.Typer:
    """Load the commands that a module of this package adds to the tree."""
    commands = typer.Typer(rich_markup_mode=None)
    import_module(f"wb_cli.cli.commands.{module}").register(commands)
    return commands
