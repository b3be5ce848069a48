"""An action over several instances: locks, progress, interruption, and the summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.cli.refused import documents, name_refused

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from wb_cli.cli.console import Tasks
    from wb_cli.cli.context import Wb
    from wb_cli.errors import WbError
    from wb_cli.instances.refused import RefusedEntry
    from wb_cli.lifecycle.actions import How, Result
    from wb_cli.lifecycle.interrupts import InterruptedByUserError
    from wb_cli.lifecycle.many import Ended

    Work = Callable[[str, How], Result]

NAMES_SHOWN = 5


class Options(Struct, frozen=True):
    """How an action was asked for. Times in seconds."""

    verb: str
    timeout: float
    wait: float
    parallel: int
    dry_run: bool


def each(
    wb: Wb,
    ids: Sequence[str],
    work: Work,
    options: Options,
    check: Callable[[str], None] | None = None,
    refused: Sequence[RefusedEntry] = (),
) -> int:
    """Do the work on each instance, show how it goes, sum up, and give the exit code.

    With ``check``, all are checked before anything is done; those that fail are left alone.
    ``refused`` are entries that were chosen too and declare no instance; they are named.
    """
    from wb_cli.lifecycle.interrupts import InterruptedByUserError, interruptible
    from wb_cli.lifecycle.many import exit_code, for_each

    done: list[Ended] = []
    begun: set[str] = set()
    try:
        with (
            wb.console.tasks(len(ids)) as tasks,
            interruptible(lambda _: wb.console.note(_patience(options.verb))) as cancelled,
        ):
            unfit = _unfit(ids, check, cancelled) if check else {}
            todo = [each for each in ids if each not in unfit]
            one = _under_lock(wb, work, options, cancelled, tasks, begun)
            if len(todo) > 1:
                one = _announced(one, options.verb, tasks)
            done = for_each(todo, one, options.parallel)
    except InterruptedByUserError as interruption:
        _tell_what_became(wb, interruption, ids, done, begun, options.verb)
        raise
    endings = sorted([*unfit.values(), *done], key=lambda ended: ids.index(ended.instance))
    _summarise(wb, endings, options, refused)
    return name_refused(wb.console, refused, exit_code(endings))


def _patience(verb: str) -> str:
    """The answer to a further signal."""
    doing = "ending the step that was begun" if verb == "stop" else "undoing what was begun"
    return f"{doing}: that takes as long as a container needs to stop; Ctrl-C is heard"


def _tell_what_became(
    wb: Wb,
    interruption: InterruptedByUserError,
    ids: Sequence[str],
    done: Sequence[Ended],
    begun: set[str],
    verb: str,
) -> None:
    from wb_cli.lifecycle import aftermath

    if verb == "stop":
        left = aftermath.after_stop(ids, done, begun, wb.engine.observe)
        interruption.hint = aftermath.hint_after_stop(left) or interruption.hint
    else:
        left = aftermath.after_start(ids, done, begun)
    interruption.message = "; ".join([interruption.message, *aftermath.in_words(left)])
    interruption.left = [each.as_document() for each in left]


def _unfit(
    ids: Sequence[str], check: Callable[[str], None], cancelled: threading.Event
) -> dict[str, Ended]:
    from wb_cli.errors import WbError
    from wb_cli.lifecycle.many import Ended

    unfit = {}
    for instance in ids:
        if cancelled.is_set():
            break
        try:
            check(instance)
        except WbError as error:
            unfit[instance] = Ended(instance, error=error)
    return unfit


def _under_lock(
    wb: Wb,
    work: Work,
    options: Options,
    cancelled: threading.Event,
    tasks: Tasks,
    begun: set[str],
) -> Callable[[str], Result]:
    """The work on one instance, with its progress line; a dry run takes no lock."""
    from msgspec.structs import replace

    from wb_cli.lifecycle.actions import How
    from wb_cli.lifecycle.lock import locked

    def one(instance: str) -> Result:
        def report(text: str) -> None:
            tasks.update(instance, text)

        how = How(options.timeout, options.dry_run, report, cancelled)
        if options.dry_run:
            return work(instance, how)
        command = f"wb {options.verb} {instance}"
        with locked(wb.site.locks, instance, command, options.wait, cancelled, report) as lock:
            begun.add(instance)
            return work(instance, replace(how, left_by=lock.left_by))

    return one


def _announced(work: Callable[[str], Result], verb: str, tasks: Tasks) -> Callable[[str], Result]:
    """Say how each instance ended as it ends, where the summary has others to wait for."""
    from wb_cli.errors import WbError

    def one(instance: str) -> Result:
        try:
            result = work(instance)
        except WbError as error:
            tasks.finish(instance, error.message.partition("\n")[0], ok=False)
            raise
        tasks.finish(instance, in_words(result, verb))
        return result

    return one


def in_words(result: Result, verb: str) -> str:
    """How an instance ended, in one line."""
    word = in_a_word(result, verb)
    url = f": {result.url}" if result.url else ""
    took = f" ({result.seconds:.1f} s)"
    return {
        "planned": word,
        "stopped": word + took,
        "not running": "was not running",
        "unchanged": word + url,
    }.get(word, word + url + took)


def in_a_word(result: Result, verb: str) -> str:
    """How an instance ended, for scripts."""
    if result.dry_run:
        return "planned"
    if verb == "stop":
        return "not running" if result.plan.is_empty else "stopped"
    if result.outcome.degraded:
        return "degraded"
    is_unchanged = result.plan.is_empty and not result.outcome.revived
    return "unchanged" if is_unchanged else "ready"


def _summarise(
    wb: Wb, endings: Sequence[Ended], options: Options, refused: Sequence[RefusedEntry]
) -> None:
    console = wb.console
    if console.as_json:
        instances = [_document(ended, options.verb) for ended in endings]
        console.json({"instances": instances, "refused": documents(refused)})
        return
    for ended in endings:
        if ended.result and options.dry_run:
            console.line(f"{ended.instance}\n{_indented(str(ended.result.plan))}")
        if ended.result and ended.result.outcome.subnet:
            console.note(f"{ended.instance}: made the network {ended.result.outcome.subnet}")
        for warning in _warnings(ended):
            console.note(f"{ended.instance}: warning: {warning}")
        for line in _particulars(ended, options):
            console.line(f"{ended.instance}: {line}")
    rows = [(ended.instance, _result(ended, options.verb)) for ended in endings]
    acted_on = {ended.instance for ended in endings}
    rows += [(entry.title, "refused") for entry in refused if entry.title not in acted_on]
    if len(rows) > 1 and not options.dry_run:
        console.table(("INSTANCE", "RESULT"), rows)
    elif not options.dry_run and endings[0].result:
        console.line(f"{endings[0].instance}: {_result(endings[0], options.verb)}")
    for error in _errors(endings):
        console.failure(error)


def _errors(endings: Sequence[Ended]) -> Iterator[WbError]:
    """Each error once, with the instances that it does not name itself."""
    same: dict[tuple[str, str], tuple[WbError, list[str]]] = {}
    for ended in endings:
        if error := ended.error:
            same.setdefault((error.message, error.hint), (error, []))[1].append(ended.instance)
    for error, instances in same.values():
        unnamed = [each for each in instances if not re.search(rf"\b{each}\b", error.message)]
        if unnamed and len(endings) > 1:
            error.message = f"{in_short(unnamed)}: {error.message}"
        yield error


def in_short(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    others = len(names) - NAMES_SHOWN
    shown = ", ".join(names[:NAMES_SHOWN])
    return f"{shown} and {others} more" if others > 0 else shown


def _result(ended: Ended, verb: str) -> str:
    if ended.result:
        return in_words(ended.result, verb)
    return f"failed: {ended.error.message.partition(chr(10))[0]}" if ended.error else ""


def _particulars(ended: Ended, options: Options) -> list[str]:
    """What was changed and why, and how the cache came back."""
    if not ended.result or options.dry_run:
        return []
    warm_up = ended.result.warm_up
    return [*ended.result.plan.reasons, *([f"cache: {warm_up}"] if warm_up else [])]


def _warnings(ended: Ended) -> list[str]:
    if not ended.result:
        return []
    drift = [
        f"{each}; `wb restart {ended.instance}` applies it" for each in ended.result.plan.drift
    ]
    return [*ended.result.outcome.degraded, *ended.result.outcome.killed, *drift]


def _document(ended: Ended, verb: str) -> dict[str, Any]:
    from wb_cli.cli.console import error_document

    document: dict[str, Any] = {"id": ended.instance, "exitCode": int(ended.exit_code)}
    if ended.result:
        result = ended.result
        document |= {
            "result": in_a_word(result, verb),
            "url": result.url or None,
            "seconds": round(result.seconds, 3),
            "degraded": result.outcome.degraded,
            "killed": result.outcome.killed,
            "network": result.outcome.subnet or None,
            "plan": result.plan.as_document(),
            "warmUp": result.warm_up.as_document() if result.warm_up else None,
        }
    if ended.error:
        document |= {"result": "failed", "error": error_document(ended.error)}
    return document


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
