"""Completion in bash, which hands over words broken at ``@`` and ``=``."""

from __future__ import annotations

import os
from typing import Any

VARIABLE = "_WB_COMPLETE"
MARK, EQUALS = "@", "="


def prepare() -> None:
    """Where this process is to complete a word for bash, make it see whole words."""
    if not os.environ.get(VARIABLE, "").endswith("_bash"):
        return
    from click.shell_completion import CompletionItem, add_completion_class, get_completion_class

    base: Any = get_completion_class("bash")

    class WholeWords(base):  # type: ignore[misc]
        kept = ""

        def get_completion_args(self) -> tuple[list[str], str]:
            args, incomplete = super().get_completion_args()
            *before, last = whole([*args, incomplete])
            self.kept = kept_by_bash(last)
            return before, last

        def format_completion(self, item: CompletionItem) -> str:
            return str(item.value).removeprefix(self.kept)

    add_completion_class(WholeWords, "bash")


def whole(words: list[str]) -> list[str]:
    """The words as they were typed: ``server``, ``=``, ``1.6`` is one, and so is ``@``, ``tag``."""
    joined: list[str] = []
    for word in words:
        ends_open = bool(joined) and (joined[-1] == MARK or joined[-1].endswith(EQUALS))
        if joined and (word == EQUALS or ends_open):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def kept_by_bash(word: str) -> str:
    """What bash leaves standing on the line: all up to the last ``=``, but not an ``@``."""
    return word[: word.rfind(EQUALS) + 1]
