"""A string that does not show itself."""

from typing import final


@final
class Secret:
    """A password or key. ``repr``, ``str`` and f-strings show ``***``; :meth:`reveal` gives it.

    It compares and hashes by its value, so it can stand in frozen data.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Only the code that passes it to a container or a server needs it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)
