"""Complete words in bash, which breaks words at ``@`` and ``=``."""

from __future__ import annotations

import os
from typing import Any

VARIABLE = "_WB_COMPLETE"
MARK, EQUALS = "@", "="


def prepare() -> None:
    """If this process completes a word for bash, let it see whole words."""
    if not os.environ.get(VARIABLE, "").endswith("_bash"):
        return
    from click.shell_completion import CompletionItem, add_completion_class, get_completion_class

    base: Any = get_completion_class("bash")

    class WholeWords(base):  # type: ignore[misc]
        kept = ""

        def get_completion_args(self) -> tuple[list[str], str]:
            args, incomplete = super().get_completion_args()
            *before, last = join_words([*args, incomplete])
            self.kept = find_kept_part(last)
            return before, last

        def format_completion(self, item: CompletionItem) -> str:
            return str(item.value).removeprefix(self.kept)

    add_completion_class(WholeWords, "bash")


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
