"""The parts of paths that several endpoints share."""

from starlette.requests import Request

from wb_cli.server.db.errors import no_project
from wb_cli.server.db.queries_datasets import INDICATOR_TYPES
from wb_cli.server.db.queries_projects import RESERVED_IDS
from wb_cli.server.http.endpoints import Parameter
from wb_cli.server.results.declared import DECLARED

# Any text that PostgreSQL accepts. A slash within an id is sent as %2F.
TEXT = "any text, percent-encoded, a slash as %2F"
ID = r"[^\x00]+"

PROJECT = Parameter(
    "project", "A project's id.", "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", example="north"
)
OBJECT = Parameter("object", f"A presentation object's id: {TEXT}.", ID, example="by-area")
METRIC = Parameter("metric", f"A metric's id: {TEXT}.", ID, example="visits")
MODULE = Parameter("module", f"A module's id: {TEXT}.", ID, example="m1")
DIMENSION = Parameter(
    "dimension",
    f"A dimension of the object's results: {TEXT}.",
    ID,
    example="admin_area_2",
)
RUN = Parameter(
    "run",
    "The id of the run that is complete; left out, every run that was begun is.",
    "[0-9]{1,18}",
    "query",
    example="1",
    is_required=False,
)
INDICATORS = Parameter(
    "indicators", "Indicators as reported, or as mapped.", "|".join(INDICATOR_TYPES), example="raw"
)
CACHE = Parameter(
    "cache", "A cache's name.", "|".join(cache.name for cache in DECLARED), example="po_items"
)


def project_of(request: Request) -> str:
    """The project's id. PostgreSQL's own databases, and `main`, are no projects."""
    project_id = str(request.path_params[PROJECT.name])
    if project_id in RESERVED_IDS:
        raise no_project(project_id)
    return project_id
