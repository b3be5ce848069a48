"""wb config: declare instances and show settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli import config_texts
from wb_cli.cli.config_texts import (
    make_refused_document,
    make_row,
    make_setting_document,
    show_setting,
    summarise,
)
from wb_cli.cli.context import Id, Json, Wb, Yes, get_wb
from wb_cli.cli.group import Group
from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wb_cli.instances.model import Instance

app = typer.Typer(
    cls=Group,
    help="Declare instances: add, list, show, set, unset, remove, validate; see all settings.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(root: typer.Typer) -> None:
    """Add the commands to the tree."""
    root.add_typer(app, name="config")


NewId = Annotated[str, typer.Argument(metavar="ID", help="1 to 40 of a-z, 0-9 and inner hyphens.")]
Assignments = Annotated[
    list[str],
    typer.Argument(
        metavar="FIELD=VALUE...",
        help="Fields as `wb config fields` lists them; env.NAME=VALUE is one variable.",
        show_default=False,
    ),
]
MoreAssignments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FIELD=VALUE]...",
        help="Any other field, as `wb config fields` lists them.",
        show_default=False,
    ),
]
FieldNames = Annotated[
    list[str], typer.Argument(metavar="FIELD...", help="Fields to take away, or env.NAME.")
]


@app.command(epilog="Examples: wb config add demo   wb config add mali --port 9100 memory=2g")
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
    """Declare an instance; fields that are not given are filled in."""
    from wb_cli.host.ports import is_free
    from wb_cli.instances.changes import assign
    from wb_cli.instances.new_entry import complete
    from wb_cli.lifecycle.next_step import find_busy_ports

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
    with wb.registry_file.edit() as change:
        has_image = wb.settings.platform_image is not None
        entry = complete(raw, change.registry, is_free, has_platform_image=has_image)
        instance = change.add(entry)
    if as_json:
        wb.console.write_json(entry)
        return
    wb.console.write_line(f"added {instance.id}: {summarise(instance)}")
    for busy in find_busy_ports(None, instance):
        wb.console.note(f"warning: {busy}")
    wb.console.note(f"next: `wb init-dirs {instance.id} && wb run {instance.id}`")


@app.command("list", epilog="Example: wb config list --json")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the declared instances."""
    from wb_cli.instances.selectors import ADD_ONE

    wb = get_wb(ctx)
    registry = wb.registry
    if as_json:
        wb.console.write_json(
            {
                "instances": [dict(instance.raw) for instance in registry.instances],
                "refused": [make_refused_document(entry) for entry in registry.refused],
            }
        )
        return
    headings = ("ID", "LABEL", "PORT", "POSTGRES", "VERSION", "TAGS")
    if registry.instances:
        wb.console.show_table(headings, [make_row(instance) for instance in registry.instances])
    for entry in registry.refused:
        wb.console.note(f"refused: {entry.name}: {entry.problem}. {entry.remedy}")
    if not registry.instances and not registry.refused:
        wb.console.note(f"No instance is declared yet. {ADD_ONE}")


@app.command(epilog="Example: wb config show demo")
def show(ctx: typer.Context, instance_id: Id, as_json: Json = False) -> None:
    """Show one instance, every field."""
    wb = get_wb(ctx)
    instance = wb.registry.find(instance_id)
    if as_json:
        wb.console.write_json(dict(instance.raw))
        return
    from wb_cli.instances.changes import show_value

    rows = [(name, show_value(name, value)) for name, value in instance.raw.items()]
    wb.console.show_table(("FIELD", "VALUE"), rows)


@app.command("set", epilog="Examples: wb config set demo port=9100   wb config set demo env.A=b")
def set_(
    ctx: typer.Context, instance_id: Id, assignments: Assignments, as_json: Json = False
) -> None:
    """Change fields of an instance."""
    from wb_cli.instances.changes import assign

    _change(get_wb(ctx), instance_id, lambda raw: assign(raw, assignments), as_json)


@app.command(epilog="Example: wb config unset demo adminVersion env.STATUS_API_KEY")
def unset(ctx: typer.Context, instance_id: Id, fields: FieldNames, as_json: Json = False) -> None:
    """Take fields away from an instance."""
    from wb_cli.instances.changes import unset as take_away

    _change(get_wb(ctx), instance_id, lambda raw: take_away(raw, fields), as_json)


