"""Endpoints that move versions, clear caches, and show the state of cached entries."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from wb_cli.server.db.epochs import Epochs, begin_epochs, begin_project_epoch
from wb_cli.server.db.writes_runs import begin_module_run, complete_module_run, touch_object
from wb_cli.server.http.access import Access
from wb_cli.server.http.answers import json_answer
from wb_cli.server.http.endpoints import Endpoint, Reply
from wb_cli.server.http.parameters import CACHE, MODULE, OBJECT, PROJECT, RUN, project_of
from wb_cli.server.http.routes_read import A_PROJECT, AN_OBJECT, known_object
from wb_cli.server.http.schemas import UNSETTLED
from wb_cli.server.http.whole import add_up, tell, tell_epochs
from wb_cli.server.platform import Platform
from wb_cli.server.results.declared import METRIC_INFO, PO_DETAIL, PO_ITEMS, MetricOf
from wb_cli.server.results.names import CacheKey


async def touch(platform: Platform, request: Request) -> Response:
    """Move an object's version, as an edit does."""
    project_id, object_id = project_of(request), request.path_params[OBJECT.name]
    version = await touch_object(platform.databases, project_id, object_id)
    await tell(platform, project_id, object_id)
    return json_answer({"id": object_id, "lastUpdated": version})


async def begin_run(platform: Platform, request: Request) -> Response:
    """Begin a run. From now on the module's results are unsettled."""
    project_id, module_id = project_of(request), request.path_params[MODULE.name]
    run_id = await begin_module_run(platform.databases, project_id, module_id)
    await tell(platform, project_id)
    return json_answer({"id": module_id, "isRunning": True, "runId": run_id})


async def complete_run(platform: Platform, request: Request) -> Response:
    """End a run. Once the last run has ended, its results are settled under a new version."""
    project_id, module_id = project_of(request), request.path_params[MODULE.name]
    run = request.query_params.get(RUN.name)
    run_id = None if run is None else int(run)
    state = await complete_module_run(platform.databases, project_id, module_id, run_id)
    await tell(platform, project_id)
    body = {"id": module_id, "isRunning": state.is_running, "lastRun": state.last_run}
    return json_answer(body)


async def cache_status(platform: Platform, request: Request) -> Response:
    """Show where an object's entries are stored, in their current versions."""
    of = await known_object(platform, request)
    metric = MetricOf(of.project_id, of.known.metric_id, of.known.run)
    keys = {
        "detail": PO_DETAIL.key(of),
        "metricInfo": METRIC_INFO.key(metric),
        "items": PO_ITEMS.key(of),
    }
    return json_answer({name: await status_of(platform, key) for name, key in keys.items()})


async def status_of(platform: Platform, key: CacheKey) -> dict[str, Any]:
    """Where an entry is: `l1`, `l2`, `loading`, `stale`, `absent` or `unsettled`."""
    standing = UNSETTLED
    if key.version is not None:
        standing = await platform.caches[key.cache].status(key.uniqueness, key.version)
    return {
        "cache": key.cache,
        "uniquenessHash": key.uniqueness,
        "versionHash": key.version,
        "status": standing,
    }


async def clear_cache(platform: Platform, request: Request) -> Response:
    """Empty one cache in both tiers, for all processes."""
    return await cleared(platform, [request.path_params[CACHE.name]])


async def clear_caches(platform: Platform, _: Request) -> Response:
    """Empty every cache in both tiers, for all processes."""
    return await cleared(platform, list(platform.caches.declared))


async def cleared(platform: Platform, names: Sequence[str]) -> Response:
    """Begin the next epoch of caches. Nothing of an earlier one is served any more.

    The other workers are told before the answer. Other processes hear of it as of any change, or
    ask within seconds.
    """
    return await cleared_in_all(platform, await begin_epochs(platform.databases, names), names)


async def clear_project(platform: Platform, request: Request) -> Response:
    """Begin the next epoch of a project. The other projects and the datasets keep theirs."""
    begun = await begin_project_epoch(platform.databases, project_of(request))
    declared = platform.caches.declared.values()
    names = [declaration.name for declaration in declared if declaration.is_of_projects]
    return await cleared_in_all(platform, begun, names)


async def cleared_in_all(platform: Platform, begun: Epochs, names: Sequence[str]) -> Response:
    """Go on in the epochs that were begun, in this worker and the others; how much that cleared."""
    own = platform.caches.begin_epochs(begun)
    counts = add_up(own, await tell_epochs(platform, begun))
    return json_answer({"cleared": {name: counts[name] for name in names}})


CLEARED = {200: Reply("How many entries each cache had in memory", "Cleared")}


A_RUN = f"{A_PROJECT}/modules/{{module}}/run"

ENDPOINTS = (
    Endpoint(
        "POST",
        f"{AN_OBJECT}/touch",
        touch,
        "Move an object's version, as an edit does",
        {200: Reply("The new version", "Touched")},
        (PROJECT, OBJECT),
        Access.TOKEN,
    ),
    Endpoint(
        "POST",
        f"{A_RUN}/begin",
        begin_run,
        "Begin a module's run: nothing of it is settled until it is completed",
        {200: Reply("The run has begun", "RunBegun")},
        (PROJECT, MODULE),
        Access.TOKEN,
    ),
    Endpoint(
        "POST",
        f"{A_RUN}/complete",
        complete_run,
        "Complete a module's run: settle what it wrote under a new version",
        {200: Reply("The new version, and whether another run goes on", "RunCompleted")},
        (PROJECT, MODULE, RUN),
        Access.TOKEN,
    ),
    Endpoint(
        "GET",
        f"{AN_OBJECT}/cache",
        cache_status,
        "Where an object's entries stand, in their current versions",
        {200: Reply("The place of each entry", "CacheStanding")},
        (PROJECT, OBJECT),
        Access.TOKEN_IF_SET,
    ),
    Endpoint(
        "DELETE",
        "/api/caches/{cache}",
        clear_cache,
        "Empty one cache in both tiers",
        CLEARED,
        (CACHE,),
        Access.TOKEN,
    ),
    Endpoint(
        "DELETE",
        "/api/caches",
        clear_caches,
        "Empty every cache in both tiers",
        CLEARED,
        access=Access.TOKEN,
    ),
    Endpoint(
        "DELETE",
        f"{A_PROJECT}/caches",
        clear_project,
        "Empty the caches of one project in both tiers",
        CLEARED,
        (PROJECT,),
        Access.TOKEN,
    ),
)
