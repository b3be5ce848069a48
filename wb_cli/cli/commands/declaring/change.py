"""wb config add, set, unset, remove: change single fields and entries."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.commands.declaring.moves import refuse_moves
from wb_cli.cli.commands.declaring.texts import (
    describe_what_stays,
    examples,
    make_removed_document,
    note,
    suggest_steps,
    summarise,
)
from wb_cli.cli.context import Wb, get_wb
from wb_cli.cli.hosts import go_to
from wb_cli.cli.options import Id, Json, Yes, complete_selector
from wb_cli.cli.show.sites import tell_that_sites_stay
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wb_cli.instances.declaring.together import Changed
    from wb_cli.instances.declaring.words import Split
    from wb_cli.instances.registry_file.registry import Registry


def add_to(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command(epilog=examples("wb config add demo", "wb config add mali --port 9100 memory=2g"))(
        add
    )
    app.command(
        "set",
        epilog=examples(
            "wb config set demo port=9100",
            "wb config set @field memory=2g tags+=ministry --dry-run",
            "wb config set demo env.STATUS_API_KEY=...",
        ),
    )(set_)
    app.command(
        epilog=examples(
            "wb config unset demo adminVersion env.STATUS_API_KEY", "wb config unset all cpus"
        )
    )(unset)
    app.command(epilog=examples("wb config remove demo --yes"))(remove)


NewId = Annotated[str, typer.Argument(metavar="ID", help="1 to 40 of a-z, 0-9 and inner hyphens.")]
MoreAssignments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FIELD=VALUE]...",
        help="Any other field, as `wb config fields` lists them.",
        show_default=False,
    ),
]


def complete_set_word(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a selector, a field, or the value of a field that has few values."""
    from wb_cli.instances.registry_file.fields import FIELDS, FIELDS_BY_NAME

    name, equals, _ = incomplete.partition("=")
    if equals and name in FIELDS_BY_NAME:
        values = FIELDS_BY_NAME[name].list_values()
        return [word for value in values if (word := f"{name}={value}").startswith(incomplete)]
    fields = (f"{field.name}=" for field in FIELDS if field.name.startswith(incomplete))
    return [*complete_selector(ctx, incomplete), *fields]


