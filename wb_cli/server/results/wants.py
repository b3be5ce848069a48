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
    """Everything particular to a cache. A *subject* is the thing that an entry is about.

    Args:
        name: the cache's name in L2, the metrics and the API: lower case letters, digits, `_`.
        label: the word for an entry in the log of the warm-up.
        queries: the modules that hold its queries. If their code changes, older entries are a
            miss.
        uniqueness: a text for the subject that no other subject of this cache has.
        version: the version of the subject; None while it is unsettled.
        load: asks the database for the subject's data.
        is_of_projects: whether the uniqueness begins with the project's id, as
            :func:`~wb_cli.server.results.names.part` gives it. A project's entries are cleared
            together.
        is_persistent: whether entries live in L2 too, or in L1 alone.
        of_object: the subject that the warm-up wants for an object; None for no subject.
        of_datasets: the subjects that the warm-up wants of the datasets, by label.
    """

    name: str
    label: str
    queries: tuple[ModuleType, ...]
    uniqueness: Callable[[Subject], str]
    version: Callable[[Subject], str | None]
    load: Callable[[Databases, Subject], Awaitable[VersionedData]]
    is_of_projects: bool = True
    is_persistent: bool = True
    of_object: Callable[[ObjectOf], Subject] | None = None
    of_datasets: Callable[[DatasetVersions], Mapping[str, Subject]] = no_datasets

    def key(self, subject: Subject) -> CacheKey:
        """The names of a subject's entry."""
        return CacheKey(self.name, self.uniqueness(subject), self.version(subject))

    def query(self, databases: Databases, subject: Subject) -> CachedQuery:
        """A subject's entry, ready to be asked for."""
        return CachedQuery(self.key(subject), lambda: self.load(databases, subject))
