"""The parts of paths that several endpoints share."""

from starlette.requests import Request

from wb_cli.server.cache.registry import CacheName
from wb_cli.server.db.errors import RecordMissingError
from wb_cli.server.db.queries_datasets import INDICATOR_TYPES
from wb_cli.server.db.queries_projects import RESERVED_IDS
from wb_cli.server.endpoints import Parameter

ID = "[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}"

PROJECT = Parameter(
    "project", "A project's id.", "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", example="north"
)
OBJECT = Parameter("object", "A presentation object's id.", ID, example="by-area")
METRIC = Parameter("metric", "A metric's id.", ID, example="visits")
MODULE = Parameter("module", "A module's id.", ID, example="m1")
DIMENSION = Parameter(
    "dimension",
    "A dimension of the object's results.",
    "[a-z][a-z0-9_]{0,62}",
    example="admin_area_2",
)
INDICATORS = Parameter(
    "indicators", "Indicators as reported, or as mapped.", "|".join(INDICATOR_TYPES), example="raw"
)
CACHE = Parameter("cache", "A cache's name.", "|".join(CacheName), example="po_items")


def project_of(request: Request) -> str:
    """The project's id. PostgreSQL's own databases, and `main`, are no projects."""
    project_id = str(request.path_params[PROJECT.name])
    if project_id in RESERVED_IDS:
        raise RecordMissingError(f"there is no project {project_id!r}", "check the id")
    return project_id
