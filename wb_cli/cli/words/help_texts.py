"""The texts of the help: a summary, a body, and examples, one a line."""

from __future__ import annotations

import inspect

import click

EXAMPLES = "Examples:"
KEEP_LINES = "\b"  # Click wraps no paragraph that begins with it


def summarise(command: click.Command) -> str:
    """Give the first line of a command's help, without its full stop."""
    return (command.help or "").partition("\n")[0].removesuffix(".")


def arrange_help(command: click.Command) -> click.Command:
    """Put the examples of a command, and of the commands below it, at the end of their help.

    In a docstring the examples are the last paragraph, below the line ``Examples:``.
    """
    command.help, examples = split_examples(inspect.cleandoc(command.help or ""))
    if examples:
        lines = [f"  {example}" for example in examples]
        command.epilog = "\n".join([KEEP_LINES, EXAMPLES, *lines])
    if isinstance(command, click.Group):
        for child in command.commands.values():
            arrange_help(child)
    return command


def split_examples(text: str) -> tuple[str, list[str]]:
    """Split a help text into its body and its examples."""
    body, _, examples = text.partition(f"\n{EXAMPLES}\n")
    return body.rstrip(), [line.strip() for line in examples.splitlines() if line.strip()]
