"""wb clone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.commands.backups.backup import At, To
from wb_cli.cli.commands.backups.moments import choose_moment
from wb_cli.cli.commands.backups.places import (
    act_with_repository,
    choose_backup,
    prepare,
    read_declaration,
)
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import go_to
from wb_cli.cli.options import DryRun, Id, Json, Quiet, Verbose, Wait
from wb_cli.cli.show.endings import show_endings
from wb_cli.cli.words.param_types import Filled, Seconds
from wb_cli.errors import ExitCode, UsageError
from wb_cli.lifecycle.options import READY_WITHIN_S, RunOptions, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(clone)


def clone(
    ctx: typer.Context,
    instance: Id,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The id of the clone.")],
    at: At = "",
    to: To = "",
    now: Annotated[
        bool, typer.Option("--now", help="Back up the instance first, and clone that.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Clone's port; else the first free one.")] = None,
    label: Annotated[
        str | None,
        typer.Option(help="Name that people see; else the id.", click_type=Filled()),
    ] = None,
    dry_run: DryRun = False,
    timeout: Annotated[
        float,
        typer.Option(help="How long it may take until it is ready.", click_type=Seconds()),
    ] = READY_WITHIN_S,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Make another instance from a backup.

    The new instance has the data and the fields of the old one, its tags, too, and a port, a
    folder, a password and a token of its own. It has no site: `wb init-nginx` makes one. The old
    instance is not touched, and need not run, unless `--now` backs it up first. Then the clone
    has its cache, too, and is warm at once.

    Examples:
        wb clone demo trial
        wb clone demo trial --now --port 9400
        wb clone demo trial --at 1a2b3c4d --dry-run
        wb clone demo trial --to 10m
    """
    del as_json, verbose, quiet
    from wb_cli.backup.restoring.clone import Clone
    from wb_cli.backup.restoring.restore import Restore
    from wb_cli.lifecycle.batch import combine_exit_codes

    given = {"--at": at, "--to": to, "--now": now}
    if len(chosen := [name for name, is_given in given.items() if is_given]) > 1:
        raise UsageError(f"{' and '.join(chosen)}: only one of them can be done")
    wb = go_to(get_wb(ctx), instance)
    source = _find_source(wb, instance, at)
    entry = _describe(wb, source, new, port, label)
    clone_ = _parse(entry)
    _refuse_declared(wb, clone_)
    _refuse_other(entry, {"port": port, "label": label})
    if now and not dry_run:
        at, code = _back_up(wb, instance, wait)
        if code:
            return code
    way = choose_moment(wb, wb.registry.find(instance), to) if to else None
    backup = way.backup if way else choose_backup(wb, instance, at)
    endings = act_with_repository(
        wb,
        RunOptions(Verb.CLONE, timeout, wait, 1, dry_run),
        [new],
        lambda _, options, restic: Clone(
            Restore(
                wb.fleet,
                restic,
                clone_,
                options,
                backs_up_first=False,
                is_clone=True,
                way=way,
                declare=partial(_declare, wb, instance, entry),
            ),
            instance,
            partial(_forget, wb, new),
        ).run(backup),
    )
    show_endings(wb.console, endings, ())
    return combine_exit_codes(endings)


def _declare(wb: Wb, source: str, entry: Mapping[str, Any]) -> None:
    """Declare the clone, and make its secrets. It gets the secret variables of the source."""
    new = str(entry["id"])
    with wb.registry_file.edit() as edit:
        if new not in edit.registry.ids():  # else a clone that was cut off begins anew
            edit.add(entry)
    made, old = wb.secrets.create(new), wb.secrets.read(source)
    if old and old.environment and made.postgres_password:
        wb.secrets.adopt(new, made.postgres_password, old.environment)


def _forget(wb: Wb, new: str) -> None:
    """Take away what :func:`_declare` made."""
    with wb.registry_file.edit() as edit:
        if new in edit.registry.ids():
            edit.remove(new)
    wb.secrets.remove(new)


def _find_source(wb: Wb, instance: str, at: str) -> dict[str, Any]:
    """Find the entry of the source: on this host, or else in its backup."""
    if instance in wb.registry.ids():
        return wb.registry_file.read_entry(instance)
    return read_declaration(wb, choose_backup(wb, instance, at).id)


def _describe(
    wb: Wb, source: Mapping[str, Any], new: str, port: int | None, label: str | None
) -> dict[str, Any]:
    """Describe the entry of the clone; the one that it has if an earlier clone was cut off."""
    from wb_cli.backup.restoring.clone import describe_clone
    from wb_cli.host import ports
    from wb_cli.instances.registry_file.new_entry import complete, read_host

    trial = wb.registry_file.try_out()
    if new in trial.registry.ids():
        return trial.copy_entry(new)
    described = describe_clone(source, new, port, label)
    # Which ports are free on another machine is seen when the instance is started there.
    is_free = ports.is_free if read_host(described) is None else lambda _: True
    entry = complete(described, trial.registry, is_free, has_platform_image=True)
    trial.add(entry)
    return entry


def _parse(entry: Mapping[str, Any]) -> Instance:
    from wb_cli.instances.registry_file.entries import parse_entry

    return parse_entry(entry)


def _refuse_declared(wb: Wb, instance: Instance) -> None:
    """Refuse an id that an instance has, unless it is a clone that was cut off."""
    from wb_cli.lifecycle.guard.half_restored import Left, look
    from wb_cli.lifecycle.planning.desired import instance_path

    if instance.id not in wb.registry.ids():
        return
    machine = wb.fleet.machine
    left = look(machine, instance_path(instance, wb.settings)) if machine else Left.NOTHING
    if left is not Left.FETCHED_ALONE:
        raise UsageError(
            f"there is an instance {instance.id} already", "Choose another id for the clone."
        )
    wb.console.note(f"{instance.id}: an earlier clone was cut off; it begins anew")


def _refuse_other(entry: Mapping[str, Any], given: Mapping[str, int | str | None]) -> None:
    """Refuse an option that is not what the entry of a clone that was cut off says."""
    for name, value in given.items():
        if value is not None and entry[name] != value:
            raise UsageError(
                f"{entry['id']} was begun with the {name} {entry[name]}, not {value}",
                f"Leave --{name} out; `wb config set {entry['id']} {name}=...` changes it later.",
            )


def _back_up(wb: Wb, instance: str, wait: float) -> tuple[str, int]:
    """Back up the source. Give the id of the backup, and the exit code."""
    from wb_cli.backup.make import BackUp
    from wb_cli.lifecycle.batch import combine_exit_codes

    found = wb.registry.find(instance)
    prepare(wb)
    endings = act_with_repository(
        wb,
        RunOptions(Verb.BACKUP, wait_s=wait, parallel=1),
        [instance],
        lambda _, options, restic: BackUp(wb.fleet, restic, found, options, takes_cache=True).run(),
    )
    if code := combine_exit_codes(endings):
        show_endings(wb.console, endings, ())
    made = endings[0].result
    return (made.manifest.snapshot if made and made.manifest else ""), ExitCode(code)
