"""Describe the results of an action: one line for an instance, one for all, warnings, errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wb_cli.errors import StillStartingError
from wb_cli.quantities import shorten_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wb_cli.errors import WbError
    from wb_cli.lifecycle.actions import Result
    from wb_cli.lifecycle.ended import Ended

FAILED, LATE = "failed", "still starting"
# What took less says nothing: the failure was found by looking.
WORTH_TELLING_S = 1.0


def describe_result(result: Result, host: str | None = None) -> str:
    """Describe the result for an instance in one line. The URL is one of its host."""
    from wb_cli.lifecycle.actions import Ending

    where = f" on {host}" if host else ""
    url = f": {result.url}{where}" if result.url else ""
    took = f" ({result.seconds:.1f} s)"
    match result.ending:
        case Ending.PLANNED:
            return result.ending
        case Ending.NOT_RUNNING:
            return "was not running"
        case Ending.UNCHANGED:
            return f"{result.ending}{url}"
        case _:
            return f"{result.ending}{url}{took}"


def describe_failure(error: WbError, seconds: float) -> str:
    """Describe in a few words that an action failed. The error itself is told once, at the end."""
    took = f" ({seconds:.1f} s)" if seconds >= WORTH_TELLING_S else ""
    return f"{name_failure(error)}{took}"


def name_failure(error: WbError) -> str:
    """Name a failure. An instance that was left running, and may yet be ready, has not failed."""
    return LATE if isinstance(error, StillStartingError) else FAILED


def is_change(ended: Ended[Result]) -> bool:
    """Whether something happened to the instance, or failed."""
    from wb_cli.lifecycle.actions import Ending

    quiet = {Ending.UNCHANGED, Ending.NOT_RUNNING, Ending.PLANNED}
    return ended.error is not None or (
        ended.result is not None and ended.result.ending not in quiet
    )


def describe_sum(endings: Sequence[Ended[Result]], refused: int) -> str:
    """Describe all results in one line: ``37 ready, 1 degraded, 2 failed: mali, niger``."""
    from wb_cli.lifecycle.actions import Ending

    taken = [ended.result.ending for ended in endings if ended.result]
    words = [f"{taken.count(ending)} {ending}" for ending in Ending if ending in taken]
    words += [f"{refused} refused"] if refused else []
    named = []
    for name in (LATE, FAILED):
        ids = [end.instance for end in endings if end.error and name_failure(end.error) == name]
        named += [f"{len(ids)} {name}: {', '.join(ids)}"] if ids else []
    return ", ".join([*words, *named[:1]]) + "".join(f"; {text}" for text in named[1:])


def describe_details(result: Result) -> Iterator[str]:
    """Describe what was changed and why, and how the cache was filled."""
    yield from result.plan.reasons
    if result.outcome.site_written:
        yield "nginx: its site was written anew"
    if result.warm_up and result.warm_up.entries:
        yield f"cache: {result.warm_up}"
    if result.adoption:
        yield from result.adoption.describe()


def describe_plans(endings: Sequence[Ended[Result]], *, with_steps: bool) -> Iterator[str]:
    """Describe what would be changed, as a diff: one line for each part that is touched."""
    from wb_cli.lifecycle.planning.changes import list_changes

    planned = [(ended.instance, ended.result.plan) for ended in endings if ended.result]
    adoptions = {e.instance: e.result.adoption for e in endings if e.result and e.result.adoption}
    changes = {instance: list_changes(plan) for instance, plan in planned}
    names = max((len(instance) for instance in changes), default=0)
    parts = max((len(change.part) for each in changes.values() for change in each), default=0)
    for instance, plan in planned:
        lines = [f"{change.mark} {change.part:{parts}}  {change}" for change in changes[instance]]
        lines += [
            f"! {difference}; `wb restart {instance}` applies it" for difference in plan.drift
        ]
        if not lines and len(endings) == 1:
            lines = ["nothing to do"]
        if instance in adoptions:
            lines += [f"  {line}" for line in adoptions[instance].describe()]
        for number, line in enumerate(lines):
            yield f"{'' if number else instance:{names}}  {line}"
        if with_steps:
            yield from (f"{'':{names}}    {line}" for line in str(plan).splitlines())


def describe_planned(endings: Sequence[Ended[Result]]) -> str:
    """Count what would be changed: ``2 to create, 1 to replace; nothing was changed``."""
    from wb_cli.lifecycle.planning.changes import count_actions, list_changes

    plans = [ended.result.plan for ended in endings if ended.result]
    actions = count_actions(change for plan in plans for change in list_changes(plan))
    words = [f"{count} to {action}" for action, count in actions.items()]
    unchanged = sum(plan.is_empty for plan in plans)
    if len(plans) > 1 and unchanged:
        words.append(f"{unchanged} of {len(plans)} instances unchanged")
    failed = [ended.instance for ended in endings if ended.error]
    words += [f"{len(failed)} cannot be planned: {', '.join(failed)}"] if failed else []
    return "; ".join([", ".join(words) or "nothing to do", "nothing was changed"])


def list_warnings(endings: Sequence[Ended[Result]]) -> Iterator[str]:
    """List the warnings. Those that instances share are told once."""
    drifting: dict[str, list[str]] = {}
    for ended in endings:
        if not ended.result:
            continue
        for warning in (*ended.result.outcome.degraded, *ended.result.outcome.killed):
            yield f"{ended.instance}: warning: {warning}"
        for difference in ended.result.plan.drift:
            drifting.setdefault(difference, []).append(ended.instance)
    for difference, instances in drifting.items():
        words = " ".join(instances)
        yield (f"{shorten_list(instances)}: warning: {difference}; `wb restart {words}` applies it")


def merge_errors(endings: Sequence[Ended[Any]]) -> Iterator[WbError]:
    """Merge errors that are equal but for the instance's id, and name all instances in them."""
    same: dict[tuple[str, str], tuple[WbError, list[str]]] = {}
    for ended in endings:
        if (error := ended.error) and not _is_shared(error, endings):
            key = (_forget(ended.instance, error.message), _forget(ended.instance, error.hint))
            same.setdefault(key, (error, []))[1].append(ended.instance)
    yield from _merge_shared(endings)
    for error, instances in same.values():
        if len(instances) > 1:
            yield _speak_for_all(error, instances)
            continue
        if not _names(error.message, instances[0]) and len(endings) > 1:
            error.message = f"{instances[0]}: {error.message}"
        yield error


