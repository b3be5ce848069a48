"""The errors of a wrong command line, with hints at the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wb_cli.cli.words.group import NoSuchCommandError
from wb_cli.errors import UsageError
from wb_cli.instances.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALL_OPTION = "--all"
# Words of other tools, by the group in which the user types them, each with the command of wb.
KNOWN = {
    "wb": {
        "ps": "wb status",
        "ls": "wb status",
        "list": "wb status",
        "up": "wb run",
        "down": "wb stop",
        "rm": "wb config remove",
        "remove": "wb config remove",
        "add": "wb config add",
        "get": "wb config show",
        "show": "wb config show",
        "set": "wb config set",
        "build": "wb images build",
        "version": "wb --version",
        "-V": "wb --version",
    },
    "wb config": {
        "get": "wb config show",
        "ls": "wb config list",
        "rm": "wb config remove",
        "delete": "wb config remove",
        "create": "wb config add",
        "new": "wb config add",
        "check": "wb config validate",
    },
}


def make_usage_error(
    error: click.ClickException, arguments: Sequence[str], root: click.Command
) -> UsageError:
    """Make wb's error from Click's error. ``arguments`` is the whole command line."""
    context = getattr(error, "ctx", None)
    if context is None:
        path = " ".join(["wb", *_find_command(arguments, root)])
        return UsageError(error.format_message(), f"`{path} --help` shows how.")
    if isinstance(error, NoSuchCommandError):
        return UsageError(error.format_message(), _suggest_for_word(error.word, context))
    if isinstance(error, click.NoSuchOption):
        return UsageError(error.message, _suggest_for_option(error.option_name, context, arguments))
    return UsageError(error.format_message(), _suggest_help(context))


def _find_command(arguments: Sequence[str], root: click.Command) -> Iterator[str]:
    """Find the words that name the command in a line that Click could not read."""
    group = root
    for word in arguments:
        if isinstance(group, click.Group) and word in group.commands:
            yield word
            group = group.commands[word]


def _suggest_for_word(word: str, context: click.Context) -> str:
    known = KNOWN.get(context.command_path, {}).get(word)
    if known:
        return f"`{known}` does that."
    return suggest(
        word, _list_commands(context), _suggest_help(context), prefix=f"{context.command_path} "
    )


def _suggest_for_option(name: str, context: click.Context, arguments: Sequence[str]) -> str:
    root = context.find_root()
    path = context.command_path
    if known := KNOWN.get(path, {}).get(name):
        return f"`{known}` does that."
    if name == ALL_OPTION and any(
        parameter.name == "selectors" for parameter in context.command.params
    ):
        return f"It is a word, not an option: `{path} all`."
    if context is not root and name in _list_options(root):
        return f"{name} stands before the command: `wb {name} ... {path.removeprefix('wb ')}`."
    if similar := suggest(name, _list_options(context), ""):
        return similar
    rest = [word for word in arguments if word != name]
    if context is root and rest and rest[0] in _list_commands(root):
        return f"Options of a command stand after it: `wb {' '.join(rest)} {name}`."
    return _suggest_help(context)


def _list_options(context: click.Context) -> list[str]:
    return [
        option for parameter in context.command.get_params(context) for option in parameter.opts
    ]


def _list_commands(context: click.Context) -> list[str]:
    return list(getattr(context.command, "commands", ()))


def _suggest_help(context: click.Context) -> str:
    return f"`{context.command_path} --help` shows how."