def complete_unset_word(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a selector or a field."""
    from wb_cli.instances.registry_file.fields import FIELDS

    fields = (field.name for field in FIELDS if not field.is_required)
    return [
        *complete_selector(ctx, incomplete),
        *(name for name in fields if name.startswith(incomplete)),
    ]


SetWords = Annotated[
    list[str],
    typer.Argument(
        metavar="SELECTOR... FIELD=VALUE...",
        help="Instances, then fields: FIELD=VALUE, tags+=WORD, tags-=WORD, env.NAME=VALUE.",
        autocompletion=complete_set_word,
        show_default=False,
    ),
]
UnsetWords = Annotated[
    list[str],
    typer.Argument(
        metavar="SELECTOR... FIELD...",
        help="Instances, then fields to take away, or env.NAME.",
        autocompletion=complete_unset_word,
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show old and new values; write nothing.")]


def add(
    ctx: typer.Context,
    instance_id: NewId,
    more: MoreAssignments = None,
    label: Annotated[str | None, typer.Option(help="Name that people see; else the id.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Platform's port; else the first free one.")
    ] = None,
    server_version: Annotated[
        str | None, typer.Option(help="Platform's version; else the newest in use.")
    ] = None,
    image: Annotated[str | None, typer.Option(help="Platform's image.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Word to select it by; repeatable.")] = None,
    french: Annotated[bool, typer.Option("--french", help="Interface in French.")] = False,
    ethiopian: Annotated[bool, typer.Option("--ethiopian", help="Ethiopian calendar.")] = False,
    open_access: Annotated[bool, typer.Option("--open-access", help="No sign-in.")] = False,
    as_json: Json = False,
) -> None:
    """Declare an instance.

    Fields that are not given are filled in.
    """
    from wb_cli.host import ports
    from wb_cli.instances.declaring.differences import hide
    from wb_cli.instances.registry_file.changes import assign
    from wb_cli.instances.registry_file.new_entry import complete, read_host
    from wb_cli.lifecycle.next_step import find_busy_ports, find_ephemeral_ports

    wb = get_wb(ctx)
    given = {
        "id": instance_id,
        "label": label,
        "port": port,
        "serverVersion": server_version,
        "image": image,
        "tags": tag,
        "french": french or None,
        "ethiopian": ethiopian or None,
        "openAccess": open_access or None,
    }
    raw = assign({name: value for name, value in given.items() if value is not None}, more or ())
    has_image = wb.settings.platform_image is not None
    host = read_host(raw)
    # Which ports are free on another machine is seen when the instance is started there.
    is_free = ports.is_free if host is None else lambda _: True
    trial = wb.registry_file.try_out()
    trial.add(complete(raw, trial.registry, is_free, has_platform_image=has_image))
    # The engine is asked once all is well, and before the lock is taken, as it may be slow.
    present = _find_present(wb.at(host)) if "serverVersion" not in raw else set()
    folder = wb.registry_file.path.parent
    is_new_folder = not folder.exists()
    with wb.registry_file.edit() as change:
        entry = complete(
            raw,
            change.registry,
            is_free,
            has_platform_image=has_image,
            is_here=lambda instance: instance.id in present,
        )
        instance = change.add(entry)
    note(wb, instance.id, "add", "added")
    if as_json:
        wb.console.write_json(hide(entry))
        return
    wb.console.write_line(f"added {instance.id}: {summarise(instance)}")
    if is_new_folder:
        wb.console.note(f"made the folder {folder} for the registry file")
    if host is None:
        for warning in (*find_busy_ports(None, instance), *find_ephemeral_ports(None, instance)):
            wb.console.note(f"warning: {warning}")
    wb.console.note(f"next: `wb run {instance.id}`")


def _find_present(wb: Wb) -> set[str]:
    """Find the instances whose platform's image is on the engine; all if it does not answer."""
    from wb_cli.lifecycle.planning.images import choose_platform_image

    instances = wb.registry.instances
    images = {instance.id: choose_platform_image(instance, wb.settings) for instance in instances}
    if len(set(images.values())) <= 1:
        return set(images)
    try:
        present = {image for image in set(images.values()) if wb.engine.find_image(image)}
    except WbError:
        return set(images)
    return {id_ for id_, image in images.items() if image in present}


def set_(
    ctx: typer.Context, words: SetWords, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Change fields of instances, all or none.

    If one of the instances cannot take a value, none is changed.
    """
    from wb_cli.instances.declaring.words import split_assignments
    from wb_cli.instances.registry_file.changes import assign

    del as_json
    _change(get_wb(ctx), words, split_assignments, assign, dry_run=dry_run)


def unset(
    ctx: typer.Context, words: UnsetWords, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Take fields away from instances, all or none.

    Then the defaults hold, which `wb config fields` lists.
    """
    from wb_cli.instances.declaring.words import split_names
    from wb_cli.instances.registry_file.changes import unset as take_away

    del as_json
    _change(get_wb(ctx), words, split_names, take_away, dry_run=dry_run)


def remove(
    ctx: typer.Context,
    instance_id: Id,
    yes: Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Do not ask the engine whether it has containers.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take an instance out of the registry file.

    Its folders and its password stay.
    """
    from wb_cli.lifecycle.guard.declared import refuse_while_present

    wb = get_wb(ctx)
    wb.registry_file.read_entry(instance_id)  # raises if there is no such entry
    if not force:
        host = go_to(wb, instance_id)
        refuse_while_present(instance_id, wb.settings, lambda: host.engine)
    known = {instance.id: instance for instance in wb.registry.instances}.get(instance_id)
    way = f"; `wb remove-dirs {instance_id}` removes them, before this" if known else ""
    question = f"Remove {instance_id} from {wb.registry_file.path}? Its folders stay{way}."
    wb.console.confirm(question, yes=yes)
    wb.registry_file.remove(instance_id)
    note(wb, instance_id, "remove", "removed")
    if as_json:
        wb.console.write_json(make_removed_document(wb, instance_id, known))
        return
    wb.console.write_line(f"removed {instance_id}; {describe_what_stays(known, wb.settings)}")
    tell_that_sites_stay(wb, [instance_id])


def _change(
    wb: Wb,
    words: list[str],
    split: Callable[[Sequence[str], Registry], Split],
    change: Callable[[Mapping[str, Any], list[str]], dict[str, Any]],
    *,
    dry_run: bool,
) -> None:
    """Change the selected entries, in one write of the file, and show what changed."""
    from wb_cli.instances.declaring.together import change_together

    file = wb.registry_file
    with nullcontext(file.try_out()) if dry_run else file.edit() as edit:
        selectors, given = split(words, edit.registry)
        changed = change_together(edit, selectors, lambda raw: change(raw, given))
        moved = refuse_moves(wb, ((each.before, each.after) for each in changed))
    real = [each for each in changed if each.differences]
    for each in [] if dry_run else real:
        note(wb, each.after.id, "set", "changed")
    if wb.console.as_json:
        instances = [each.as_document() for each in changed]
        wb.console.write_json({"isDryRun": dry_run, "instances": instances})
        return
    for line in describe_changes(changed):
        wb.console.write_line(line)
    if dry_run:
        wb.console.note(f"{len(real)} of {len(changed)} would change; nothing was written")
        return
    for text in moved:
        wb.console.note(text)
    pairs = [(each.before, each.after) for each in real]
    ids = tuple(each.after.id for each in real)
    still = _select_ids(selectors, edit.registry) == ids
    for step in suggest_steps(wb, pairs, {ids: " ".join(selectors)} if still else {}):
        wb.console.note(f"next: {step}")


def describe_changes(changed: Sequence[Changed]) -> list[str]:
    """Describe each change in a line: of several instances with the id before the first."""
    width = max(len(each.after.id) for each in changed) + 2 if len(changed) > 1 else 0
    lines = []
    for each in changed:
        nothing = "nothing to change" if width else f"{each.after.id}: nothing to change"
        texts = [str(difference) for difference in each.differences] or [nothing]
        for number, text in enumerate(texts):
            lines.append(f"{'' if number else each.after.id:{width}}{text}" if width else text)
    return lines


def _select_ids(selectors: Sequence[str], registry: Registry) -> tuple[str, ...]:
    """The ids that the selectors select after the change, which may have changed the tags."""
    from wb_cli.errors import UsageError
    from wb_cli.instances.selectors import select

    try:
        selection = select(selectors, registry)
    except UsageError:
        return ()
    return () if selection.refused else tuple(each.id for each in selection.instances)
