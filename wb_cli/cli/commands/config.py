"""wb config: show what is declared, and check it."""

from __future__ import annotations

from typing import Annotated

import typer

from wb_cli.cli.commands.declaring import adopt as config_import
from wb_cli.cli.commands.declaring import backup as config_backup
from wb_cli.cli.commands.declaring import change as config_change
from wb_cli.cli.commands.declaring import diff as config_diff
from wb_cli.cli.commands.declaring import edit as config_edit
from wb_cli.cli.commands.declaring import settings as config_settings
from wb_cli.cli.commands.declaring.texts import (
    describe_default,
    examples,
    make_field_document,
    make_refused_document,
    make_row,
    make_value_document,
)
from wb_cli.cli.context import get_wb
from wb_cli.cli.options import Id, Json
from wb_cli.cli.show.tables import Column, Give
from wb_cli.cli.words.group import Group
from wb_cli.errors import ExitCode

app = typer.Typer(
    cls=Group,
    help="Declare instances, and set up this host.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


def register(root: typer.Typer) -> None:
    """Add the commands to the tree."""
    root.add_typer(app, name="config")


config_change.add_to(app)
config_edit.add_to(app)
config_diff.add_to(app)
config_import.add_to(app)
config_backup.add_to(app)
config_settings.add_to(app)


Reveal = Annotated[
    bool, typer.Option("--reveal", help="Show the values of environment variables, too.")
]


@app.command("list", epilog=examples("wb config list", "wb config list --json"))
def list_(ctx: typer.Context, reveal: Reveal = False, as_json: Json = False) -> None:
    """List the declared instances."""
    from wb_cli.instances.declaring.differences import hide
    from wb_cli.instances.selectors import ADD_ONE

    wb = get_wb(ctx)
    registry = wb.registry
    if as_json:
        wb.console.write_json(
            {
                "instances": [
                    dict(instance.raw) if reveal else hide(instance.raw)
                    for instance in registry.instances
                ],
                "refused": [
                    make_refused_document(entry, reveal=reveal) for entry in registry.refused
                ],
            }
        )
        return
    columns: tuple[Column, ...] = (
        Column("ID"),
        Column("LABEL", Give.WRAP),
        Column("PORT"),
        Column("POSTGRES", drop=1),
        Column("VERSION"),
        Column("TAGS", Give.WRAP),
    )
    if any(instance.host for instance in registry.instances):
        columns = (*columns, Column("HOST", drop=2))
    if registry.instances:
        rows = [make_row(instance)[: len(columns)] for instance in registry.instances]
        wb.console.show_table(columns, rows)
    for entry in registry.refused:
        wb.console.note(f"refused: {entry.name}: {entry.problem}. {entry.remedy}")
    if not registry.instances and not registry.refused:
        wb.console.note(f"No instance is declared yet. {ADD_ONE}")


@app.command(epilog=examples("wb config show demo", "wb config show demo --json --reveal"))
def show(
    ctx: typer.Context, instance_id: Id, reveal: Reveal = False, as_json: Json = False
) -> None:
    """Show an instance: each value and its origin.

    A value is declared, comes from a setting, is a default, or follows from others.
    """
    from wb_cli.instances.declaring.differences import hide, show_value
    from wb_cli.lifecycle.planning.effective import list_values

    wb = get_wb(ctx)
    instance = wb.registry.find(instance_id)
    values = list(list_values(instance, wb.settings))
    if as_json:
        entry = dict(instance.raw) if reveal else hide(instance.raw)
        documents = [make_value_document(value, reveal=reveal) for value in values]
        wb.console.write_json({"id": instance.id, "values": documents, "entry": entry})
        return
    rows = []
    for value in values:
        shown = "-" if value.value is None else show_value(value.name, value.value, reveal=reveal)
        rows.append((value.name, value.size or shown, value.source))
    columns = (Column("FIELD"), Column("VALUE", Give.WRAP), Column("FROM", Give.WRAP, drop=1))
    wb.console.show_table(columns, rows)


@app.command(epilog=examples("wb config validate && wb run all"))
def validate(ctx: typer.Context, as_json: Json = False) -> int:
    """Check the settings and every entry.

    Exits 2 if an entry of the registry file is refused.
    """
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
            for problem in entry.located_problems:
                wb.console.write_line(problem)
            wb.console.write_line(f"  {entry.remedy}")
        for doubt in doubts:
            wb.console.write_line(f"{doubt.name}: warning: {doubt.text}")
        counts = f"{len(registry.instances)} valid, {len(registry.refused)} refused"
        plural = "s" if len(doubts) > 1 else ""
        warnings = f", {len(doubts)} warning{plural}" if doubts else ""
        wb.console.note(f"{wb.registry_file.path}: {counts}{warnings}")
    return ExitCode.USAGE if registry.refused else ExitCode.OK


@app.command(epilog=examples("wb config fields", "wb config fields --json"))
def fields(ctx: typer.Context, as_json: Json = False) -> None:
    """List the fields that an instance may have."""
    from wb_cli.instances.registry_file.fields import FIELDS

    wb = get_wb(ctx)
    if as_json:
        wb.console.write_json({"fields": [make_field_document(field) for field in FIELDS]})
        return
    rows = [(field.name, field.allowed, describe_default(field), field.help) for field in FIELDS]
    columns = (
        Column("FIELD"),
        Column("VALUES", Give.WRAP),
        Column("DEFAULT", Give.WRAP, drop=1),
        Column("MEANING", Give.WRAP),
    )
    wb.console.show_table(columns, rows)
