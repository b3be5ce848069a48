"""wb run / stop / restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import Listing, ask_each, find_declared, list_hosts
from wb_cli.cli.one_place import stop_in_its_place
from wb_cli.cli.options import DryRun, Json, Quiet, Ready, Selectors, Verbose, Wait
from wb_cli.cli.room import make_room_check
from wb_cli.cli.show.batch import act_on_each
from wb_cli.cli.show.refused import make_documents, name_refused, warn_of_typos
from wb_cli.cli.show.sites import tell_that_sites_stay
from wb_cli.cli.starts import choose_to_start
from wb_cli.cli.words.param_types import Count, Seconds
from wb_cli.errors import ExitCode
from wb_cli.instances.hosts import CHOSEN
from wb_cli.lifecycle.options import PARALLEL, READY_WITHIN_S, RunOptions, Verb, choose_parallel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.refused import RefusedEntry

Parallel = Annotated[int, typer.Option(help="Instances at a time.", click_type=Count(1, 64))]

NOTHING_TO_STOP = "Nothing to stop: no instance is declared, and none runs."
NOTHING_PRESENT = "Nothing to run: none of them has a container."


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(run)
    app.command("start", hidden=True, help="The same as `wb run`.")(run)
    app.command()(stop)
    app.command()(restart)


def run(
    ctx: typer.Context,
    selectors: Selectors,
    force: Annotated[
        bool,
        typer.Option("--force", help="Start what the machine seems to have no room for, too."),
    ] = False,
    present: Annotated[
        bool,
        typer.Option("--present", help="Only those that have containers: not what was stopped."),
    ] = False,
    dry_run: DryRun = False,
    timeout: Ready = READY_WITHIN_S,
    wait: Wait = 0,
    parallel: Annotated[
        int | None,
        typer.Option(
            help="Instances at a time; by default as many as processors, from 2 to 8.",
            click_type=Count(1, 64),
        ),
    ] = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Start instances, or apply what was changed.

    An instance that runs as declared is left alone. Where the declaration changed, only the
    containers that differ are replaced. The old ones come back if their successors fail.

    Several instances start in the order of their `priority`, then by id. Those that the machine has
    no room for are named and left as they are; the others start.

    Examples:
        wb run demo
        wb run @field server=1.7.0
        wb run all --dry-run
    """
    del as_json, verbose, quiet
    from wb_cli.host.kernel import count_processors

    wb = get_wb(ctx)
    chosen = choose_to_start(wb, selectors)
    instances, hosts, refused = chosen
    if present and not (instances := _keep_present(wb, instances, hosts)):
        return report_nothing(wb.console, NOTHING_PRESENT, refused)
    warn_of_typos(wb, instances)
    at_a_time = parallel or choose_parallel(count_processors())
    return act_on_each(
        wb,
        list(instances),
        chosen.make_work(Verb.RUN),
        RunOptions(Verb.RUN, timeout, wait, at_a_time, dry_run),
        check=None if force or len(instances) <= 1 else make_room_check(instances, hosts),
        refused=refused,
        hosts=hosts,
    )


def _keep_present(
    wb: Wb, instances: Mapping[str, Instance], hosts: Mapping[str, Wb]
) -> dict[str, Instance]:
    """Keep the instances that their engine has containers of, running or not.

    Those of a host that does not answer are kept, too. The action meets the same error, and tells
    it for its host.
    """
    from wb_cli.errors import WbError
    from wb_cli.lifecycle.stop_selection import find_instances

    ours = str(wb.settings.servers_file)
    names = dict.fromkeys(host.host for host in hosts.values())
    if len(names) == 1:
        there = find_instances(next(iter(hosts.values())).engine.observe(), ours)
        return {id_: instance for id_, instance in instances.items() if id_ in there}
    found = ask_each(wb, names, lambda host: find_instances(host.engine.observe(), ours))

    def is_kept(id_: str) -> bool:
        there = found[hosts[id_].host]
        return isinstance(there, WbError) or id_ in there

    return {id_: instance for id_, instance in instances.items() if is_kept(id_)}


def stop(
    ctx: typer.Context,
    selectors: Selectors,
    force: Annotated[
        bool, typer.Option("--force", help="Stop other containers that use the instance, too.")
    ] = False,
    dry_run: DryRun = False,
    timeout: Annotated[
        float,
        typer.Option(help="How long to wait for others that use it.", click_type=Seconds()),
    ] = 30,
    wait: Wait = 0,
    parallel: Parallel = PARALLEL,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Stop instances; their data stays.

    Stops the platform, admin, postgres, wal and valkey, and removes the network. It works on what
    the engine has, also for an instance that is no longer in the registry file. Containers that are
    not wb's but use its network or its sandbox, such as a platform's helpers, are waited for. If
    they stay, nothing is stopped and they are named.

    Examples:
        wb stop demo
        wb stop @field --dry-run
        wb stop demo --force
    """
    del as_json, verbose, quiet
    from wb_cli.lifecycle import actions, stop_selection

    wb = get_wb(ctx)
    listing = Listing(wb, list_hosts(wb))
    found = stop_selection.select_to_stop(selectors, lambda: wb.registry, wb.settings, listing)
    for name, error in listing.unknown.items():
        wb.console.note(
            f"{name or CHOSEN}: whether it has instances that the registry file lacks is not "
            f"known: {error.headline}"
        )
    if not found.ids:
        return report_nothing(wb.console, NOTHING_TO_STOP)
    hosts = {id_: find_declared(wb, id_) or listing.find(id_) for id_ in found.ids}
    code = act_on_each(
        wb,
        found.ids,
        lambda id_, options: stop_in_its_place(
            hosts[id_],
            id_,
            options,
            lambda fleet: actions.stop(fleet, id_, options, force=force),
        ),
        RunOptions(Verb.STOP, timeout, wait, parallel, dry_run),
        refused=found.refused,
        hosts=hosts,
    )
    tell_that_sites_stay(wb, found.ids)
    return code


def report_nothing(console: Console, text: str, refused: Sequence[RefusedEntry] = ()) -> int:
    """Say that there is nothing to do. This is a success, unless an entry is refused."""
    if console.as_json:
        console.write_json({"instances": [], "refused": make_documents(refused)})
    else:
        console.note(text)
    return name_refused(console, refused, ExitCode.OK)


def restart(
    ctx: typer.Context,
    selectors: Selectors,
    dry_run: DryRun = False,
    timeout: Ready = READY_WITHIN_S,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Stop and start instances, one by one.

    All changes are applied. All instances of a host are checked before its first one stops; those
    that could not start again are left alone.

    Examples:
        wb restart demo
        wb restart server=1.7.0
    """
    del as_json, verbose, quiet
    wb = get_wb(ctx)
    chosen = choose_to_start(wb, selectors)
    instances, hosts, refused = chosen
    warn_of_typos(wb, instances)
    return act_on_each(
        wb,
        list(instances),
        chosen.make_work(Verb.RESTART),
        RunOptions(Verb.RESTART, timeout, wait, 1, dry_run),
        check=chosen.make_restart_check(),
        refused=refused,
        hosts=hosts,
    )
