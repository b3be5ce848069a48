"""The breaker: after a few failures in a row no call waits for L2, until one probe succeeds."""

from collections.abc import Callable
from enum import StrEnum


class BreakerState(StrEnum):
    """Closed lets every call through, open lets none through, half-open lets one through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Ask `allows` before each call. After the call, say once how it went.

    Say it with :meth:`succeeded`, :meth:`failed`, or :meth:`proved_nothing` if the call did not
    reach the server.
    """

    def __init__(
        self, clock: Callable[[], float], *, failures: int = 3, cooldown: float = 1.0
    ) -> None:
        self._clock = clock
        self._limit = failures
        self._cooldown = cooldown
        self._failures = 0
        self._open_until: float | None = None
        self._is_probing = False
        self.openings = 0

    @property
    def state(self) -> BreakerState:
        """The state that the next caller would meet."""
        if self._open_until is None:
            return BreakerState.CLOSED
        if self._is_probing or self._clock() >= self._open_until:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    def allows(self) -> bool:
        """Whether this call may go. While half-open, the first call that asks is the probe."""
        if self._open_until is None:
            return True
        if self._is_probing or self._clock() < self._open_until:
            return False
        self._is_probing = True
        return True

    def succeeded(self) -> None:
        """The server answered."""
        self._failures = 0
        self._open_until = None
        self._is_probing = False

    def failed(self) -> None:
        """The server did not answer."""
        self._failures += 1
        self._is_probing = False
        if self._failures >= self._limit:
            self.openings += self._open_until is None
            self._open_until = self._clock() + self._cooldown

    def proved_nothing(self) -> None:
        """The call ended without asking the server."""
        self._is_probing = False

    def probe_now(self) -> None:
        """Let the next call be the probe, without waiting: the server seems to be back."""
        if self._open_until is not None:
            self._open_until = self._clock()