@app.command(epilog="Example: wb config remove demo --yes")
def remove(
    ctx: typer.Context,
    instance_id: Id,
    yes: Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Do not ask the engine whether it has containers.")
    ] = False,
) -> None:
    """Take an instance out of the registry file; its folders and its password stay."""
    from wb_cli.lifecycle.guard.declared import refuse_while_present

    wb = get_wb(ctx)
    wb.registry_file.read_entry(instance_id)  # raises if there is no such entry
    if not force:
        refuse_while_present(instance_id, wb.settings, lambda: wb.engine)
    known = {instance.id: instance for instance in wb.registry.instances}.get(instance_id)
    way = f"; `wb remove-dirs {instance_id}` removes them, before this" if known else ""
    question = f"Remove {instance_id} from {wb.registry_file.path}? Its folders stay{way}."
    wb.console.confirm(question, yes=yes)
    wb.registry_file.remove(instance_id)
    wb.console.write_line(
        f"removed {instance_id}; {config_texts.describe_what_stays(known, wb.settings)}"
    )


@app.command(epilog="Example: wb config validate && wb run all")
def validate(ctx: typer.Context, as_json: Json = False) -> int:
    """Check the settings and every entry of the registry file; exit 2 if an entry is refused."""
    wb = get_wb(ctx)
    wb.settings  # noqa: B018  (reading them checks them)
    registry = wb.registry
    doubts = wb.registry_file.find_doubts()
    if as_json:
        wb.console.write_json(
            {
                "valid": list(registry.ids()),
                "refused": [make_refused_document(entry) for entry in registry.refused],
                "warnings": [doubt.as_document() for doubt in doubts],
            }
        )
    else:
        for entry in registry.refused:
            wb.console.write_line(f"{entry.name}: {entry.problem}. {entry.remedy}")
        for doubt in doubts:
            wb.console.write_line(f"{doubt.name}: warning: {doubt.text}")
        counts = f"{len(registry.instances)} valid, {len(registry.refused)} refused"
        plural = "s" if len(doubts) > 1 else ""
        warnings = f", {len(doubts)} warning{plural}" if doubts else ""
        wb.console.note(f"{wb.registry_file.path}: {counts}{warnings}")
    return ExitCode.USAGE if registry.refused else ExitCode.OK


@app.command(epilog="Example: wb config settings --json")
def settings(ctx: typer.Context, as_json: Json = False) -> None:
    """Show every setting, its value and where that comes from; secrets are hidden."""
    from wb_cli.instances.setting_table import SETTINGS

    wb = get_wb(ctx)
    found = wb.settings
    rows = [
        (setting, show_setting(found.get_value(setting)), found.origins[setting.name])
        for setting in SETTINGS
    ]
    if as_json:
        wb.console.write_json([make_setting_document(*make_row) for make_row in rows])
        return
    table = [(setting.name, setting.env, value, origin) for setting, value, origin in rows]
    wb.console.show_table(("SETTING", "ENVIRONMENT", "VALUE", "FROM"), table)


@app.command(epilog="Example: wb config fields")
def fields(ctx: typer.Context, as_json: Json = False) -> None:
    """List every field that an instance may have."""
    from wb_cli.instances.entries import FIELDS

    wb = get_wb(ctx)
    if as_json:
        wb.console.write_json(
            [
                {"name": field.name, "isRequired": field.is_required, "help": field.help}
                for field in FIELDS
            ]
        )
        return
    rows = [(field.name, "yes" if field.is_required else "", field.help) for field in FIELDS]
    wb.console.show_table(("FIELD", "REQUIRED", "MEANING"), rows)


def _change(
    wb: Wb,
    instance_id: str,
    change_raw: Callable[[Mapping[str, Any]], dict[str, Any]],
    as_json: bool,
) -> None:
    from wb_cli.instances.changes import describe_differences

    with wb.registry_file.edit() as change:
        before = {instance.id: instance for instance in change.registry.instances}.get(instance_id)
        old = change.copy_entry(instance_id)
        new = change_raw(old)
        after = change.replace(instance_id, new)
    if as_json:
        wb.console.write_json(new)
        return
    lines = list(describe_differences(old, new))
    for line in lines or [f"{instance_id}: nothing to change"]:
        wb.console.write_line(line)
    for step in _suggest_next_steps(wb, before, after) if lines else ():
        wb.console.note(f"next: {step}")


def _suggest_next_steps(wb: Wb, before: Instance | None, after: Instance) -> list[str]:
    """Suggest commands after a change. The change is made even if the engine does not answer."""
    from wb_cli.lifecycle.next_step import suggest_next_steps

    try:
        return list(suggest_next_steps(wb.fleet, before, after))
    except WbError as error:
        return [f"`wb run {after.id}` applies it; how it stands is not known: {error.message}"]
