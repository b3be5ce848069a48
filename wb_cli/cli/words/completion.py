"""Complete words for bash, zsh and fish, with the scripts and the protocol of Click.

bash breaks words at ``@`` and ``=``; wb joins them again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click

PROGRAM, VARIABLE = "wb", "_WB_COMPLETE"
MARK, EQUALS = "@", "="


def answer(command: click.Command) -> bool:
    """If a shell asks this process to complete a word, answer it; whether one asked."""
    asked = os.environ.get(VARIABLE, "")
    if not asked:
        return False
    from click.shell_completion import shell_complete

    _take_scripts_of_click()
    shell_complete(command, {}, PROGRAM, VARIABLE, asked)
    return True


def make_script(shell: str) -> str:
    """Make the script that teaches a shell to ask wb."""
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    made: Any = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}[shell]
    script = made(None, {}, PROGRAM, VARIABLE)
    # Not `source()`: it runs bash to ask for its version, and this may be another machine's script.
    return str(script.source_template % script.source_vars()).strip()


def _take_scripts_of_click() -> None:
    """Answer as Click's own scripts expect it. Typer may have put its classes in their place."""
    from click.shell_completion import (
        BashComplete,
        CompletionItem,
        FishComplete,
        ZshComplete,
        add_completion_class,
    )

    class WholeWords(BashComplete):
        kept = ""

        def get_completion_args(self) -> tuple[list[str], str]:
            args, incomplete = super().get_completion_args()
            *before, last = join_words([*args, incomplete])
            self.kept = find_kept_part(last)
            return before, last

        def format_completion(self, item: CompletionItem) -> str:
            return f"{item.type},{str(item.value).removeprefix(self.kept)}"

    for made in (WholeWords, ZshComplete, FishComplete):
        add_completion_class(made)


def join_words(words: list[str]) -> list[str]:
    """Join the words as the user typed them: ``server``, ``=``, ``1.6`` are one word."""
    joined: list[str] = []
    for word in words:
        ends_open = bool(joined) and (joined[-1] == MARK or joined[-1].endswith(EQUALS))
        if joined and (word == EQUALS or ends_open):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def find_kept_part(word: str) -> str:
    """Find the part of a word that bash keeps: everything up to the last ``=``."""
    return word[: word.rfind(EQUALS) + 1]
