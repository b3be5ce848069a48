"""wb init-nginx / remove-nginx / list-nginx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.options import DryRun, Json, Selectors, Wait, complete_selector
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.cli.show.tables import Column, StateCell
from wb_cli.errors import ExitCode
from wb_cli.quantities import shorten_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.edge.judge import SiteState
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.sites.actions import SiteOptions, SiteResult, SitesChanged
    from wb_cli.lifecycle.sites.survey import SeenSite, Served

WAIT_S: float = 60
SHOWN = 5


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("init-nginx")(init_nginx)
    app.command("remove-nginx")(remove_nginx)
    app.command("list-nginx")(list_nginx)


def init_nginx(
    ctx: typer.Context,
    selectors: Selectors,
    dry_run: DryRun = False,
    wait: Wait = WAIT_S,
    as_json: Json = False,
) -> int:
    """Put instances behind nginx.

    Writes a site for each, tests nginx's configuration, and reloads nginx. If the test or the
    reload fails, what was there comes back. Files that are not wb's are never touched.

    Examples:
        wb init-nginx demo
        wb init-nginx all --dry-run
    """
    del as_json
    from wb_cli.lifecycle.sites.actions import init_sites

    wb = get_wb(ctx)
    selection = wb.select(selectors)
    changed = _work(
        lambda options: init_sites(selection.instances, wb.settings, options), wait, dry_run=dry_run
    )
    _note(wb, changed, "init-nginx")
    return _show(wb, changed, selection.refused)


def remove_nginx(
    ctx: typer.Context,
    selectors: Selectors,
    dry_run: DryRun = False,
    wait: Wait = WAIT_S,
    as_json: Json = False,
) -> int:
    """Remove the nginx sites of instances.

    The instances run on. It works on the sites that are there, also of an instance that is no
    longer in the registry file. Files that are not wb's stay.

    Examples:
        wb remove-nginx demo
        wb remove-nginx all --dry-run
    """
    del as_json
    from wb_cli.lifecycle.sites.actions import remove_sites
    from wb_cli.lifecycle.sites.selection import select_sites

    wb = get_wb(ctx)
    ids = select_sites(selectors, lambda: wb.registry, wb.settings)
    changed = _work(lambda options: remove_sites(ids, wb.settings, options), wait, dry_run=dry_run)
    _note(wb, changed, "remove-nginx")
    return _show(wb, changed, ())


def list_nginx(
    ctx: typer.Context,
    selectors: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SELECTOR...]",
            help="Which instances; without any, all, and sites that no entry declares.",
            autocompletion=complete_selector,
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """List nginx sites, and whether each is served.

    Examples:
        wb list-nginx
        wb list-nginx demo --json
    """
    del as_json
    from wb_cli.edge.describe import is_in_reach
    from wb_cli.host.web import nginx
    from wb_cli.instances.selectors import select, select_everything
    from wb_cli.lifecycle.sites import survey

    wb = get_wb(ctx)
    chosen = select(selectors, wb.registry) if selectors else select_everything(wb.registry)
    near = [each for each in chosen.instances if selectors or is_in_reach(each, wb.settings)]
    elsewhere = [each.id for each in chosen.instances if each not in near]
    seen = [survey.look_at_site(instance, wb.settings) for instance in near]
    if not selectors:
        known = set(wb.registry.ids()) | {entry.id for entry in wb.registry.refused}
        others = [id_ for id_ in survey.list_own_sites(wb.settings) if id_ not in known]
        seen += [survey.look_at_undeclared(id_, wb.settings) for id_ in others]
    is_running = nginx.is_running(wb.settings) if any(site.file.text for site in seen) else None
    served = survey.ask_served(seen) if is_running else {}
    if wb.console.as_json:
        sites = [_describe_site(site, served.get(site.instance)) for site in seen]
        refused = make_documents(chosen.refused)
        wb.console.write_json(
            {"sites": sites, "running": is_running, "elsewhere": elsewhere, "refused": refused}
        )
        return name_refused(wb.console, chosen.refused, ExitCode.OK)
    if seen or not elsewhere:
        _show_table(wb, seen, served)
    if elsewhere:
        wb.console.note(
            f"{shorten_list(elsewhere, SHOWN)}: on other hosts, published there for those alone, "
            "so nginx on this machine cannot serve them"
        )
    if is_running is False:
        start = nginx.suggest_start(wb.settings)
        wb.console.note(f"nginx does not run, so nothing is served. `{start}` starts it.")
    return name_refused(wb.console, chosen.refused, ExitCode.OK)


def _work(
    change: Callable[[SiteOptions], SitesChanged], wait: float, *, dry_run: bool
) -> SitesChanged:
    """Change sites. When a signal comes, what was changed is put back."""
    from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError, interruptible
    from wb_cli.lifecycle.sites.actions import SiteOptions

    try:
        with interruptible() as cancelled:
            try:
                return change(SiteOptions(dry_run=dry_run, wait_s=wait, cancelled=cancelled))
            except InterruptedError:
                pass  # the end of the block raises the error
    except InterruptedByUserError as error:
        error.message = f"{error.message}; the sites are as they were"
        raise
    raise AssertionError  # pragma: no cover  (only a signal interrupts)


def _note(wb: Wb, changed: SitesChanged, verb: str) -> None:
    """Write what was changed to the histories of the instances."""
    from wb_cli.lifecycle.record import history
    from wb_cli.lifecycle.record.beside_registry import find_history
    from wb_cli.lifecycle.sites.actions import SiteEnding

    folder = find_history(wb.settings.servers_file)
    for result in changed.results:
        if result.ending in {SiteEnding.WRITTEN, SiteEnding.REMOVED}:
            history.note(folder, result.seen.instance, verb, result.ending)


def _show(wb: Wb, changed: SitesChanged, refused: Sequence[RefusedEntry]) -> int:
    from wb_cli.lifecycle.batch import combine_exit_codes

    code = combine_exit_codes(changed.results) if changed.results else ExitCode.OK
    if wb.console.as_json:
        sites = [_make_document(result) for result in changed.results]
        document = {"sites": sites, "reload": changed.reload, "refused": make_documents(refused)}
        wb.console.write_json(document)
        return name_refused(wb.console, refused, code)
    _show_results(wb, changed)
    return name_refused(wb.console, refused, code)


def _show_results(wb: Wb, changed: SitesChanged) -> None:
    from wb_cli.host.web import nginx
    from wb_cli.lifecycle.sites.actions import SiteEnding
    from wb_cli.lifecycle.sites.apply import Reload

    if not changed.results:
        wb.console.note("Nothing to remove: wb has written no site.")
    for result in changed.results:
        if result.error:
            if result.seen.instance not in result.error.message:
                result.error.message = f"{result.seen.instance}: {result.error.message}"
            wb.console.show_error(result.error)
            continue
        for line in result.diff.splitlines() if result.ending is SiteEnding.PLANNED else ():
            wb.console.write_line(line)
        wb.console.write_line(f"{result.seen.instance}: {_describe(result)}")
    if changed.reload is Reload.NOT_RUNNING:
        start = nginx.suggest_start(wb.settings)
        wb.console.note(f"The files are tested. nginx does not run; `{start}` starts it.")


def _describe(result: SiteResult) -> str:
    from wb_cli.lifecycle.sites.actions import SiteEnding

    site = result.seen.site
    url = f": {site.url}" if site else ""
    if result.ending is SiteEnding.PLANNED:
        return f"{'would be written' if site else 'would be removed'}{url}"
    return f"{result.ending}{url}"


def _make_document(result: SiteResult) -> dict[str, Any]:
    from wb_cli.cli.console import make_error_document

    site = result.seen.site
    return {
        "id": result.seen.instance,
        "exitCode": int(result.exit_code),
        "result": result.ending,
        "file": str(result.seen.file.path),
        "url": site.url if site else None,
        "diff": result.diff or None,
        "error": make_error_document(result.error) if result.error else None,
    }


def _describe_site(seen: SeenSite, served: Served | None) -> dict[str, Any]:
    site = seen.site
    return {
        "id": seen.instance,
        "state": seen.state,
        "reason": seen.judged.reason or None,
        "file": str(seen.file.path),
        "serverName": site.server_name if site else None,
        "url": site.url if site else None,
        "upstream": site.upstream if site else None,
        "hasCertificate": bool(site.certificate) if site else None,
        "served": served,
    }


def _show_table(wb: Wb, seen: Sequence[SeenSite], served: dict[str, Served]) -> None:
    columns = (
        Column("ID"),
        Column("SITE"),
        Column("SERVED"),
        Column("URL"),
        Column("UPSTREAM", drop=1),
        Column("FILE", drop=2),
    )
    rows = [
        (
            site.instance,
            StateCell(_choose_colour(site.state), str(site.state)),
            str(served.get(site.instance, "no")),
            site.site.url if site.site else "-",
            site.site.upstream if site.site else "-",
            str(site.file.path),
        )
        for site in seen
    ]
    if rows:
        wb.console.show_table(columns, rows)
    else:
        wb.console.note("No instance is declared, and wb has written no site.")
    _show_reasons(wb.console, seen)


def _choose_colour(state: SiteState) -> str:
    """Choose the state of other tables that has the fitting colour."""
    from wb_cli.edge.judge import SiteState

    well = {SiteState.OURS: "running", SiteState.NONE: "stopped", SiteState.FOREIGN: "foreign"}
    return well.get(state, "unknown" if state is SiteState.UNREADABLE else "degraded")


def _show_reasons(console: Console, seen: Sequence[SeenSite]) -> None:
    """Say why a site is not touched, or what brings it up to date."""
    from wb_cli.edge.judge import SiteState

    for site in seen:
        if site.judged.reason:
            console.note(f"{site.instance}: {site.judged.reason}")
        elif site.state in {SiteState.DIFFERS, SiteState.NOT_ENABLED}:
            console.note(f"{site.instance}: `wb init-nginx {site.instance}` brings it up to date")
        elif site.state is SiteState.UNDECLARED:
            console.note(f"{site.instance}: `wb remove-nginx {site.instance}` removes it")
