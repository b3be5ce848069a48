"""Tell wb's own words from those of a command inside a container. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

END_OF_OPTIONS = "--"
# What runs inside, for the commands that run always the same.
PROGRAMS = {"psql": "psql", "valkey": "valkey-cli", "shell": "the shell"}


def split_words(command: str, instance: str, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the words after the id into those before and those after the first ``--``.

    Of `wb exec` only a first ``--`` counts, as a command may have a ``--`` of its own.

    Raises:
        UsageError: an option stands after the id.
    """
    given = list(words)
    end = given.index(END_OF_OPTIONS) if END_OF_OPTIONS in given else len(given)
    if command == "exec" and end > 0:
        end = len(given)
    own = given[:1] if command == "exec" else given[:end]
    if option := next(filter(_is_option, own), ""):
        raise _make_misplaced_error(command, instance, given, option)
    return given[:end], given[end + 1 :]


def _is_option(word: str) -> bool:
    return word.startswith("-") and word not in {"-", END_OF_OPTIONS}


def _make_misplaced_error(command: str, instance: str, words: list[str], option: str) -> UsageError:
    place = words.index(option)
    message = f"{option} stands after the id; options of `wb {command}` stand before it"
    if command == "exec":
        return UsageError(
            message,
            f"`wb exec {option} ... {instance} COMMAND`. `wb exec --help` lists them. A command "
            f"that begins with a dash stands after `--`.",
        )
    line = ["wb", command, instance, *words[:place], END_OF_OPTIONS]
    line += [word for word in words[place:] if word != END_OF_OPTIONS]
    return UsageError(
        message,
        f"`wb {command} --help` lists them. For {PROGRAMS[command]}: `{shlex.join(line)}`.",
    )
