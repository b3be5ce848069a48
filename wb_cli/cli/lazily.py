"""A property that is made once, at its first use, whichever thread comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import Self

T = TypeVar("T")


class lazily(Generic[T]):  # noqa: N801  (it is written as a decorator)
    """A property that is kept in its object.

    ``functools.cached_property`` of Python 3.11 has one lock for the objects of all hosts. One host
    that does not answer would then delay the others. This one takes the object's own ``lock``.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self._name, self.__doc__ = make, make.__name__, make.__doc__

    @overload
    def __get__(self, owner: None, kind: type[Any]) -> Self: ...
    @overload
    def __get__(self, owner: Any, kind: type[Any]) -> T: ...
    def __get__(self, owner: Any, kind: type[Any]) -> T | Self:
        """Give what is kept, or make it."""
        if owner is None:
            return self
        lock: threading.RLock = owner.lock
        with lock:
            if self._name not in owner.__dict__:
                owner.__dict__[self._name] = self._make(owner)
            made: T = owner.__dict__[self._name]
        return made
