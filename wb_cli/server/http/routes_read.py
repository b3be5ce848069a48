"""Endpoints that read projects, objects, items, metrics, replicants and datasets."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.fetch_config import InvalidConfigError
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_datasets import INDICATOR_TYPES
from wb_cli.server.db.queries_projects import list_projects
from wb_cli.server.db.queries_versions import (
    ObjectVersion,
    read_dataset_versions,
    read_metric_version,
    read_object_version,
    read_object_versions,
)
from wb_cli.server.http.answers import Subject, answer, from_cache, json_answer
from wb_cli.server.http.endpoints import Endpoint, Reply
from wb_cli.server.http.parameters import DIMENSION, INDICATORS, METRIC, OBJECT, PROJECT, project_of
from wb_cli.server.http.problems import Problem
from wb_cli.server.platform import Platform
from wb_cli.server.results.declared import (
    DATASET_HFA,
    DATASET_HMIS,
    METRIC_INFO,
    PO_DETAIL,
    PO_ITEMS,
    REPLICANT_OPTIONS,
    Hmis,
    MetricOf,
    ReplicantsOf,
)
from wb_cli.server.results.wants import CachedQuery, ObjectOf

BY_NAME = {str(kind): kind for kind in INDICATOR_TYPES}
ETAG = {"ETag": "A digest of the data. It is left out while the data is unsettled."}


def cached(schema: str) -> dict[int, Reply]:
    """The answers of an endpoint whose data has a version."""
    return {
        200: Reply("The data; as zstd where accepted", schema, headers=ETAG),
        304: Reply("The client's copy is current", media_type="", headers=ETAG),
    }


async def projects(platform: Platform, _: Request) -> Response:
    """List every project."""
    found = await list_projects(platform.databases)
    return json_answer([{"id": project.id, "label": project.label} for project in found])


async def objects(platform: Platform, request: Request) -> Response:
    """List a project's objects, the last updated first."""
    found = await read_object_versions(platform.databases, project_of(request))
    return json_answer([summary_of(known) for known in found])


def summary_of(known: ObjectVersion) -> dict[str, Any]:
    """An object's entry in the list."""
    return {
        "id": known.id,
        "label": known.label,
        "metricId": known.metric_id,
        "moduleId": known.module_id,
        "lastUpdated": known.last_updated,
        "lastRun": known.run.last_run,
        "isRunning": known.run.is_running,
    }


async def known_object(platform: Platform, request: Request) -> ObjectOf:
    """The object that the path names, with its current versions."""
    return await read_object(platform.databases, project_of(request), object_of(request))


async def read_object(databases: Databases, project_id: str, object_id: str) -> ObjectOf:
    """An object with its current versions."""
    return ObjectOf(project_id, await read_object_version(databases, project_id, object_id))


def object_of(request: Request) -> str:
    """The object's id in the path."""
    return str(request.path_params[OBJECT.name])


def of_object(
    platform: Platform, request: Request, query_of: Callable[[ObjectOf], CachedQuery]
) -> Subject:
    """A subject whose version is that of the object in the path, or of its results."""
    databases, project_id, object_id = platform.databases, project_of(request), object_of(request)

    async def find() -> CachedQuery:
        return query_of(await read_object(databases, project_id, object_id))

    return Subject(project_id, find, object_id)


@from_cache
def object_detail(platform: Platform, request: Request) -> Subject:
    """Show an object in full."""
    return of_object(platform, request, partial(PO_DETAIL.query, platform.databases))


@from_cache
def object_items(platform: Platform, request: Request) -> Subject:
    """Show an object's items, or the status that says why there are none."""
    return of_object(platform, request, partial(PO_ITEMS.query, platform.databases))


async def replicant_options(platform: Platform, request: Request) -> Response:
    """Show the values that an object can be repeated for."""
    by, databases = request.path_params[DIMENSION.name], platform.databases

    def query_of(of: ObjectOf) -> CachedQuery:
        return REPLICANT_OPTIONS.query(databases, ReplicantsOf(of.project_id, of.known, by))

    try:
        return await answer(platform, request, of_object(platform, request, query_of))
    except InvalidConfigError as error:
        raise Problem(HTTPStatus.NOT_FOUND, error.message, error.hint) from None


@from_cache
def metric_info(platform: Platform, request: Request) -> Subject:
    """Show what can be asked of a metric."""
    databases, project_id = platform.databases, project_of(request)
    metric_id = request.path_params[METRIC.name]

    async def find() -> CachedQuery:
        run = await read_metric_version(databases, project_id, metric_id)
        return METRIC_INFO.query(databases, MetricOf(project_id, metric_id, run))

    return Subject(project_id, find)


@from_cache
def hmis_items(platform: Platform, request: Request) -> Subject:
    """Show the HMIS dataset."""
    databases, kind = platform.databases, BY_NAME[request.path_params[INDICATORS.name]]

    async def find() -> CachedQuery:
        return DATASET_HMIS.query(databases, Hmis(kind, await read_dataset_versions(databases)))

    return Subject(MAIN, find)


@from_cache
def hfa_items(platform: Platform, _: Request) -> Subject:
    """Show the HFA dataset."""
    databases = platform.databases

    async def find() -> CachedQuery:
        return DATASET_HFA.query(databases, await read_dataset_versions(databases))

    return Subject(MAIN, find)


A_PROJECT = "/api/projects/{project}"
AN_OBJECT = f"{A_PROJECT}/objects/{{object}}"

ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/projects",
        projects,
        "All projects",
        {200: Reply("All of them, by label", "Projects")},
    ),
    Endpoint(
        "GET",
        f"{A_PROJECT}/objects",
        objects,
        "A project's presentation objects",
        {200: Reply("All of them, the last updated first", "PresentationObjects")},
        (PROJECT,),
    ),
    Endpoint(
        "GET",
        AN_OBJECT,
        object_detail,
        "A presentation object in full",
        cached("ObjectDetail"),
        (PROJECT, OBJECT),
    ),
    Endpoint(
        "GET",
        f"{AN_OBJECT}/items",
        object_items,
        "An object's items",
        cached("ObjectItems"),
        (PROJECT, OBJECT),
    ),
    Endpoint(
        "GET",
        f"{AN_OBJECT}/replicants/{{dimension}}",
        replicant_options,
        "The values that an object can be repeated for",
        cached("ReplicantOptions"),
        (PROJECT, OBJECT, DIMENSION),
    ),
    Endpoint(
        "GET",
        f"{A_PROJECT}/metrics/{{metric}}",
        metric_info,
        "What can be asked of a metric",
        cached("MetricInfo"),
        (PROJECT, METRIC),
    ),
    Endpoint(
        "GET",
        "/api/datasets/hmis/{indicators}",
        hmis_items,
        "The HMIS dataset, by raw or common indicators",
        cached("HmisItems"),
        (INDICATORS,),
    ),
    Endpoint("GET", "/api/datasets/hfa", hfa_items, "The HFA dataset", cached("HfaItems")),
)
