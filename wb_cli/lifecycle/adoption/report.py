"""What a takeover was, or would be, for the operator. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.lifecycle.adoption.entry import hide_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Without a single restart on this host, this is expected. It is what the tests measure on two
# cores: 1 to 2 s to stop, 2 s to start.
FIRST_GUESS_S = 4.0


class Expectation(Struct, frozen=True):
    """How long the platform is expected to be away, and where the number comes from."""

    seconds: float
    restarts: int = 0

    def __str__(self) -> str:
        if not self.restarts:
            return f"about {self.seconds:.0f} s (no restart on this host was measured yet)"
        basis = "the last restart" if self.restarts == 1 else f"the last {self.restarts} restarts"
        return f"about {self.seconds:.0f} s, by {basis} on this host"


class Adoption(Struct, frozen=True):
    """The takeover of one instance.

    ``away_s`` is how long the platform was away; ``None`` if that is not known. ``folders`` are
    those that are made because the instance lacks them.
    """

    entry: Mapping[str, Any]
    is_new: bool
    changes: tuple[str, ...]
    expected: Expectation
    folders: tuple[str, ...] = ()
    away_s: float | None = None
    is_planned: bool = True

    def describe(self) -> Iterator[str]:
        """Describe it in lines."""
        if self.is_new:
            done = "would be added to" if self.is_planned else "was added to"
            told = " ".join(f"{name}={_show(name, value)}" for name, value in self.entry.items())
            yield f"entry {done} the registry file: {told}"
        made = "would be made" if self.is_planned else "was made"
        yield from (f"the folder {folder} {made}" for folder in self.folders)
        yield from self.changes
        if self.is_planned:
            yield f"the platform would be away for {self.expected}"
        elif self.away_s is not None:
            yield (
                f"the platform was away for {self.away_s:.1f} s "
                f"({self.expected.seconds:.0f} s were expected)"
            )

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``. Values of variables are hidden, as everywhere."""
        return {
            "entry": hide_variables(self.entry),
            "isNewEntry": self.is_new,
            "changes": list(self.changes),
            "folders": list(self.folders),
            "expectedSeconds": round(self.expected.seconds, 1),
            "awaySeconds": None if self.away_s is None else round(self.away_s, 2),
        }


def expect(restarts: Sequence[float], save_s: float) -> Expectation:
    """Expect what the last restarts took, at the median, and what Valkey's snapshot takes."""
    if not restarts:
        return Expectation(FIRST_GUESS_S + save_s)
    return Expectation(sorted(restarts)[len(restarts) // 2] + save_s, len(restarts))


def _show(name: str, value: Any) -> str:
    if name == "env":
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if " " not in str(value) else f"'{value}'"