def _is_shared(error: WbError, endings: Sequence[Ended[Any]]) -> bool:
    return sum(ended.error is error for ended in endings) > 1


def _merge_shared(endings: Sequence[Ended[Any]]) -> Iterator[WbError]:
    """Name the instances in each error that several have: that of a host that does not answer.

    Its text stays as it is. A word in it that is an id is the name of the host.
    """
    shared: dict[int, tuple[WbError, list[str]]] = {}
    for ended in endings:
        if ended.error and _is_shared(ended.error, endings):
            shared.setdefault(id(ended.error), (ended.error, []))[1].append(ended.instance)
    for error, instances in shared.values():
        error.message = f"{shorten_list(instances)}: {error.message}"
        yield error


def _speak_for_all(error: WbError, instances: Sequence[str]) -> WbError:
    first, every = instances[0], " ".join(instances)
    who = shorten_list(instances)
    error.message = f"{who}: {_speak_of_each(first, error.message)}"
    error.overview = error.overview and f"{who}: {_speak_of_each(first, error.overview)}"
    error.details = tuple(_forget(first, detail) for detail in error.details)
    error.hint = re.sub(_as_word(first), every, error.hint)
    return error


def _speak_of_each(instance: str, text: str) -> str:
    """Put ``each`` in the place of an id that the text begins with, ``<id>`` in that of others."""
    return re.sub(r"^<id> ", "each ", _forget(instance, text))


def _names(text: str, instance: str) -> bool:
    return re.search(_as_word(instance), text) is not None


def _forget(instance: str, text: str) -> str:
    """Put ``<id>`` in the place of an instance's id."""
    return re.sub(_as_word(instance), "<id>", text)


def _as_word(instance: str) -> str:
    return rf"(?<![\w.]){re.escape(instance)}(?![\w.])"


def make_document(ended: Ended[Result], host: str | None) -> dict[str, Any]:
    """Make the document of an instance for ``--json``. ``host`` is the one of its engine."""
    from wb_cli.cli.console import make_error_document
    from wb_cli.lifecycle.planning.changes import list_changes

    document: dict[str, Any] = {"id": ended.instance, "host": host}
    document["exitCode"] = int(ended.exit_code)
    if ended.result:
        result = ended.result
        changes = [change.as_document() for change in list_changes(result.plan)]
        document |= {
            "result": result.ending,
            "url": result.url or None,
            "seconds": round(result.seconds, 3),
            "degraded": result.outcome.degraded,
            "killed": result.outcome.killed,
            "network": result.outcome.subnet or None,
            "siteWritten": result.outcome.site_written,
            "plan": result.plan.as_document() | {"changes": changes},
            "warmUp": result.warm_up.as_document() if result.warm_up else None,
        }
        if result.adoption:
            document["adoption"] = result.adoption.as_document()
    if ended.error:
        document |= {"result": FAILED, "error": make_error_document(ended.error)}
    return document
