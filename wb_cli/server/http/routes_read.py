"""Endpoints that read projects, objects, items, metrics, replicants and datasets."""

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from wb_cli.server.db.fetch_config import InvalidConfigError
from wb_cli.server.db.queries_datasets import INDICATOR_TYPES
from wb_cli.server.db.queries_projects import list_projects
from wb_cli.server.db.queries_versions import (
    ObjectVersion,
    read_dataset_versions,
    read_metric_version,
    read_object_version,
    read_object_versions,
)
from wb_cli.server.http.answers import answer, json_answer
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
from wb_cli.server.results.wants import ObjectOf

BY_NAME = {str(kind): kind for kind in INDICATOR_TYPES}
ETAG = {"ETag": "The version of the data. It is left out while the data is unsettled."}


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
    project_id, object_id = project_of(request), request.path_params[OBJECT.name]
    known = await read_object_version(platform.databases, project_id, object_id)
    return ObjectOf(project_id, known)


async def object_detail(platform: Platform, request: Request) -> Response:
    """Show an object in full."""
    of = await known_object(platform, request)
    return await answer(platform, request, PO_DETAIL.query(platform.databases, of))


async def object_items(platform: Platform, request: Request) -> Response:
    """Show an object's items, or the status that says why there are none."""
    of = await known_object(platform, request)
    return await answer(platform, request, PO_ITEMS.query(platform.databases, of))


async def replicant_options(platform: Platform, request: Request) -> Response:
    """Show the values that an object can be repeated for."""
    of = await known_object(platform, request)
    by = request.path_params[DIMENSION.name]
    query = REPLICANT_OPTIONS.query(platform.databases, ReplicantsOf(of.project_id, of.known, by))
    try:
        return await answer(platform, request, query)
    except InvalidConfigError as error:
        raise Problem(HTTPStatus.NOT_FOUND, error.message, error.hint) from None


async def metric_info(platform: Platform, request: Request) -> Response:
    """Show what can be asked of a metric."""
    project_id, metric_id = project_of(request), request.path_params[METRIC.name]
    run = await read_metric_version(platform.databases, project_id, metric_id)
    query = METRIC_INFO.query(platform.databases, MetricOf(project_id, metric_id, run))
    return await answer(platform, request, query)


async def hmis_items(platform: Platform, request: Request) -> Response:
    """Show the HMIS dataset."""
    known = await read_dataset_versions(platform.databases)
    kind = BY_NAME[request.path_params[INDICATORS.name]]
    query = DATASET_HMIS.query(platform.databases, Hmis(kind, known))
    return await answer(platform, request, query)


async def hfa_items(platform: Platform, request: Request) -> Response:
    """Show the HFA dataset."""
    known = await read_dataset_versions(platform.databases)
    return await answer(platform, request, DATASET_HFA.query(platform.databases, known))


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
