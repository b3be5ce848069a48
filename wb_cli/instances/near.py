"""Did you mean ...? One rule for every word that is not known. Pure."""

from collections.abc import Iterable

# Below it, words are suggested that only share a few letters with what was typed.
ALIKE = 0.65
SHOWN = 3


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
