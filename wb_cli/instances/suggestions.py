"""Suggest similar words for a word that is not known. Pure."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from wb_cli.errors import UsageError

T = TypeVar("T")

# With a lower cutoff, words are suggested that share only a few letters with the typed word.
ALIKE = 0.65
SHOWN = 3


def find_or_suggest(word: str, known: Mapping[str, T], message: str, otherwise: str) -> T:
    """Find the value of a word. If the word is not known, the error suggests similar words.

    Raises:
        UsageError: ``message``. The hint names similar words; without such words it is
            ``otherwise``.
    """
    if word in known:
        return known[word]
    raise make_unknown_error(word, known, message, otherwise)


def make_unknown_error(
    word: str, known: Iterable[str], message: str, otherwise: str, *, prefix: str = ""
) -> UsageError:
    """Make the error for a word that is not known. For the hint see :func:`suggest`."""
    return UsageError(message, suggest(word, known, otherwise, prefix=prefix))


def suggest(word: str, known: Iterable[str], otherwise: str, *, prefix: str = "") -> str:
    """Write a hint with the known words that look like ``word``, or else give ``otherwise``.

    Case, ``-`` and ``_`` make no difference. ``prefix`` is put before each suggestion.
    """
    from difflib import get_close_matches  # (slow, and needed only for an error)

    by_form = {_normalise(name): name for name in known}
    near = get_close_matches(_normalise(word), by_form, n=SHOWN, cutoff=ALIKE)
    names = [prefix + by_form[form] for form in near]
    return f"Did you mean {' or '.join(names)}?" if names else otherwise


def _normalise(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
