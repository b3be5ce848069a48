"""How certificates and the work on them look."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any

from wb_cli.cli.console import make_error_document
from wb_cli.cli.show.days_left import NONE, UNKNOWN, show_certificate
from wb_cli.cli.show.refused import make_documents
from wb_cli.cli.show.results import FAILED, merge_errors
from wb_cli.cli.show.steps import Steps
from wb_cli.cli.show.tables import Column, Give
from wb_cli.errors import WbError
from wb_cli.lifecycle.certificates.outcome import Ending
from wb_cli.quantities import DAY_S, describe_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wb_cli.cli.console import Console, Tasks
    from wb_cli.cli.show.tables import Cell
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.certificates.outcome import Outcome
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.observe.certificates import CertificateStatus

COLUMNS = (
    Column("ID"),
    Column("DOMAIN", drop=2),
    Column("LEFT"),
    Column("SERVED", drop=5),
    Column("FILE", drop=4),
    Column("ISSUER", Give.CUT, drop=1),
    Column("RENEWAL", Give.CUT, drop=3),
)
QUIET = {Ending.UNCHANGED, Ending.NOTHING}


def make_steps(console: Console, tasks: Tasks, *, dry_run: bool) -> Steps[Outcome]:
    """Show who is at work, and how each instance ended that changed."""

    def describe_change(outcome: Outcome) -> Iterator[str]:
        if outcome.ending not in QUIET or console.verbosity:
            yield describe(outcome)
        if dry_run and outcome.command:
            yield f"  {shlex.join(outcome.command)}"

    return Steps(console, tasks, describe_change)


def describe(outcome: Outcome) -> str:
    """Describe what was done, or would be done, for an instance."""
    name = outcome.domain_name
    until = describe_end(outcome.valid_until)
    match outcome.ending:
        case Ending.PLANNED:
            return f"{name}: {outcome.reason or 'its certificate would be removed'}"
        case Ending.REMOVED:
            return f"http://{name} only; the certificate {outcome.lineage} is removed"
        case Ending.NOTHING:
            return f"{name} has no certificate"
        case Ending.UNCHANGED:
            return f"unchanged: https://{name}, {until}"
        case _:
            return f"{outcome.ending}: https://{name}, {until}, by {outcome.issuer}"


def describe_end(moment: float | None) -> str:
    """Describe until when a certificate is valid."""
    if moment is None:
        return ""
    return f"until {describe_day(moment)} ({int((moment - time.time()) // DAY_S)} days)"


def show(
    console: Console, endings: Sequence[Ended[Outcome]], refused: Sequence[RefusedEntry]
) -> None:
    """Show the answer, the errors and the sum."""
    if console.as_json:
        documents = [_make_document(ended) for ended in endings]
        console.write_json({"instances": documents, "refused": make_documents(refused)})
        return
    is_alone = len(endings) == 1 and not console.verbosity
    for ended in endings:
        if is_alone and ended.result and ended.result.ending in QUIET:
            console.write_line(f"{ended.instance}: {describe(ended.result)}")
    for error in merge_errors(endings):
        console.show_error(error)
    if len(endings) + len(refused) > 1:
        console.write_line(describe_sum(endings, len(refused)))


def describe_sum(endings: Sequence[Ended[Outcome]], refused: int) -> str:
    """Describe all endings in one line: ``37 issued, 2 unchanged, 1 failed: mali``."""
    taken = [ended.result.ending for ended in endings if ended.result]
    words = [f"{taken.count(ending)} {ending}" for ending in Ending if ending in taken]
    words += [f"{refused} refused"] if refused else []
    failed = [ended.instance for ended in endings if ended.error]
    words += [f"{len(failed)} {FAILED}: {', '.join(failed)}"] if failed else []
    return ", ".join(words)


def _make_document(ended: Ended[Outcome]) -> dict[str, Any]:
    document: dict[str, Any] = {"id": ended.instance, "exitCode": int(ended.exit_code)}
    if ended.result:
        return document | ended.result.as_document()
    error = make_error_document(ended.error) if ended.error else None
    return document | {"result": FAILED, "error": error}


def make_rows(found: Mapping[str, CertificateStatus | WbError]) -> list[tuple[Cell, ...]]:
    """Make one row for each instance."""
    return [_make_row(id_, status) for id_, status in found.items()]


def _make_row(id_: str, status: CertificateStatus | WbError) -> tuple[Cell, ...]:
    if isinstance(status, WbError):
        return (id_, *[UNKNOWN] * (len(COLUMNS) - 1))
    file, served = status.file, status.served
    current = status.current
    return (
        id_,
        status.domain_name,
        show_certificate(status),
        describe_day(served.not_after) if served else UNKNOWN if status.problem else NONE,
        describe_day(file.not_after) if file else NONE,
        current.issuer if current else NONE,
        status.problem or str(status.renewal) or NONE,
    )


def make_status_document(id_: str, status: CertificateStatus | WbError) -> dict[str, Any]:
    """Make the document of an instance for ``--json``."""
    if isinstance(status, WbError):
        return {"id": id_, "error": make_error_document(status)}
    return {"id": id_} | status.as_document()
