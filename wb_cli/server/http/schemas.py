"""The JSON that the endpoints answer with, as schemas of the OpenAPI document.

Every field of a record is always there. A field without a value is null. Clients must accept
fields that they do not know, because a later release may add some.
"""

from collections.abc import Iterable
from typing import Any

from wb_cli.server.cache import LinkState, Status
from wb_cli.server.db.queries_datasets import FACILITY_COLUMNS, INDICATOR_TYPES
from wb_cli.server.db.queries_items import ItemsStatus, ValuesStatus
from wb_cli.server.http.health import Health
from wb_cli.server.warmup.progress import Phase

Schema = dict[str, Any]

# What `.../cache` says of an entry without a version.
UNSETTLED = "unsettled"


def record(text: str, /, **fields: Schema) -> Schema:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "description": text,
        "required": list(fields),
        "properties": fields,
    }


def ref(name: str) -> Schema:
    """The schema of another component."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: Schema) -> Schema:
    """A list in which each item has the schema."""
    return {"type": "array", "items": items}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(words: Iterable[str]) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": [str(word) for word in words]}


def about(text: str, schema: Schema) -> Schema:
    """The same with a description."""
    return {**schema, "description": text}


TEXT: Schema = {"type": "string"}
TEXTS = list_of(TEXT)
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
SECONDS: Schema = {"type": "number", "minimum": 0}
VERSION: Schema = {"type": "string", "format": "date-time"}
MONTH = about("A month as a whole number, such as 202401.", {"type": "integer"})
VALUE: Schema = {"type": ["string", "number", "null"]}
ROWS = about(
    "Rows. The names are those of dimensions, periods and values.",
    list_of({"type": "object", "additionalProperties": VALUE}),
)
BOUNDS = nullable(record("The first and the last month with data.", first=MONTH, last=MONTH))
LABELLED = record("An id and its label.", id=TEXT, label=TEXT)
WHY = nullable(TEXT)
WORKERS = record(
    "The server's processes, and how many of them this answer is of.", count=COUNT, answering=COUNT
)

HEALTH: dict[str, Schema] = {
    "Health": record(
        "What the platform server can do now.",
        status=about(
            "waiting: no database; alive: it answers; ready: all that Valkey had is in memory; "
            "warm: all that is known is in memory.",
            one_of(Health),
        ),
        version=about("The version that the instance runs as.", TEXT),
        wb=about("The version of wb in this server.", TEXT),
        instance=LABELLED,
        uptimeSeconds=SECONDS,
        database=record("PostgreSQL.", connected=FLAG, reason=about("Why it is away.", WHY)),
        l1=record("Memory.", entries=COUNT, bytes=COUNT, maxBytes=COUNT),
        l2=record("Valkey.", state=one_of(LinkState), reason=about("Why it is away.", WHY)),
        warmUp=ref("WarmUp"),
        workers=WORKERS,
    ),
    "LastHour": record(
        "What was answered while the platform was warm.",
        minutes=about("Each minute that is over, the oldest first.", list_of(ref("Minute"))),
        workers=WORKERS,
    ),
    "Minute": record(
        "What was answered in a minute, and what that took.",
        answered=about(
            "What each endpoint answered.",
            {"type": "object", "additionalProperties": ref("Answered")},
        ),
        memoryBytes=about(
            "Resident memory of a process at its end, the mean of all; null where it is not known.",
            nullable(COUNT),
        ),
    ),
    "Answered": record(
        "What an endpoint answered.",
        requests=COUNT,
        errors=about("Those that failed: their status was 500 or more.", COUNT),
        answers=about("Those whose duration is known.", COUNT),
        seconds=about("How long these took together.", SECONDS),
    ),
    "WarmUp": record(
        "How far the warm-up has come. It runs once, when the server starts.",
        phase=one_of(Phase),
        problem=about("Why the last attempt failed as a whole.", WHY),
        objects=about("Presentation objects and datasets.", COUNT),
        skipped=about("Objects without results, as their module has not run or runs now.", COUNT),
        entries=about("Distinct entries that are wanted in memory.", COUNT),
        done=about("Entries that need no more work.", COUNT),
        held=about("Entries that were in memory before.", COUNT),
        fromL2=COUNT,
        fromDatabase=COUNT,
        failed=COUNT,
        unfinishedRuns=about("Modules whose run began long ago and was not completed.", COUNT),
        readySeconds=about("Seconds until all that Valkey had was in memory.", nullable(SECONDS)),
        elapsedSeconds=SECONDS,
        remainingSeconds=about("An estimate.", nullable(SECONDS)),
    ),
}

LISTS: dict[str, Schema] = {
    "Projects": list_of(ref("Project")),
    "Project": LABELLED,
    "PresentationObjects": about("The last updated first.", list_of(ref("PresentationObject"))),
    "PresentationObject": record(
        "A presentation object in a list.",
        id=TEXT,
        label=TEXT,
        metricId=TEXT,
        moduleId=TEXT,
        lastUpdated=VERSION,
        lastRun=about("When its module last ran.", nullable(VERSION)),
        isRunning=about("Whether its module runs now.", FLAG),
    ),
}

DATA: dict[str, Schema] = {
    "ObjectDetail": record(
        "A presentation object in full.",
        projectId=TEXT,
        id=TEXT,
        label=TEXT,
        lastUpdated=VERSION,
        config=about("Its config, which is any JSON.", {}),
        configText=about("The config as text, if JSON readers would change it.", WHY),
        fetchConfig=nullable(ref("FetchConfig")),
        configProblem=about("Why nothing can be fetched with the config.", WHY),
        metric=record("Its metric.", id=TEXT, label=TEXT, valueProps=TEXTS, valueFunc=TEXT),
        module=record("The metric's module.", id=TEXT, label=nullable(TEXT)),
        resultsObject=record(
            "The table of results.", id=TEXT, label=TEXT, dimensions=TEXTS, measures=TEXTS
        ),
    ),
    "FetchConfig": record(
        "The part of a config that decides what is fetched.",
        values=TEXTS,
        valueFunc=TEXT,
        groupBy=TEXTS,
        filters=list_of(
            record("Only rows with one of the values.", dimension=TEXT, values=TEXTS),
        ),
        firstPeriod=nullable(MONTH),
        lastPeriod=nullable(MONTH),
        latestMonths=nullable(COUNT),
    ),
    "ObjectItems": record(
        "What an object shows.",
        status=one_of(ItemsStatus),
        resultsObjectId=TEXT,
        fetchConfig=ref("FetchConfig"),
        periodBounds=BOUNDS,
        items=ROWS,
    ),
    "ReplicantOptions": record(
        "The values that an object can be repeated for.",
        replicateBy=TEXT,
        status=one_of(ValuesStatus),
        values=list_of(VALUE),
    ),
    "MetricInfo": record(
        "What can be asked of a metric.",
        metricId=TEXT,
        label=TEXT,
        resultsObjectId=TEXT,
        valueProps=TEXTS,
        valueFunc=TEXT,
        disaggregations=list_of(
            record(
                "A dimension and its values.",
                dimension=TEXT,
                status=one_of(ValuesStatus),
                values=list_of(VALUE),
            )
        ),
        periods=TEXTS,
        periodBounds=BOUNDS,
    ),
    "HmisItems": record(
        "The HMIS dataset, by indicator, month, area and the chosen facility columns.",
        indicatorType=one_of(INDICATOR_TYPES),
        facilityColumns=list_of(one_of(FACILITY_COLUMNS)),
        periodBounds=BOUNDS,
        status=one_of(ItemsStatus),
        indicators=list_of(LABELLED),
        items=ROWS,
    ),
    "HfaItems": record(
        "The HFA dataset, by indicator, time point and area.",
        status=one_of(ItemsStatus),
        indicators=list_of(LABELLED),
        items=ROWS,
    ),
}

CHANGES: dict[str, Schema] = {
    "Touched": record("The object's new version.", id=TEXT, lastUpdated=VERSION),
    "RunBegun": record("The run of a module that began.", id=TEXT, isRunning=FLAG, runId=COUNT),
    "RunCompleted": record(
        "The module after the run.",
        id=TEXT,
        isRunning=about("Whether another run goes on.", FLAG),
        lastRun=about("The version of its results.", nullable(VERSION)),
    ),
    "CacheStanding": record(
        "Where an object's entries are.",
        detail=ref("EntryStanding"),
        metricInfo=ref("EntryStanding"),
        items=ref("EntryStanding"),
    ),
    "EntryStanding": record(
        "One entry.",
        cache=TEXT,
        uniquenessHash=about("Which thing.", TEXT),
        versionHash=about("Which state of the thing; null while it is unsettled.", WHY),
        status=one_of([*Status, UNSETTLED]),
    ),
    "Cleared": record(
        "The caches that were emptied.",
        cleared=about(
            "How many entries each cache had in memory.",
            {"type": "object", "additionalProperties": COUNT},
        ),
    ),
}

PROBLEM: Schema = {
    **record(
        "RFC 9457 problem details.",
        type=TEXT,
        title=TEXT,
        status={"type": "integer"},
        detail=about("What is wrong with this request, with the value.", TEXT),
        instance=about("The path.", TEXT),
        hint=about("What to do next.", TEXT),
    ),
    "required": ["type", "title", "status", "detail", "instance"],
}
DOCUMENT: Schema = {
    "type": "object",
    "description": "An OpenAPI 3.1 document.",
    "required": ["openapi", "info", "paths", "components"],
    "properties": {"openapi": TEXT},
}
SCHEMAS: dict[str, Schema] = {
    **HEALTH,
    **LISTS,
    **DATA,
    **CHANGES,
    "Problem": PROBLEM,
    "Document": DOCUMENT,
}
