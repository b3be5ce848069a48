"""Which entries may be served: those of this code, of the current epochs, and of one version."""

from collections.abc import Callable

from wb_cli.server.cache.entry import Entry
from wb_cli.server.cache.hydration import Miss
from wb_cli.server.cache.remote import Absence


class Validity:
    """The fingerprint that the entries of one cache must have.

    It is that of the code, followed by the epoch of the cache and by that of the thing's group.
    So an entry of an earlier epoch counts as one that other code has made.

    Args:
        code: the fingerprint of the code.
        group_of: gives the group of a uniqueness; None if things have no groups.
    """

    def __init__(self, code: str, group_of: Callable[[str], str] | None) -> None:
        self._code = self._of_all = code
        self._group_of = group_of
        self._group_epochs: dict[str, str] = {}

    def begin_epoch(self, epoch: str) -> bool:
        """Go on in an epoch; whether it is another than before."""
        before, self._of_all = self._of_all, f"{self._code}~{epoch}"
        return self._of_all != before

    def begin_group_epoch(self, group: str, epoch: str) -> bool:
        """The same for one group; False, too, if things have no groups."""
        if self._group_of is None or self._group_epochs.get(group) == epoch:
            return False
        self._group_epochs[group] = epoch
        return True

    def is_of(self, group: str) -> Callable[[str], bool]:
        """A function that says whether a uniqueness is of this group."""
        group_of = self._group_of
        return lambda uniqueness: group_of is not None and group_of(uniqueness) == group

    def fingerprint_of(self, uniqueness: str) -> str:
        """The fingerprint that an entry of this thing must have."""
        if not self._group_epochs or self._group_of is None:
            return self._of_all
        epoch = self._group_epochs.get(self._group_of(uniqueness))
        return self._of_all if epoch is None else f"{self._of_all}~{epoch}"

    def judge(
        self, uniqueness: str, found: Entry | Absence, version: str
    ) -> Entry | Absence | Miss:
        """The entry, if it has this version and this fingerprint; otherwise the reason."""
        if not isinstance(found, Entry):
            return found
        if found.fingerprint != self.fingerprint_of(uniqueness):
            return Miss.FOREIGN
        return found if found.version == version else Miss.STALE
