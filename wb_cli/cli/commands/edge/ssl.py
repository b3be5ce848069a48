"""wb init-ssl / remove-ssl / list-ssl, and what certbot calls after a renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.options import DryRun, Json, MaybeSelectors, Quiet, Selectors, Verbose, Wait, Yes
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance
    from wb_cli.instances.selectors import Selection
    from wb_cli.lifecycle.certificates.outcome import Outcome
    from wb_cli.lifecycle.options import RunOptions

Wildcard = Annotated[
    bool,
    typer.Option(
        "--wildcard", help="One certificate for all names of the domain, proved by a DNS record."
    ),
]
Staging = Annotated[
    bool,
    typer.Option("--staging", help="For a try: browsers do not trust it, and no limit counts it."),
]
Renew = Annotated[
    bool, typer.Option("--renew", help="Get a new one even where the present one is well.")
]
NoCheck = Annotated[
    bool,
    typer.Option("--no-check", help="Ask the ACME server even if the way to here seems barred."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("init-ssl")(init_ssl)
    app.command("remove-ssl")(remove_ssl)
    app.command("list-ssl")(list_ssl)
    app.command("reload-nginx", hidden=True)(reload_nginx)


def init_ssl(
    ctx: typer.Context,
    selectors: Selectors,
    wildcard: Wildcard = False,
    staging: Staging = False,
    renew: Renew = False,
    no_check: NoCheck = False,
    dry_run: DryRun = False,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Get certificates; serve instances by HTTPS.

    Certbot gets them, and you agree to the terms of the ACME server. An instance with a valid one
    is left alone. First wb fetches a file as the ACME server will, since its failures are limited.
    So are new certificates: what is too much is refused, with the time. Certbot's own timer renews
    them, and nginx is tested and reloaded then.

    Examples:
        wb init-ssl demo
        wb init-ssl all --dry-run
        wb init-ssl all --wildcard
        wb init-ssl demo --staging
    """
    del as_json, verbose, quiet
    from wb_cli.lifecycle.certificates.issuing import Issuing, Wish
    from wb_cli.lifecycle.options import RunOptions, Verb

    wb = get_wb(ctx)
    selection = wb.select(selectors)
    issuing = Issuing(wb.settings, Wish(wildcard, staging, renew, not no_check))
    refused = issuing.find_refused(selection.instances)
    options = RunOptions(Verb.INIT_SSL, wait_s=wait, parallel=1, dry_run=dry_run)
    return _act(wb, selection, options, issuing.issue, refused)


def remove_ssl(
    ctx: typer.Context,
    selectors: Selectors,
    dry_run: DryRun = False,
    yes: Yes = False,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Serve instances by HTTP; remove certificates.

    The site goes back to HTTP before certbot removes the certificate. A wildcard goes with the
    last instance that uses it. The limits of the ACME server are not given back.

    Examples:
        wb remove-ssl demo --dry-run
        wb remove-ssl @old --yes
    """
    del as_json, verbose, quiet
    from wb_cli.lifecycle.certificates.outcome import Ending
    from wb_cli.lifecycle.certificates.removing import Removing
    from wb_cli.lifecycle.options import RunOptions, Verb

    wb = get_wb(ctx)
    selection = wb.select(selectors)
    removing = Removing(wb.settings, wb.registry.instances, selection.instances)
    plans = {instance.id: _try(removing.plan, instance) for instance in selection.instances}
    refused = {id_: plan for id_, plan in plans.items() if isinstance(plan, WbError)}
    there = [
        plan.domain_name
        for plan in plans.values()
        if not isinstance(plan, WbError) and plan.ending is Ending.PLANNED
    ]
    if there and not dry_run:
        question = f"Remove the certificate of {', '.join(there)}? People get HTTP only."
        wb.console.confirm(question, yes=yes)
    options = RunOptions(Verb.REMOVE_SSL, wait_s=wait, parallel=1, dry_run=dry_run)
    return _act(wb, selection, options, removing.remove, refused)


def list_ssl(ctx: typer.Context, selectors: MaybeSelectors = None, as_json: Json = False) -> int:
    """List certificates, and how long they last.

    SERVED is the end of the certificate that nginx serves now, and FILE that of certbot's file.
    They differ if nginx was not reloaded.

    Examples:
        wb list-ssl
        wb list-ssl demo --json
    """
    del as_json
    from wb_cli.cli.show import certificates as view
    from wb_cli.instances.selectors import select, select_everything
    from wb_cli.observe.certificates import look_at_certificates

    wb = get_wb(ctx)
    registry = wb.registry_file.read()
    chosen = select(selectors, registry) if selectors else select_everything(registry)
    found = look_at_certificates(chosen.instances, wb.settings)
    if wb.console.as_json:
        documents = [view.make_status_document(id_, status) for id_, status in found.items()]
        wb.console.write_json({"instances": documents, "refused": make_documents(chosen.refused)})
    elif found:
        wb.console.show_table(view.COLUMNS, view.make_rows(found))
    errors = [status for status in found.values() if isinstance(status, WbError)]
    if not wb.console.as_json:
        for error in {error.message: error for error in errors}.values():
            wb.console.show_error(error)
    code = ExitCode.FAILURE if errors else ExitCode.OK
    return name_refused(wb.console, chosen.refused, code)


def reload_nginx(ctx: typer.Context) -> int:
    """Test and reload nginx, as certbot asks for.

    It is what a renewal calls. If the test fails, nginx goes on with what it has.

    Examples:
        wb reload-nginx
    """
    from wb_cli.host.web.nginx import suggest_start, test_and_reload

    wb = get_wb(ctx)
    if not test_and_reload(wb.settings):
        wb.console.note(f"nginx does not run; `{suggest_start(wb.settings)}` starts it.")
    return ExitCode.OK


def _try(work: Callable[[Instance], Outcome], instance: Instance) -> Outcome | WbError:
    try:
        return work(instance)
    except WbError as error:
        return error


def _act(
    wb: Wb,
    selection: Selection,
    options: RunOptions,
    work: Callable[[Instance, RunOptions], Outcome],
    unfit: Mapping[str, WbError],
) -> int:
    """Work on each instance but the unfit, show how each ended, and give the exit code."""
    from wb_cli.cli.show import certificates as view
    from wb_cli.lifecycle.batch import Batch, combine_exit_codes

    by_id = {instance.id: instance for instance in selection.instances}

    def check(id_: str) -> None:
        if error := unfit.get(id_):
            raise error

    with wb.console.tasks(len(by_id), has_lines=False) as tasks:
        progress = view.make_steps(wb.console, tasks, dry_run=options.dry_run)
        batch = Batch(
            wb.fleet_without_engine,
            options,
            lambda id_, chosen: work(by_id[id_], chosen),
            progress,
        )
        endings = batch.run(list(by_id), check)
    view.show(wb.console, endings, selection.refused)
    return name_refused(wb.console, selection.refused, combine_exit_codes(endings))
