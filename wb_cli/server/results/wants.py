"""A cached query (a key, and how its entry is loaded), and what the declaration of a cache says."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, TypeVar

from wb_cli.server.db.loaded import VersionedData
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_versions import DatasetVersions, ObjectVersion
from wb_cli.server.results.names import CacheKey

Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class CachedQuery:
    """One entry of a cache: its key, and the query that loads it."""

    key: CacheKey
    load: Callable[[], Awaitable[VersionedData]]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """A presentation object of a project, with its versions as they were just read."""

    project_id: str
    known: ObjectVersion


def no_datasets(_: DatasetVersions) -> Mapping[str, Any]:
    """A cache that holds no dataset."""
    return {}


@dataclass(frozen=True, eq=False)
class Declaration(Generic[Subject]):
    """All that is particular to one cache. A *subject* is what one of its entries is about.

    Args:
        name: in L2, in the metrics and in the API; lower case letters, digits and `_`.
        label: what the warm-up's log calls an entry.
        queries: the modules that hold its queries. Where their code changes, entries that were
            made before are a miss.
        uniqueness: which thing, as a text that no other thing of this cache has.
        version: which state of the thing; None while it is unsettled.
        load: asks the database for it.
        is_persistent: whether entries live in L2 too, or in L1 alone.
        of_object: what the warm-up wants for a presentation object; None for nothing.
        of_datasets: what the warm-up wants of the datasets, by the line's label.
    """

    name: str
    label: str
    queries: tuple[ModuleType, ...]
    uniqueness: Callable[[Subject], str]
    version: Callable[[Subject], str | None]
    load: Callable[[Databases, Subject], Awaitable[VersionedData]]
    is_persistent: bool = True
    of_object: Callable[[ObjectOf], Subject] | None = None
    of_datasets: Callable[[DatasetVersions], Mapping[str, Subject]] = no_datasets

    def key(self, subject: Subject) -> CacheKey:
        """The names of a subject's entry."""
        return CacheKey(self.name, self.uniqueness(subject), self.version(subject))

    def query(self, databases: Databases, subject: Subject) -> CachedQuery:
        """A subject's entry, ready to be asked for."""
        return CachedQuery(self.key(subject), lambda: self.load(databases, subject))
