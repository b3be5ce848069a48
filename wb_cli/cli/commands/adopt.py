"""wb adopt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import find_declared, name_field
from wb_cli.cli.one_place import note_place
from wb_cli.cli.options import DryRun, Json, Quiet, Verbose, Wait, complete_selector
from wb_cli.cli.show.batch import act_on_each
from wb_cli.cli.words.param_types import Seconds
from wb_cli.errors import ExitCode
from wb_cli.lifecycle.options import READY_WITHIN_S, RunOptions, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.lifecycle.adoption.selection import Candidate, Candidates


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(adopt)


def adopt(
    ctx: typer.Context,
    selectors: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SELECTOR]...",
            help="Ids, declared or not, or `all`. Without one: list what could be taken over.",
            autocompletion=complete_selector,
            show_default=False,
        ),
    ] = None,
    keep_addresses: Annotated[
        bool,
        typer.Option("--keep-addresses", help="Publish new entries on the same addresses."),
    ] = False,
    dry_run: DryRun = False,
    timeout: Annotated[
        float,
        typer.Option(
            help="How long others may use an instance, and it may take until it is ready.",
            click_type=Seconds(),
        ),
    ] = READY_WITHIN_S,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Take over containers of an older tool.

    No data is moved. The password of the database is taken from the containers. Each platform is
    away for seconds, one after another; it says how long that will be, and was. What lacks an entry
    in the registry file gets one. Where a mount, a password or an entry does not fit, nothing is
    changed. If the new containers fail, the older ones are brought back. Without a selector it
    lists what could be taken over.

    Examples:
        wb adopt
        wb adopt demo --dry-run
        wb adopt all
    """
    del as_json, verbose, quiet
    from wb_cli.instances.hosts import refuse_other_hosts
    from wb_cli.lifecycle.adoption.adopt import Takeover
    from wb_cli.lifecycle.adoption.entry import Choices
    from wb_cli.lifecycle.adoption.selection import Candidates

    wb = _choose_host(get_wb(ctx), selectors or ())
    candidates = Candidates(wb.fleet, wb.registry)
    if not selectors:
        return _list(wb, candidates)
    ids = candidates.select(selectors)
    here = wb.host or wb.chosen
    refuse_other_hosts((each for each in wb.registry.instances if each.id in ids), here)
    refuse_other_hosts((each for each in wb.registry.refused if each.id in ids), here)
    if not ids:
        return _show_none(wb)
    choices = Choices(keep_addresses, "" if wb.is_engine_here else name_field(wb))
    return act_on_each(
        wb,
        ids,
        lambda id_, options: note_place(
            wb,
            id_,
            options,
            Takeover(wb.fleet, wb.registry_file, id_, options, choices).run(),
        ),
        RunOptions(Verb.ADOPT, timeout, wait, 1, dry_run),
    )


def _choose_host(wb: Wb, selectors: Sequence[str]) -> Wb:
    """Go to the host of the named instances. What is not declared is looked for on this engine.

    Raises:
        UsageError: they are on several hosts.
    """
    from wb_cli.instances.hosts import require_one

    found = [find_declared(wb, word) for word in selectors]
    return wb.at(require_one(host.host for host in found if host))


def _list(wb: Wb, candidates: Candidates) -> int:
    found = candidates.list_all()
    if wb.console.as_json:
        documents = [candidate.as_document() for candidate in found]
        wb.console.write_json({"instances": [], "refused": [], "candidates": documents})
        return ExitCode.OK
    if not found:
        return _show_none(wb)
    for candidate in found:
        _show(wb, candidate)
    fit = [candidate.instance for candidate in found if not candidate.proposal.problems]
    if fit:
        words = "all" if len(fit) == len(found) else " ".join(fit)
        wb.console.note(f"next: `wb adopt {words} --dry-run` shows what would be done")
    return ExitCode.OK


def _show(wb: Wb, candidate: Candidate) -> None:
    proposal, entry = candidate.proposal, candidate.proposal.entry
    if proposal.problems:
        wb.console.write_line(f"! {candidate.instance}: cannot be taken over as it is")
        for problem in proposal.problems:
            wb.console.write_line(f"    {problem.message}. {problem.remedy}")
        return
    version, port = entry.get("serverVersion", "?"), entry.get("port", "?")
    state = "declared" if not proposal.is_new else "not declared"
    if candidate.is_interrupted:
        state = f"interrupted; `wb adopt {candidate.instance}` goes on"
    wb.console.write_line(f"+ {candidate.instance}: version {version}, port {port}, {state}")


def _show_none(wb: Wb) -> int:
    """Say that there is nothing to take over. This is a success."""
    if wb.console.as_json:
        wb.console.write_json({"instances": [], "refused": []})
    else:
        wb.console.note("Nothing to take over: no older tool left an instance on this engine.")
    return ExitCode.OK
