"""Did you mean ...? One rule for every word that is not known. Pure."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from wb_cli.errors import UsageError

T = TypeVar("T")

# Below it, words are suggested that only share a few letters with what was typed.
ALIKE = 0.65
SHOWN = 3


def find(word: str, known: Mapping[str, T], message: str, otherwise: str) -> T:
    """What is known by this word. Where nothing is, the error suggests near words.

    Raises:
        UsageError: ``message``, with near words or else ``otherwise`` as its hint.
    """
    if word in known:
        return known[word]
    raise not_known(word, known, message, otherwise)


def not_known(
    word: str, known: Iterable[str], message: str, otherwise: str, *, prefix: str = ""
) -> UsageError:
    """The error for a word that is not known. For the hint see :func:`did_you_mean`."""
    return UsageError(message, did_you_mean(word, known, otherwise, prefix=prefix))


def did_you_mean(word: str, known: Iterable[str], otherwise: str, *, prefix: str = "") -> str:
    """A hint with the known words that look like ``word``, else the hint ``otherwise``.

    Case, ``-`` and ``_`` make no difference. ``prefix`` is put before each suggestion.
    """
    from difflib import get_close_matches  # (needed only to fail)

    by_form = {_form(name): name for name in known}
    near = get_close_matches(_form(word), by_form, n=SHOWN, cutoff=ALIKE)
    names = [prefix + by_form[form] for form in near]
    return f"Did you mean {' or '.join(names)}?" if names else otherwise


def _form(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
