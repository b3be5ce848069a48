"""The manual page, from the same source as ``--help``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from wb_cli import __version__
from wb_cli.cli.words.help_texts import EXAMPLES, summarise
from wb_cli.cli.words.tree import GROUPS
from wb_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_CODES = {
    ExitCode.OK: "done, or nothing to do",
    ExitCode.FAILURE: "it failed",
    ExitCode.USAGE: "the command line, a setting or an entry is wrong",
    ExitCode.PARTIAL: "some instances failed, others did not",
    ExitCode.DEGRADED: "running, but without an optional part",
    ExitCode.STILL_STARTING: "not ready in time, left running",
    ExitCode.ENGINE_UNREACHABLE: "the Docker Engine does not answer",
    ExitCode.LOCKED: "another command is changing the instance",
    ExitCode.DIFFERS: "it differs, now (`config diff`, `upgrade --rehearse`) or since (`apply`)",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
    ExitCode.TERMINATED: "ended by SIGTERM or SIGHUP",
}


def list_commands(root: click.Command) -> Iterator[tuple[str, str, click.Command]]:
    """List all commands that are shown: group, words after ``wb``, command; in the help's order."""
    commands = getattr(root, "commands", {})
    for group, names in GROUPS.items():
        for name in names:
            if not commands[name].hidden:
                yield from ((group, *found) for found in _walk(name, commands[name]))


def _walk(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name, child in command.commands.items():
        if not child.hidden:
            yield from _walk(f"{words} {name}", child)


def describe_usage(words: str, command: click.Command) -> str:
    """Give a command with its arguments: ``wb run SELECTOR...``."""
    context = click.Context(command, info_name=words)
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    return " ".join(["wb", words, *pieces])


def make_manual(root: click.Command) -> str:
    """Make the manual page ``wb(1)``, in the man macros of roff."""
    lines = [
        f'.TH WB 1 "" "wb {__version__}" "User Commands"',
        ".SH NAME",
        f"wb \\- {_escape(summarise(root))}",
        ".SH SYNOPSIS",
        ".B wb",
        "[OPTIONS] COMMAND [ARGUMENTS]",
        ".SH DESCRIPTION",
        *_write_text(root.help or ""),
        ".SH OPTIONS",
        *_write_options(root),
    ]
    group = ""
    for of, words, command in list_commands(root):
        if of != group:
            group = of
            lines.append(f'.SH "{group.upper()}"')
        lines += [f".SS {_escape(describe_usage(words, command))}"]
        lines += _write_text(command.help or "")
        lines += _write_options(command)
        lines += _write_examples(command.epilog or "")
    lines += [".SH EXIT STATUS"]
    for code, meaning in EXIT_CODES.items():
        lines += [".TP", f".B {int(code)}", _escape(meaning)]
    return "\n".join(lines)


def _write_text(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield ".PP"
        yield _escape(" ".join(paragraph.split()))


def _write_options(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and "--help" not in parameter.opts:
            yield ".TP"
            yield f".B {_escape(record[0])}"
            yield _escape(record[1])


def _write_examples(epilog: str) -> Iterator[str]:
    _, _, examples = epilog.partition(f"{EXAMPLES}\n")
    if examples:
        yield from (".PP", EXAMPLES, ".PP", ".nf")
        yield from (f"    {_escape(line.strip())}" for line in examples.splitlines())
        yield ".fi"


def _escape(text: str) -> str:
    """Escape what roff would read as its own: backslashes, hyphens, and dots that begin a line."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
